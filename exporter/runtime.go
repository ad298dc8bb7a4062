package exporter

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Names of the runtimes that Options.Runtime takes.
const (
	RuntimeRunc = "runc"
	RuntimeCrun = "crun"
	RuntimeAll  = "all"
	RuntimeNone = "none"
)

// Values of Options.NoNewPrivs.
const (
	NoNewPrivsAny = "any"
	NoNewPrivsNo  = "no"
	NoNewPrivsYes = "yes"
)

// families are the runtimes whose calls are known, sorted.
func families() []string { return []string{RuntimeCrun, RuntimeRunc} }

// Runtimes are the names that Options.Runtime takes, sorted.
func Runtimes() []string {
	return []string{RuntimeAll, RuntimeCrun, RuntimeNone, RuntimeRunc}
}

// NoNewPrivsValues are those that Options.NoNewPrivs takes, sorted.
func NoNewPrivsValues() []string {
	return []string{NoNewPrivsAny, NoNewPrivsNo, NoNewPrivsYes}
}

// chooseFamilies are the runtimes that the profile must let start a container: as
// asked, or else those that the recordings saw.
func chooseFamilies(recs []*recording.Recording, opts Options) ([]string, error) {
	switch opts.Runtime {
	case RuntimeNone:
		return nil, nil
	case RuntimeAll:
		return families(), nil
	case "":
		if !withStart(opts.Phases) {
			return nil, nil
		}
		return familiesSeen(recs), nil
	}
	if !slices.Contains(families(), opts.Runtime) {
		return nil, fmt.Errorf("runtime %q is not known: use one of %s", recording.CleanString(opts.Runtime), strings.Join(Runtimes(), ", "))
	}
	return []string{opts.Runtime}, nil
}

// familiesSeen: where no recording is of a container, runc is what the profile will most likely meet.
func familiesSeen(recs []*recording.Recording) []string {
	var seen []string
	for _, r := range recs {
		if r.Workload.Container == nil {
			continue
		}
		if family := familyOf(r.Workload.Container.Runtime); family != "" {
			seen = append(seen, family)
		} else {
			seen = families()
			break
		}
	}
	if len(seen) == 0 {
		return []string{RuntimeRunc}
	}
	slices.Sort(seen)
	return slices.Compact(seen)
}

// familyOf knows a runtime by the names that engines give it: "runc", "/usr/bin/crun",
// "io.containerd.runc.v2". It returns "" for others: their calls were never measured.
func familyOf(name string) string {
	base := path.Base(name)
	for _, family := range families() {
		if base == family || strings.HasPrefix(base, "io.containerd."+family+".") {
			return family
		}
	}
	return ""
}

// chooseNoNewPrivs: a profile is tied to a setting only if it was asked for, or if every
// recording is of a container that had it: what a command had says nothing of its container.
func chooseNoNewPrivs(recs []*recording.Recording, asked string) (string, error) {
	if asked != "" {
		if !slices.Contains(NoNewPrivsValues(), asked) {
			return "", fmt.Errorf("no_new_privs %q is not known: use one of %s", recording.CleanString(asked), strings.Join(NoNewPrivsValues(), ", "))
		}
		return asked, nil
	}
	var seen []string
	for _, r := range recs {
		switch set := r.Workload.NoNewPrivs; {
		case r.Workload.Container == nil || set == nil:
			seen = append(seen, NoNewPrivsAny)
		case *set:
			seen = append(seen, NoNewPrivsYes)
		default:
			seen = append(seen, NoNewPrivsNo)
		}
	}
	slices.Sort(seen)
	if seen = slices.Compact(seen); len(seen) > 1 {
		return NoNewPrivsAny, nil
	}
	return seen[0], nil
}
