package engines

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// pauses are between the tries of a lookup: containerd, for one, learns of a pod's sandbox only
// when it runs, a moment after its cgroup was made.
var pauses = [...]time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond}

// Container asks the engines that may know it for the container of a cgroup. The error is engine.ErrNotFound
// only if they all answered that they do not know it; it may be gone by then.
func (s *Set) Container(ctx context.Context, ref engine.Ref) (*engine.Container, error) {
	l := lookup{id: ref.ID, asked: s.thatMayKnow(ref)}
	if len(l.asked) == 0 {
		return nil, fmt.Errorf("looking up container %.64q: %w: no container engine was found: start it, or name its socket with --runtime-endpoint", ref.ID, engine.ErrNotFound)
	}
	for try := 0; ; try++ {
		if found := l.round(ctx); found != nil {
			return found, nil
		}
		if try == len(pauses) || len(l.asked) == 0 || !engine.IsID(ref.ID) {
			return nil, l.verdict()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(l.verdict(), ctx.Err())
		case <-time.After(pauses[try]):
		}
	}
}

// thatMayKnow are the engines that name cgroups like this one; or all, if none of them does.
func (s *Set) thatMayKnow(ref engine.Ref) []member {
	result := slices.DeleteFunc(slices.Clone(s.members), func(m member) bool { return m.Engine() != ref.Engine })
	if len(result) == 0 {
		return slices.Clone(s.members)
	}
	return result
}

// lookup is one search for a container.
type lookup struct {
	id       string
	asked    []member // in the next round: they do not know it yet
	unknown  error    // the answer of one of them
	failures []error  // of engines that are not asked again
}

// round asks root's engines, all at once because one that hangs must not hold up the others. A user can
// make an engine of theirs say what they like: it is asked for what no engine of root's knows.
func (l *lookup) round(ctx context.Context) *engine.Container {
	system, users := split(l.asked)
	if found := l.ask(ctx, system); found != nil {
		return found
	}
	return l.ask(ctx, users)
}

func split(members []member) (system, users []member) {
	for _, m := range members {
		if m.system {
			system = append(system, m)
		} else {
			users = append(users, m)
		}
	}
	return system, users
}

func (l *lookup) ask(ctx context.Context, members []member) *engine.Container {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		from      member
		container *engine.Container
		err       error
	}
	answers := make(chan answer, len(members))
	for _, m := range members {
		go func() {
			c, err := m.Container(ctx, l.id)
			answers <- answer{m, c, err}
		}()
	}
	for range members {
		switch a := <-answers; {
		case a.err == nil:
			return a.container
		case errors.Is(a.err, engine.ErrNotFound):
			l.unknown = a.err
		default:
			l.failures = append(l.failures, a.err)
			l.asked = slices.DeleteFunc(l.asked, func(m member) bool { return m == a.from })
		}
	}
	return nil
}

// verdict: that some do not know the container means nothing if another could not be asked.
func (l *lookup) verdict() error {
	if len(l.failures) > 0 {
		return fmt.Errorf("%w: the container is known by its ID only", errors.Join(l.failures...))
	}
	return l.unknown
}
