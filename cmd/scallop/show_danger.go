package main

import (
	"fmt"

	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// dangers says of each dangerous call that the workload itself made what it gives an attacker, the worst first:
// a profile of this recording allows them.
func (h header) dangers(rec *recording.Recording) {
	bad := severity.Dangerous(ownNames(rec))
	if len(bad) == 0 {
		h.line("danger", "none of the workload's calls is dangerous")
		return
	}
	label := "danger"
	for _, e := range bad {
		h.line(label, h.t.paint(styleYellow, h.fit(clean(fmt.Sprintf("%s: %s: %s", e.Name, e.Level, e.Reason)))))
		label = ""
	}
}

// ownNames are the calls of the workload's own life, as a profile names them.
func ownNames(rec *recording.Recording) []string {
	var names []string
	for i := range rec.Syscalls {
		s := &rec.Syscalls[i]
		for phase := range s.Phases {
			if phase != recording.PhaseSetup && phase != recording.PhaseHandover {
				names = append(names, s.Name)
				break
			}
		}
	}
	return names
}

// danger is the level of a call whose level a person should see, or "".
func danger(name string) string {
	if e := severity.Of(name); e.Level.Dangerous() {
		return e.Level.String()
	}
	return ""
}
