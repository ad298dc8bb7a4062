package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// seccompWords are the modes, by number.
var seccompWords = [...]string{"none", "strict", "filter"}

// maxDifferences is how many a table shows of each comparison.
const maxDifferences = 8

func (r *statusReport) writeTable(w io.Writer, t terminal) {
	for i := range r.Workloads {
		r.Workloads[i].writeTable(w, t)
		fmt.Fprintln(w)
	}
	if r.Vanished > 0 {
		fmt.Fprintf(w, "%s ended while being read.\n", plural(r.Vanished, "process"))
	}
	in := fmt.Sprintf("%s of %s", plural(r.Processes, "process"), plural(len(r.Workloads), "workload"))
	if r.Findings > 0 {
		fmt.Fprintln(w, t.paint(styleBold+styleRed, fmt.Sprintf("%s in %s.", plural(r.Findings, "finding"), in)))
		return
	}
	fmt.Fprintln(w, t.paint(styleGreen, "No finding in "+in+"."))
}

func (s *statusWorkload) writeTable(w io.Writer, t terminal) {
	fmt.Fprintf(w, "%s: %s\n", t.paint(styleBold, s.Name), s.title())
	if s.Container != nil && s.Container.Given != nil {
		s.Container.Given.writeText(w, t, "given by "+s.Container.Engine)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  PID\tTID\tCOMM\tTHREADS\tSECCOMP\tFILTERS\tNO_NEW_PRIVS")
	for _, p := range s.Processes {
		p.writeRows(table)
	}
	_ = table.Flush() // into memory
	for _, p := range s.Processes {
		if p.Live != nil {
			p.Live.writeText(w, t, fmt.Sprintf("live in %d", p.PID))
		}
	}
	for _, f := range s.Findings {
		fmt.Fprintf(w, "  %s\n", t.paint(styleRed, f.line()))
	}
}

func (s *statusWorkload) title() string {
	c := s.Container
	if c == nil {
		return s.Kind + " " + s.Cgroup
	}
	text := "container " + c.ID[:min(shortIDLength, len(c.ID))]
	if c.Engine != "" {
		text += " of " + c.Engine
	}
	switch c.Profile {
	case "":
		return text + ", its engine does not tell a profile"
	case engine.Unconfined:
		return text + ", unconfined, as its engine says"
	}
	return text + ", with profile " + c.Profile
}

const shortIDLength = 12

// writeRows writes one row for threads that are alike: a thread that differs from the first has its own.
func (p *statusProcess) writeRows(w io.Writer) {
	first := p.Threads[0]
	same := 0
	for _, t := range p.Threads {
		if t.like(first) {
			same++
		}
	}
	fmt.Fprintf(w, "  %d\t\t%s\t%d\t%s\n", p.PID, first.Comm, same, first.columns())
	for _, t := range p.Threads {
		if !t.like(first) {
			fmt.Fprintf(w, "  \t%d\t%s\t\t%s\n", t.TID, t.Comm, t.columns())
		}
	}
}

func (t *statusThread) like(o statusThread) bool { return t.columns() == o.columns() }

func (t *statusThread) columns() string {
	filters := "?"
	if t.Filters != nil {
		filters = fmt.Sprint(*t.Filters)
	}
	noNewPrivs := "no"
	if t.NoNewPrivs {
		noNewPrivs = "yes"
	}
	return seccompWords[t.Seccomp] + "\t" + filters + "\t" + noNewPrivs
}

func (f *statusFinding) line() string {
	switch {
	case f.TID != 0:
		return fmt.Sprintf("thread %d of process %d %s", f.TID, f.PID, f.Text)
	case f.PID != 0:
		return fmt.Sprintf("process %d: %s", f.PID, f.Text)
	}
	return f.Text
}

func (c *comparison) writeText(w io.Writer, t terminal, what string) {
	switch {
	case c.Error != "":
		fmt.Fprintf(w, "  %s\n", t.paint(styleYellow, fmt.Sprintf("%s: not compared with %s: %s", what, c.With, c.Error)))
	case c.Same:
		fmt.Fprintf(w, "  %s: the verdicts of %s\n", what, c.With)
	default:
		list := c.Differences[:min(maxDifferences, len(c.Differences))]
		more := ""
		if rest := len(c.Differences) - len(list) + c.Unnamed; rest > 0 {
			more = fmt.Sprintf("; %d more numbers", rest)
		}
		fmt.Fprintf(w, "  %s\n", t.paint(styleYellow, fmt.Sprintf("%s: other verdicts than %s: %s%s", what, c.With, strings.Join(list, "; "), more)))
	}
}
