package main

import (
	"context"
	"time"
)

// row is one rung: something that is attached while the children run.
type row struct {
	name  string
	loop  string // which children are measured: loopGetppid or loopPing
	order order
	// attach returns what undoes it. A nil attach leaves the kernel alone.
	attach func(ctx context.Context, b *bench) (detach func() error, err error)
	// child, if set, starts the child for this row alone instead of the waiting one.
	child func(b *bench) (*child, error)
	bars  []bar
}

// Bursts are short, so that some fall between two disturbances.
var (
	getppidOrder = order{Bursts: 500, Iterations: 400}
	noneOrder    = order{Bursts: 2000, Iterations: 400} // all others are compared with it
	nonePing     = order{Bursts: 1000, Iterations: 100}
	pingOrder    = order{Bursts: 200, Iterations: 100}
	perfOrder    = order{Bursts: 60, Iterations: 400} // it works off what piles up
	straceOrder  = order{Bursts: 10, Iterations: 50}
)

// callsPerIteration of a loop.
func callsPerIteration(loop string) float64 {
	if loop == loopPing {
		return 4
	}
	return 1
}

// settle lets the work that attaching leaves behind (RCU callbacks, static keys) end.
const settle = 30 * time.Millisecond

// measure attaches, runs bursts, detaches, and returns nanoseconds per call.
func (r *row) measure(ctx context.Context, b *bench) (ns float64, err error) {
	if r.attach != nil {
		detach, err := r.attach(ctx, b)
		if err != nil {
			return 0, err
		}
		defer func() { err = firstError(err, detach()) }()
	}
	c := b.loop
	switch {
	case r.child != nil:
		if c, err = r.child(b); err != nil {
			return 0, err
		}
		defer func() { err = firstError(err, c.stop()) }()
	case r.loop == loopPing:
		c = b.ping
	case r.loop == loopFiltered:
		c = b.filtered
	}
	return r.burst(c)
}

func (r *row) burst(c *child) (float64, error) {
	time.Sleep(settle)
	warm := order{Bursts: 1, Iterations: r.order.Iterations}
	if _, err := c.shortest(warm); err != nil {
		return 0, err
	}
	d, err := c.shortest(r.order)
	if err != nil {
		return 0, err
	}
	return float64(d.Nanoseconds()) / float64(r.order.Iterations) / callsPerIteration(r.loop), nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
