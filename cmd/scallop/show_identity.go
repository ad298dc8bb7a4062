package main

import (
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// identity writes what is known of a container, in one line.
func (h header) identity(w recording.Workload) {
	c := w.Container
	if c == nil {
		return
	}
	const short = 12 // digits of an ID, as engines print it
	parts := []string{c.ID[:min(short, len(c.ID))], podText(c.Pod), joined(c.Engine, c.EngineVer), joined(c.Runtime, c.RuntimeVer)}
	if w.NoNewPrivs != nil && *w.NoNewPrivs {
		parts = append(parts, "no_new_privs")
	}
	parts = slices.DeleteFunc(append(parts, c.Image), func(part string) bool { return part == "" })
	h.line("container", h.fit(clean(strings.Join(parts, ", "))))
}

func podText(pod *recording.Pod) string {
	if pod == nil {
		return ""
	}
	return "pod " + strings.TrimPrefix(pod.Namespace+"/"+pod.Name, "/")
}

func joined(name, version string) string { return strings.TrimSpace(name + " " + version) }

// gaps tells how long nobody watched what the kernel side went on counting.
func (h header) gaps(gaps []recording.Gap) {
	var sum int64
	for _, gap := range gaps {
		sum = max(sum, sum+gap.EndNs-gap.StartNs) // stops instead of turning negative
	}
	if len(gaps) > 0 {
		h.line("", h.fit("nobody was watching for "+span(sum)+`: the counts are exact, the times of "last seen" are not`))
	}
}
