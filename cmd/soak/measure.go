package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// measure records the crowd, and reads what came of it.
func measure(ctx context.Context, opts options, progress io.Writer) (r *report, err error) {
	dir, err := os.MkdirTemp("", "scallop-soak-")
	if err != nil {
		return nil, err
	}
	if opts.keep {
		fmt.Fprintf(progress, "soak: the recordings are in %s\n", filepath.Join(dir, "out"))
	} else {
		defer os.RemoveAll(dir)
	}
	c := &crowd{calls: map[string]uint64{}}
	if c.program, err = program(dir); err != nil {
		return nil, err
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	if c.top, err = cgroup.Create(mount, fmt.Sprintf("scallop-soak-%d", os.Getpid())); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.top.Kill(), c.top.WaitEmpty(context.Background()), c.top.Remove()) }()
	out := filepath.Join(dir, "out")
	scallop, err := startRecorder(opts, c.top.Path, out, dir)
	if err != nil {
		return nil, err
	}
	r = &report{options: opts, room: scallop.room}
	if err := r.load(ctx, c, scallop, progress); err != nil {
		_, stopErr := scallop.stop()
		return nil, errors.Join(err, stopErr)
	}
	if r.exit, err = scallop.stop(); err != nil {
		return nil, err
	}
	r.warnings = scallop.stderr.String()
	r.made, r.calls = c.made, c.calls
	return r, r.read(out)
}

// load lets the crowd come and go, and looks at scallop meanwhile.
func (r *report) load(ctx context.Context, c *crowd, scallop *recorder, progress io.Writer) error {
	var residents []*member
	for i := range r.options.cgroups {
		k := regular
		if i < runtime.NumCPU() {
			k = busy
		}
		m, err := c.start(fmt.Sprintf("resident-%d", i), k)
		if err != nil {
			return errors.Join(err, c.stop(residents))
		}
		residents = append(residents, m)
	}
	fmt.Fprintf(progress, "soak: %d cgroups live; %d a second come for %s\n", len(residents), r.options.rate, r.options.duration)
	watched, end := context.WithCancel(ctx)
	var sampling sync.WaitGroup
	var err error
	sampling.Go(func() { err = r.sample(watched, scallop) })
	c.churn(ctx, r.options)
	end()
	sampling.Wait()
	if err != nil {
		err = fmt.Errorf("looking at scallop: %w: %s", err, scallop.stderr.String())
	}
	return errors.Join(err, c.stop(residents), c.failed, ctx.Err())
}

// churn starts cgroups at their rate, and returns when all have ended.
func (c *crowd) churn(ctx context.Context, opts options) {
	if opts.rate == 0 {
		time.Sleep(opts.duration)
		return
	}
	var all sync.WaitGroup
	began, interval := time.Now(), time.Second/time.Duration(opts.rate)
	for i := range int(opts.duration.Seconds() * float64(opts.rate)) {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(i+1) * interval))): // a ticker leaves out what it is late for
		case <-ctx.Done():
			return
		}
		all.Go(func() { // a start takes longer than there is time to the next, where every CPU is full
			m, err := c.start(fmt.Sprintf("brief-%d", i), brief)
			if err == nil {
				err = c.end(m)
			}
			if err != nil {
				c.fail(err)
			}
		})
	}
	all.Wait()
}
