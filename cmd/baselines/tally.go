package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/baselines"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// tally sums up the starts of one setting.
type tally struct {
	abi     syscalls.ABI
	setting baselines.Setting
	calls   map[int]*baselines.Call
}

func (t *tally) fail(kind, why string) {
	t.setting.Failed = append(t.setting.Failed, baselines.Failed{Kind: kind, Why: why})
}

// add counts one start. Starts of one kind follow each other.
func (t *tally) add(kind string, counts handoverCounts) error {
	for nr, n := range counts {
		if t.calls[nr] == nil {
			name, ok := syscalls.Name(t.abi, nr)
			if !ok {
				return fmt.Errorf("call number %d of ABI %s has no name: update the tables with `make generate`", nr, t.abi)
			}
			t.calls[nr] = &baselines.Call{Name: name}
		}
		t.calls[nr].Starts++
		t.calls[nr].Count += n
	}
	starts := t.setting.Starts
	if last := len(starts) - 1; last >= 0 && starts[last].Kind == kind {
		starts[last].Count++
	} else {
		t.setting.Starts = append(starts, baselines.Starts{Kind: kind, Count: 1})
	}
	return nil
}

func (t *tally) sum() *baselines.Setting {
	for _, c := range t.calls {
		t.setting.Calls = append(t.setting.Calls, *c)
	}
	slices.SortFunc(t.setting.Calls, func(a, b baselines.Call) int { return strings.Compare(a.Name, b.Name) })
	return &t.setting
}
