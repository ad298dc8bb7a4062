package engines

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// Endpoint is one engine of a set.
type Endpoint struct {
	Path    string
	Engine  string
	Version string
}

// Endpoints of all engines, root's first.
func (s *Set) Endpoints() []Endpoint {
	var result []Endpoint
	for _, m := range s.members {
		result = append(result, Endpoint{m.Endpoint(), m.Engine(), m.Version()})
	}
	return result
}

// Asks tells whether an engine of that name is among them.
func (s *Set) Asks(name string) bool {
	return slices.ContainsFunc(s.members, func(m member) bool { return m.Engine() == name })
}

// Close ends all connections.
func (s *Set) Close() error {
	var errs []error
	for _, m := range s.members {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// listed is a container and the engine that told of it.
type listed struct {
	engine.Container
	from member
}

// List returns the running containers of all engines, in the order of their names, and sandboxes of pods. An
// error tells which engines could not be asked; what the others know is returned with it.
func (s *Set) List(ctx context.Context) ([]engine.Container, error) {
	var result []engine.Container
	running, err := s.list(ctx)
	for _, c := range running {
		result = append(result, c.Container)
	}
	return result, err
}

func (s *Set) list(ctx context.Context) ([]listed, error) {
	lists, errs := make([][]engine.Container, len(s.members)), make([]error, len(s.members))
	var asking sync.WaitGroup
	for i, m := range s.members {
		asking.Go(func() { lists[i], errs[i] = m.List(ctx) })
	}
	asking.Wait()
	return s.merge(lists), errors.Join(errs...)
}

// merge keeps the first of containers with one ID: root's engines come first.
func (s *Set) merge(lists [][]engine.Container) []listed {
	var result []listed
	seen := map[string]bool{}
	for i, list := range lists {
		for _, c := range list {
			if !seen[c.ID] {
				seen[c.ID] = true
				result = append(result, listed{c, s.members[i]})
			}
		}
	}
	slices.SortFunc(result, func(a, b listed) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return result
}

// patiently lists for a user who waits.
func (s *Set) patiently(ctx context.Context) ([]listed, error) {
	ctx, cancel := context.WithTimeout(ctx, engine.Patience)
	defer cancel()
	return s.list(ctx)
}

// Find returns the running containers that a pattern means (see engine.Match): those with that name, or
// else the one whose ID begins so; of a glob, all. The error is engine.ErrNotFound if there is none and all
// engines were asked. With another error, containers may be missing from those that are returned. An engine that does not
// answer is waited for, for engine.Patience.
func (s *Set) Find(ctx context.Context, pattern string) ([]engine.Container, error) {
	if err := engine.CheckPattern(pattern); err != nil {
		return nil, err
	}
	running, err := s.patiently(ctx)
	found, choice := choose(running, pattern)
	if choice != nil {
		return nil, errors.Join(choice, err)
	}
	return s.found(ctx, found, err, fmt.Sprintf("container %q", pattern))
}

// choose: a name goes before the begin of an ID, which may look like one, and a whole ID before all.
func choose(running []listed, pattern string) ([]listed, error) {
	byID := matching(running, func(c *engine.Container) bool { return engine.MatchID(c, pattern) })
	if engine.IsID(pattern) && len(byID) > 0 {
		return byID, nil
	}
	byName := matching(running, func(c *engine.Container) bool { return engine.MatchName(c, pattern) })
	if len(byName) > 0 {
		return byName, nil
	}
	if len(byID) > 1 {
		return nil, fmt.Errorf("container %q: %d running containers have IDs that begin so: give more digits, or a name", pattern, len(byID))
	}
	return byID, nil
}

// FindPod returns the running containers of a pod, or the named one of them. Errors are as Find's.
func (s *Set) FindPod(ctx context.Context, namespace, pod, container string) ([]engine.Container, error) {
	running, err := s.patiently(ctx)
	found := matching(running, func(c *engine.Container) bool { return engine.MatchPod(c, namespace, pod, container) })
	what := fmt.Sprintf("pod %q", namespace+"/"+pod)
	if container != "" {
		what = fmt.Sprintf("container %q of %s", container, what)
	}
	return s.found(ctx, found, err, what)
}

// FindLabels returns the running containers with all of the labels. Errors are as Find's.
func (s *Set) FindLabels(ctx context.Context, labels map[string]string) ([]engine.Container, error) {
	running, err := s.patiently(ctx)
	found := matching(running, func(c *engine.Container) bool { return !c.Sandbox && engine.MatchLabels(c, labels) })
	return s.found(ctx, found, err, fmt.Sprintf("container with labels %q", labels))
}

func matching(running []listed, match func(*engine.Container) bool) []listed {
	return slices.DeleteFunc(slices.Clone(running), func(c listed) bool { return !match(&c.Container) })
}

// found asks for all that is known of the containers. One that ended meanwhile is left out; one
// that its engine says nothing more of is returned as it was listed.
func (s *Set) found(ctx context.Context, running []listed, listing error, what string) ([]engine.Container, error) {
	var result []engine.Container
	errs := []error{listing}
	silent := map[member]bool{}
	for _, c := range running {
		if silent[c.from] {
			result = append(result, c.Container)
			continue
		}
		full, err := c.full(ctx)
		switch {
		case err == nil:
			result = append(result, *full)
		case !errors.Is(err, engine.ErrNotFound):
			silent[c.from] = errors.Is(err, context.DeadlineExceeded)
			errs = append(errs, err)
			result = append(result, c.Container)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return result, fmt.Errorf("looking for %s: %w: %s", what, err, socket.NextStep(err))
	}
	if len(result) == 0 {
		return nil, fmt.Errorf("looking for %s: %w is running: %s", what, engine.ErrNotFound, s.hint())
	}
	return result, nil
}

func (c *listed) full(ctx context.Context) (*engine.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, engine.Patience)
	defer cancel()
	return c.from.Container(ctx, c.ID)
}

// hint is the next step if a container was not found.
func (s *Set) hint() string {
	if len(s.members) == 0 {
		return "no container engine was found: start it, or name its socket with --runtime-endpoint"
	}
	var asked []string
	for _, m := range s.members {
		asked = append(asked, fmt.Sprintf("%s at %s", m.Engine(), m.Endpoint()))
	}
	return fmt.Sprintf("asked %s: check the name, or name another engine's socket with --runtime-endpoint", strings.Join(asked, ", "))
}
