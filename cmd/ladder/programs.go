package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/scallop-sec/scallop/bpf/ladder"
)

// attachFunc is the attach of a row.
type attachFunc = func(context.Context, *bench) (func() error, error)

// The designs that scallop is compared with, one program each.
var (
	empty        = tracing("empty")
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

func tracing(name string) attachFunc {
	return program(name, func(p *ebpf.Program) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p})
	})
}

// program loads one program with the maps it uses, and attaches it.
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

// load gives every group a number in the designs' map of recorded cgroups.
func load(name string, groups []group) (*ebpf.Collection, error) {
	spec, err := ladder.LoadLadder()
	if err != nil {
		return nil, err
	}
	for other := range spec.Programs {
		if other != name {
			delete(spec.Programs, other)
		}
	}
	numbers := spec.Maps["array_counts"].MaxEntries
	spec.Maps["array_counts"].MaxEntries = numbers * uint32(len(groups))
	spec.Maps["recorded"].MaxEntries = uint32(len(groups))
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	for i, g := range groups {
		if err := coll.Maps["recorded"].Put(g.id, uint32(i)); err != nil {
			coll.Close()
			return nil, errors.Join(fmt.Errorf("recording cgroup %s: %w", g.name, err))
		}
	}
	return coll, nil
}
