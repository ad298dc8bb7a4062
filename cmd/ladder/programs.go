package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/scallop-sec/scallop/bpf/ladder"
)

// attachFunc is the attach of a row.
type attachFunc = func(context.Context, *bench) (func() error, error)

// The designs that scallop is compared with, one program each.
var (
	empty        = tracing("empty")
	emptyBoth    = both(empty, tracing("empty_exit"))
	cachedPlain  = tracing("cached_plain")
	cachedAtomic = tracing("cached_atomic")
	taskStorage  = tracing("task_storage")
	hash         = tracing("hash")
	emptyRaw     = program("empty_raw", func(p *ebpf.Program) (link.Link, error) {
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: p})
	})
	emptyPerf = program("empty_perf", func(p *ebpf.Program) (link.Link, error) {
		return link.Tracepoint("raw_syscalls", "sys_enter", p, nil)
	})
)

// both attaches two, or two copies of one: each has a recursion guard of its own.
func both(one, other attachFunc) attachFunc {
	return func(ctx context.Context, b *bench) (func() error, error) {
		first, err := one(ctx, b)
		if err != nil {
			return nil, err
		}
		second, err := other(ctx, b)
		if err != nil {
			return nil, errors.Join(err, first())
		}
		return func() error { return errors.Join(second(), first()) }, nil
	}
}

func tracing(name string) attachFunc {
	return program(name, func(p *ebpf.Program) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p})
	})
}

// program loads one program and attaches it.
func program(name string, attach func(*ebpf.Program) (link.Link, error)) attachFunc {
	return func(_ context.Context, b *bench) (func() error, error) {
		coll, err := load(name, b.groups)
		if err != nil {
			return nil, fmt.Errorf("loading program %s: %w", name, err)
		}
		l, err := attach(coll.Programs[name])
		if err != nil {
			coll.Close()
			return nil, fmt.Errorf("attaching program %s: %w", name, err)
		}
		return func() error {
			err := l.Close()
			coll.Close()
			return err
		}, nil
	}
}

// load loads one program with the maps it uses, sized for all groups, and gives
// every group a number in the designs' map of recorded cgroups.
func load(name string, groups []group) (*ebpf.Collection, error) {
	spec, err := ladder.LoadLadder()
	if err != nil {
		return nil, err
	}
	spec.Maps["array_counts"].MaxEntries *= uint32(len(groups))
	spec.Maps["recorded"].MaxEntries = uint32(len(groups))
	only(spec, name)
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	if err := fill(coll.Maps["recorded"], groups); err != nil {
		coll.Close()
		return nil, err
	}
	return coll, nil
}

// only keeps one program and its maps: creating the others takes longer than measuring.
func only(spec *ebpf.CollectionSpec, name string) {
	used := map[string]bool{}
	for _, ins := range spec.Programs[name].Instructions {
		if ins.IsLoadFromMap() {
			used[ins.Reference()] = true
		}
	}
	maps.DeleteFunc(spec.Maps, func(n string, _ *ebpf.MapSpec) bool { return !used[n] })
	maps.DeleteFunc(spec.Programs, func(n string, _ *ebpf.ProgramSpec) bool { return n != name })
}

// fill does nothing for a design that has no such map.
func fill(recorded *ebpf.Map, groups []group) error {
	if recorded == nil {
		return nil
	}
	for i, g := range groups {
		if err := recorded.Put(g.id, uint32(i)); err != nil {
			return fmt.Errorf("recording cgroup %s: %w", g.name, err)
		}
	}
	return nil
}
