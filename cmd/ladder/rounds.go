package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// measure runs the rounds and returns the ladder.
func measure(ctx context.Context, opts options, progress io.Writer) (report *report, err error) {
	b, err := newBench()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	rows := selectRows(allRows(opts), opts.rows)
	results := make(map[string]*result, len(rows))
	for round := range opts.rounds {
		fmt.Fprintf(progress, "\rround %d of %d ", round+1, opts.rounds)
		if err := runRound(ctx, b, rows, results); err != nil {
			return nil, err
		}
		slices.Reverse(rows) // a drift of the machine hits all rows alike
	}
	fmt.Fprintln(progress)
	return newReport(selectRows(allRows(opts), opts.rows), results, opts.rounds), nil
}

// result is what was seen of a row over the rounds.
type result struct {
	ns  float64 // the least, per call
	err error   // why it could not be measured
}

// runRound measures every row once. Rows that fail are not tried again; without
// those that all are compared with, there is no ladder.
func runRound(ctx context.Context, b *bench, rows []row, results map[string]*result) error {
	if err := b.renew(); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if err := ctx.Err(); err != nil {
			return errors.New("interrupted")
		}
		res := results[r.name]
		if res != nil && res.err != nil {
			continue
		}
		ns, err := r.measure(ctx, b)
		none, empty := base(r.loop)
		if err != nil && (r.name == none || r.name == empty) {
			return fmt.Errorf("measuring %q: %w", r.name, err)
		}
		if res == nil {
			res = &result{ns: ns}
			results[r.name] = res
		}
		res.ns, res.err = min(res.ns, ns), err
	}
	return nil
}
