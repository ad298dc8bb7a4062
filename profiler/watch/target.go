package watch

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Kind of a target.
type Kind int

// Kinds of targets.
const (
	Container Kind = iota + 1 // Text is a name, an ID, or a glob
	Pod                       // Text is NAMESPACE/NAME or NAMESPACE/NAME/CONTAINER
	Labelled                  // containers with Labels
	Unit                      // Text is a name or a glob, .service may be left out
	Cgroup                    // Text is a path below the cgroup2 mount, or a directory
	PID                       // Number
	All                       // every workload below Options.Root
)

// Target is what the user wants recorded.
type Target struct {
	Kind   Kind
	Text   string
	Number int
	Labels map[string]string // of Container, Pod and Labelled: all must be there
	// Fresh says of Cgroup and PID that the workload has not begun: what is there are processes of its container
	// runtime.
	Fresh bool
}

// Check tells whether the target can be looked for.
func (t *Target) Check() error {
	switch t.Kind {
	case Container:
		return engine.CheckPattern(t.Text)
	case Pod:
		if parts := strings.Split(t.Text, "/"); len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
			return fmt.Errorf("pod %q: write it as NAMESPACE/NAME or NAMESPACE/NAME/CONTAINER", t.Text)
		}
	case Unit:
		if _, err := path.Match(t.Text, ""); t.Text == "" || err != nil || strings.Contains(t.Text, "/") {
			return fmt.Errorf("unit %q: give the name of a service or scope, as nginx.service", t.Text)
		}
	case Cgroup:
		if t.Text == "" {
			return fmt.Errorf("cgroup %q: give a path below the cgroup2 mount, as /system.slice/nginx.service", t.Text)
		}
	case PID:
		if t.Number <= 0 {
			return fmt.Errorf("pid %d: give the number of a process", t.Number)
		}
	}
	return nil
}

func (t *Target) String() string {
	switch t.Kind {
	case Container:
		return "container " + t.Text
	case Pod:
		return "pod " + t.Text
	case Unit:
		return "unit " + t.Text
	case Cgroup:
		return "cgroup " + t.Text
	case PID:
		return fmt.Sprintf("pid %d", t.Number)
	case Labelled:
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
			pairs = append(pairs, key+"="+t.Labels[key])
		}
		return "containers with labels " + strings.Join(pairs, ",")
	default:
		return "all"
	}
}

// ofContainers tells whether only containers can be meant.
func (t *Target) ofContainers() bool {
	return t.Kind == Container || t.Kind == Pod || t.Kind == Labelled
}

// One tells whether the target means one workload: when that has ended, nothing more is to come.
func (t *Target) One() bool {
	switch t.Kind {
	case Container, Unit:
		return !engine.IsGlob(t.Text)
	case Pod:
		return strings.Count(t.Text, "/") == 2
	case Cgroup, PID:
		return true
	default:
		return false
	}
}

// verdict on a workload; of several targets, the greatest counts.
type verdict int

const (
	no      verdict = iota
	unknown         // its engine would have to tell, and could not
	yes
)

// judge tells whether the target means a workload at that place, whose engine knows it as c (nil if it
// does not).
func (t *target) judge(p place, c *engine.Container) verdict {
	switch {
	case t.Kind == All:
		return verdictOf(!p.ref.Monitor && (c == nil || !c.Sandbox))
	case t.Kind == Cgroup || t.Kind == PID:
		return verdictOf(within(p.path, t.path))
	case t.Kind == Unit:
		return verdictOf(p.kind == recording.KindUnit && matchUnit(t.Text, path.Base(p.path)))
	case p.kind != recording.KindContainer:
		return no
	case c == nil && t.Kind == Container && len(t.Labels) == 0 && engine.Match(&engine.Container{ID: p.ref.ID}, t.Text):
		return yes
	case c == nil:
		return unknown
	default:
		return verdictOf(!c.Sandbox && engine.MatchLabels(c, t.Labels) && t.names(c))
	}
}

// isAt tells whether the target, as it was resolved, is the workload at that place.
func (t *target) isAt(p place) bool {
	switch t.Kind {
	case Cgroup, PID:
		return t.path == p.path
	case Container, Pod, Labelled:
		known := t.containers[p.ref.ID] != nil || t.byID && engine.MatchID(&engine.Container{ID: p.ref.ID}, t.Text)
		return known && p.kind == recording.KindContainer
	case Unit:
		return t.judge(p, nil) == yes
	default:
		return false
	}
}

func verdictOf(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

func (t *Target) names(c *engine.Container) bool {
	switch t.Kind {
	case Container:
		return engine.Match(c, t.Text)
	case Pod:
		parts := append(strings.Split(t.Text, "/"), "")
		return engine.MatchPod(c, parts[0], parts[1], parts[2])
	default:
		return true
	}
}

func matchUnit(pattern, name string) bool {
	for _, candidate := range []string{pattern, pattern + ".service"} {
		if ok, err := path.Match(candidate, name); ok && err == nil {
			return true
		}
	}
	return false
}

// excluded tells whether a glob means the workload, or a cgroup that it is below.
func excluded(globs []string, p place, c *engine.Container) bool {
	names := []string{path.Base(p.path), p.name(), p.ref.ID}
	for above := p.path; len(above) > 1; above = path.Dir(above) {
		names = append(names, above)
	}
	if c != nil {
		names = append(names, c.Name, c.ContainerName)
	}
	return slices.ContainsFunc(globs, func(glob string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			ok, err := path.Match(glob, name)
			return ok && err == nil
		})
	})
}
