package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// bar says that a row's added cost is at most max times that of another row.
type bar struct {
	of  string
	max float64
}

// report is the ladder; its JSON is stable.
type report struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Kernel     string      `json:"kernel"`
	Rounds     int         `json:"rounds"`
	Rows       []rung      `json:"rows"`
	Own        *ownProcess `json:"own,omitempty"`
}

type rung struct {
	Name  string    `json:"name"`
	Loop  string    `json:"loop"`
	Ns    float64   `json:"nsPerCall,omitempty"`
	Added float64   `json:"addedNs"`
	Ratio float64   `json:"ratioToEmpty"`
	Bars  []verdict `json:"bars,omitempty"`
	Error string    `json:"error,omitempty"`
}

type verdict struct {
	Of    string  `json:"of"`
	Max   float64 `json:"max"`
	Ratio float64 `json:"ratio"`
	OK    bool    `json:"ok"`
}

func newReport(rows []row, results map[string]*result, rounds int) *report {
	rep := &report{APIVersion: "scallop/v1", Kind: "Ladder", Kernel: kernelRelease(), Rounds: rounds}
	for _, r := range rows {
		rep.Rows = append(rep.Rows, newRung(r, results))
	}
	return rep
}

func newRung(r row, results map[string]*result) rung {
	res := results[r.name]
	g := rung{Name: r.name, Loop: r.loop}
	if res.err != nil {
		g.Error = res.err.Error()
		return g
	}
	none, empty := base(r.loop)
	g.Ns, g.Added = res.ns, res.ns-results[none].ns
	g.Ratio = g.Added / (results[empty].ns - results[none].ns)
	for _, b := range r.bars {
		if other := results[b.of]; other != nil && other.err == nil {
			ratio := g.Added / (other.ns - results[none].ns)
			g.Bars = append(g.Bars, verdict{b.of, b.max, ratio, ratio <= b.max})
		}
	}
	return g
}

func (rep *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	fmt.Fprintf(w, "kernel %s; minimum over %d interleaved rounds; ratio: added cost to the empty program's added cost\n\n", rep.Kernel, rep.Rounds)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROW\tNS/CALL\tADDED\tRATIO\tBARS")
	for _, g := range rep.Rows {
		fmt.Fprintln(table, g.line())
	}
	if rep.Own != nil {
		fmt.Fprintf(table, "\n%s\n", rep.Own.line())
	}
	if rep.tooNoisy() {
		fmt.Fprintln(table, "\nToo noisy: an empty program seems to cost next to nothing. Run it again on a quiet machine.")
	}
	return table.Flush()
}

// tooNoisy tells whether the ratios mean nothing.
func (rep *report) tooNoisy() bool {
	for _, g := range rep.Rows {
		if (g.Name == rowEmpty || g.Name == rowEmptyPing) && g.Added < 5 {
			return true
		}
	}
	return false
}

func (g *rung) line() string {
	if g.Error != "" {
		return fmt.Sprintf("%s\tnot measured: %s", g.Name, g.Error)
	}
	var bars []string
	for _, b := range g.Bars {
		word := "ok"
		if !b.OK {
			word = "MISSED"
		}
		bars = append(bars, fmt.Sprintf("%.3g of %s (at most %g) %s", b.Ratio, b.Of, b.Max, word))
	}
	return fmt.Sprintf("%s\t%.1f\t%.1f\t%.2f\t%s", g.Name, g.Ns, g.Added, g.Ratio, strings.Join(bars, "; "))
}
