package main

import (
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
)

// Rows that the others are compared with, one pair for each loop.
const (
	rowNone          = "no probe"
	rowEmpty         = "empty program (tp_btf)"
	rowNonePing      = "switching: no probe"
	rowEmptyPing     = "switching: empty program"
	rowNoneFiltered  = "filtered: no probe"
	rowEmptyFiltered = "filtered: empty program"
	rowStrace        = "strace -f -c"

	rowRecord = "scallop record, its process"

	rowSyscount       = "syscount"
	rowSyscountCgroup = "syscount -c CGROUP"
)

// Bars on scallop's rows: see docs/kernel-side.md.
var (
	recordedBars  = []bar{{rowEmpty, 1.4}, {rowSyscount, 0.65}, {rowSyscountCgroup, 0.65}, {rowStrace, 0.01}}
	bystanderBars = []bar{{rowEmpty, 1.15}, {rowSyscount, 0.65}, {rowStrace, 0.01}}
	wouldBars     = []bar{{rowRecord, 1.1}}
	switchingBars = []bar{{rowEmptyPing, 1.4}}
)

// allRows is the ladder, from the cheapest rung up.
func allRows(opts options) []row {
	rows := []row{
		{name: rowNone, order: noneOrder},
		{name: rowEmpty, attach: empty},
		{name: "empty program (raw_tracepoint)", attach: emptyRaw},
		{name: "empty program (perf tracepoint)", attach: emptyPerf},
		{name: "scallop, bystander", attach: scallopBystander, bars: bystanderBars},
		{name: "scallop, bystander of 1,000", attach: scallopManyBystander, bars: bystanderBars},
		{name: "scallop, recorded", attach: scallopRecorded, bars: recordedBars},
		{name: "scallop, one of 1,000 recorded", attach: scallopMany, bars: recordedBars},
		{name: "cached cgroup, per-CPU array, plain add", attach: cachedPlain},
		{name: "cached cgroup, per-CPU array, atomic add", attach: cachedAtomic},
		{name: "task storage, per-CPU array, atomic add", attach: taskStorage},
		{name: "two copies: task storage, per-CPU array", attach: both(taskStorage, taskStorage)},
		{name: "per-CPU hash {cgroup, nr}", attach: hash},
		{name: "empty programs on entry and exit", attach: emptyBoth},
		{name: "denials, bystander", attach: denialsBystander},
		{name: "denials, whole host, unfiltered task", attach: denialsWhole},
		{name: rowNoneFiltered, loop: loopFiltered, order: noneOrder},
		{name: rowEmptyFiltered, loop: loopFiltered, attach: empty},
		{name: "filtered: empty programs on entry and exit", loop: loopFiltered, attach: emptyBoth},
		{name: "filtered: denials, whole host, filtered task", loop: loopFiltered, attach: denialsWhole},
		{name: rowNonePing, loop: loopPing, order: nonePing},
		{name: rowEmptyPing, loop: loopPing, attach: empty},
		{name: "switching: scallop, two of 1,000 recorded", loop: loopPing, attach: scallopMany, bars: switchingBars},
		{name: "switching: cached cgroup, atomic add", loop: loopPing, attach: cachedAtomic},
		{name: "switching: per-CPU hash {cgroup, nr}", loop: loopPing, attach: hash},
	}
	if slices.Contains(profiler.Probes(), profiler.ProbePerf) {
		rows = append(rows, row{name: "scallop, recorded, perf tracepoint", attach: scallopPerf})
	}
	if opts.binary != "" {
		rows = append(rows, processRows(opts.binary)...)
	}
	if opts.tools {
		rows = append(rows, toolRows()...)
	}
	for i := range rows {
		rows[i].setDefaults()
	}
	return rows
}

func (r *row) setDefaults() {
	if r.loop == "" {
		r.loop = loopGetppid
	}
	if r.order == (order{}) {
		r.order = getppidOrder
		if r.loop == loopPing {
			r.order = pingOrder
		}
	}
}

// base returns the rows that a row on that loop is compared with.
func base(loop string) (none, empty string) {
	switch loop {
	case loopPing:
		return rowNonePing, rowEmptyPing
	case loopFiltered:
		return rowNoneFiltered, rowEmptyFiltered
	}
	return rowNone, rowEmpty
}

// selectRows keeps rows whose name contains the text, and their bases.
func selectRows(rows []row, text string) []row {
	needed := map[string]bool{}
	for _, r := range rows {
		if strings.Contains(r.name, text) {
			none, empty := base(r.loop)
			needed[r.name], needed[none], needed[empty] = true, true, true
		}
	}
	return slices.DeleteFunc(rows, func(r row) bool { return !needed[r.name] })
}
