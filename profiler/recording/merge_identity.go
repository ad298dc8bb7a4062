package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// mergedID is made of the parts' IDs, which are sorted: in which order, and how often they
// were merged, does not show.
func mergedID(parts []Part) string {
	h := sha256.New()
	for i := range parts {
		fmt.Fprintf(h, "%s\n", parts[i].ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// mergedWorkload holds what the parts have in common; what they differ in is empty. A name
// is never empty: parts with several names or kinds are a workload of the kind many.
func mergedWorkload(parts []Part) Workload {
	w := Workload{
		Name:      joined(parts, func(p *Part) string { return p.Workload.Name }),
		Kind:      common(parts, func(p *Part) string { return p.Workload.Kind }),
		Command:   parts[0].Workload.Command,
		Cgroup:    common(parts, func(p *Part) string { return p.Workload.Cgroup }),
		Unit:      common(parts, func(p *Part) string { return p.Workload.Unit }),
		Container: mergedContainer(parts),
		Leader:    mergedLeader(parts),
	}
	if w.Kind == "" || len(distinct(parts, func(p *Part) string { return p.Workload.Name })) > 1 {
		w.Kind = KindMany
	}
	for i := range parts {
		// Under a filter in one part, blind in one part.
		w.Seccomp = max(w.Seccomp, parts[i].Workload.Seccomp)
		if !slices.Equal(w.Command, parts[i].Workload.Command) {
			w.Command = nil
		}
	}
	w.NoNewPrivs = mergedNoNewPrivs(parts)
	return w
}

// mergedContainer is what the containers among the parts have in common.
func mergedContainer(all []Part) *Container {
	parts := slices.DeleteFunc(slices.Clone(all), func(p Part) bool { return p.Workload.Container == nil })
	if len(parts) == 0 {
		return nil
	}
	of := func(field func(*Container) string) string {
		return common(parts, func(p *Part) string { return field(p.Workload.Container) })
	}
	return &Container{
		ID:          of(func(c *Container) string { return c.ID }),
		Engine:      of(func(c *Container) string { return c.Engine }),
		EngineVer:   of(func(c *Container) string { return c.EngineVer }),
		Runtime:     of(func(c *Container) string { return c.Runtime }),
		RuntimeVer:  of(func(c *Container) string { return c.RuntimeVer }),
		Image:       of(func(c *Container) string { return c.Image }),
		ImageDigest: of(func(c *Container) string { return c.ImageDigest }),
		Labels:      commonLabels(parts),
		Pod:         mergedPod(parts),
	}
}

func commonLabels(parts []Part) map[string]string {
	labels := maps.Clone(parts[0].Workload.Container.Labels)
	for i := range parts {
		own := parts[i].Workload.Container.Labels
		maps.DeleteFunc(labels, func(k, v string) bool { other, ok := own[k]; return !ok || other != v })
	}
	if len(labels) == 0 {
		return nil
	}
	return labels
}

// mergedPod is absent if one of the containers is in none.
func mergedPod(parts []Part) *Pod {
	if slices.ContainsFunc(parts, func(p Part) bool { return p.Workload.Container.Pod == nil }) {
		return nil
	}
	of := func(field func(*Pod) string) string {
		return common(parts, func(p *Part) string { return field(p.Workload.Container.Pod) })
	}
	return &Pod{
		Namespace: of(func(p *Pod) string { return p.Namespace }),
		Name:      of(func(p *Pod) string { return p.Name }),
		UID:       of(func(p *Pod) string { return p.UID }),
	}
}

func mergedLeader(parts []Part) Leader {
	l := Leader{
		PID:    common(parts, func(p *Part) int { return p.Workload.Leader.PID }),
		Exe:    common(parts, func(p *Part) string { return p.Workload.Leader.Exe }),
		User:   common(parts, func(p *Part) string { return p.Workload.Leader.User }),
		Signal: common(parts, func(p *Part) string { return p.Workload.Leader.Signal }),
		End:    joined(parts, func(p *Part) string { return p.Workload.Leader.End }),
	}
	code := parts[0].Workload.Leader.ExitCode
	for i := range parts {
		if other := parts[i].Workload.Leader.ExitCode; code == nil || other == nil || *other != *code {
			return l
		}
	}
	l.ExitCode = code
	return l
}

// mergedNoNewPrivs is known only if every part says the same, and of the same: what a command had
// says nothing of a container.
func mergedNoNewPrivs(parts []Part) *bool {
	first := &parts[0].Workload
	for i := range parts {
		w := &parts[i].Workload
		if w.NoNewPrivs == nil || first.NoNewPrivs == nil || *w.NoNewPrivs != *first.NoNewPrivs ||
			(w.Container == nil) != (first.Container == nil) {
			return nil
		}
	}
	return first.NoNewPrivs
}

// ArchitectureMany is the host's architecture of a merged recording whose parts were made
// on several: each part says its own.
const ArchitectureMany = "many"

func mergedHost(parts []Part) Host {
	h := Host{
		Kernel:       joined(parts, func(p *Part) string { return p.Host.Kernel }),
		Architecture: common(parts, func(p *Part) string { return p.Host.Architecture }),
		CPUs:         common(parts, func(p *Part) int { return p.Host.CPUs }),
		Probe:        joined(parts, func(p *Part) string { return p.Host.Probe }),
		CgroupLayout: joined(parts, func(p *Part) string { return p.Host.CgroupLayout }),
		CgroupMount:  common(parts, func(p *Part) string { return p.Host.CgroupMount }),
		Capabilities: []string{},
	}
	if h.Architecture == "" {
		h.Architecture = ArchitectureMany
	}
	for i := range parts {
		h.Capabilities = append(h.Capabilities, parts[i].Host.Capabilities...)
	}
	slices.Sort(h.Capabilities)
	h.Capabilities = slices.Compact(h.Capabilities)
	return h
}

// mergedIncomplete says each reason once, and of how many parts it is true.
func mergedIncomplete(parts []Part) []string {
	of := map[string]int{}
	for i := range parts {
		for _, why := range slices.Compact(slices.Sorted(slices.Values(parts[i].Incomplete))) {
			of[why]++
		}
	}
	var list []string
	for _, why := range sortedKeys(of) {
		list = append(list, fmt.Sprintf("%d of %d recordings: %s", of[why], len(parts), why))
	}
	return list
}

func mergedLosses(parts []Part) (map[string]uint64, error) {
	losses := map[string]uint64{}
	for i := range parts {
		for reason, n := range parts[i].Losses {
			sum, carry := bits.Add64(losses[reason], n, 0)
			if carry != 0 {
				return nil, errTooMany()
			}
			losses[reason] = sum
		}
	}
	return losses, nil
}

// mergedUnreached are the phases that a part says it did not reach, and no part did.
func mergedUnreached(r *Recording) []string {
	names := PhaseNames(r)
	var list []string
	for _, name := range []string{PhaseStartup, PhaseSteady, PhaseShutdown} {
		missed := slices.ContainsFunc(r.Parts, func(p Part) bool { return slices.Contains(p.Unreached, name) })
		if missed && !slices.Contains(names, name) {
			list = append(list, name)
		}
	}
	return list
}

// common is the value that all parts have, or the zero value if they differ.
func common[T comparable](parts []Part, of func(*Part) T) T {
	value := of(&parts[0])
	for i := range parts {
		if of(&parts[i]) != value {
			var none T
			return none
		}
	}
	return value
}

// distinct are the values of all parts, sorted, each once.
func distinct(parts []Part, of func(*Part) string) []string {
	var list []string
	for i := range parts {
		list = append(list, of(&parts[i]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// joined lists the values of all parts, shortened if they are many. Each part holds its own.
func joined(parts []Part, of func(*Part) string) string {
	list := slices.DeleteFunc(distinct(parts, of), func(s string) bool { return s == "" })
	const limit = 4
	if len(list) > limit {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:limit], ", "), len(list)-limit)
	}
	return strings.Join(list, ", ")
}
