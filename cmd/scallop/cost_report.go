package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// costJSON is the stable output of `scallop cost --output json`.
type costJSON struct {
	APIVersion   string      `json:"apiVersion"`
	Kind         string      `json:"kind"`
	Profile      string      `json:"profile"`
	Architecture string      `json:"architecture"`
	Recordings   []string    `json:"recordings"` // their IDs
	Calls        uint64      `json:"calls"`
	Bitmap       uint64      `json:"bitmap"` // calls for which Linux 5.11 and later run no filter
	Orders       []costOrder `json:"orders"`
	Notes        []string    `json:"notes"`
}

type costOrder struct {
	Order        string  `json:"order"`
	Size         int     `json:"size"` // instructions of the program
	Instructions uint64  `json:"instructions"`
	PerCall      float64 `json:"perCall"`
	Longest      int     `json:"longest"`
}

func newCostJSON(name string, r *policy.Resolved, rec *recording.Recording) *costJSON {
	c := &costJSON{
		APIVersion: recording.APIVersion, Kind: "Cost", Profile: clean(name), Architecture: string(r.Native),
		Recordings: []string{}, Orders: []costOrder{}, Notes: append([]string{}, r.Warnings...),
	}
	for _, p := range recording.Parts(rec) {
		c.Recordings = append(c.Recordings, p.ID)
	}
	return c
}

// measure compiles the profile in each order.
func (c *costJSON) measure(r *policy.Resolved, counts filter.Counts) error {
	for _, order := range filter.Orders() {
		p, err := filter.Compile(r, filter.Options{Order: order, Counts: counts})
		if err != nil {
			return usageError(fmt.Errorf("%s: %w", c.Profile, err))
		}
		cost, err := p.Cost(counts)
		if err != nil {
			return usageError(fmt.Errorf("%s: %w", c.Profile, err))
		}
		c.Calls, c.Bitmap = cost.Calls, cost.Constant
		c.Orders = append(c.Orders, costOrder{
			Order: string(order), Size: len(p), Instructions: cost.Instructions,
			PerCall: math.Round(cost.PerCall()*100) / 100, Longest: cost.Longest,
		})
	}
	c.Notes = append(c.Notes,
		"Docker, Podman and runc have libseccomp build a tree: the order of calls in the profile changes nothing there",
		fmt.Sprintf("Linux 5.11 and later, on x86_64 and aarch64, run no filter for %d of the %d calls (%s): they are allowed whatever their arguments are",
			c.Bitmap, c.Calls, percent(float64(c.Bitmap)/float64(c.Calls))))
	return nil
}

func (c *costJSON) writeTable(w io.Writer, t terminal) {
	fmt.Fprintf(w, "%s on %s, %s of %s\n\n", c.Profile, c.Architecture, plural(c.Calls, "call"), plural(len(c.Recordings), "recording"))
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "ORDER\tPER CALL\tLONGEST\tSIZE\t")
	for _, o := range c.Orders {
		fmt.Fprintf(tab, "%s\t%.2f\t%d\t%d\t\n", o.Order, o.PerCall, o.Longest, o.Size)
	}
	_ = tab.Flush() // to a buffer
	fmt.Fprintln(w, "\nin instructions of the filter; the longest path of a recorded call")
	for _, note := range c.Notes {
		fmt.Fprintln(w, t.paint(styleDim, note))
	}
}
