package main

import (
	"context"
	"io"
)

// testAll runs several kernels at a time, and tells of each in the order of the jobs, as soon as its turn has come.
// The last ones begin first: aarch64 takes longest, and must not be left for the end.
func (l *lab) testAll(ctx context.Context, chosen []job, w io.Writer) []*outcome {
	done := make([]chan *outcome, len(chosen))
	for i := range done {
		done[i] = make(chan *outcome, 1)
	}
	turns := make(chan int)
	go func() {
		defer close(turns)
		for i := range chosen {
			turns <- len(chosen) - 1 - i
		}
	}()
	for range l.options.jobs {
		go func() {
			for i := range turns {
				done[i] <- l.test(ctx, chosen[i])
			}
		}()
	}
	var outcomes []*outcome
	for i := range done {
		o := <-done[i]
		o.report(w, l.options.verbose)
		outcomes = append(outcomes, o)
	}
	return outcomes
}
