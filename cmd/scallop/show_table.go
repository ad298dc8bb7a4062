package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// column is one column of the table.
type column struct {
	title string
	left  bool // aligned; numbers are right
	cell  func(*rankRow) string
	style func(*rankRow) string
	// drop orders what goes when the terminal is narrow: the highest first, 0 never.
	drop  int
	width int
}

// barWidth is the length, in columns, of the bar of the most frequent call.
func barWidth(t terminal) int {
	if t.width >= 110 {
		return 10
	}
	return 5
}

// writeTable writes the ranking for people. Without a terminal there are no
// bars, no colors and no limit on the width.
func (r *ranking) writeTable(w io.Writer, t terminal) {
	l := r.fitting(r.columns(t), t.width)
	l.writeRow(w, t, func(c *column) (string, string) { return c.title, styleDim })
	for i := range r.rows {
		row := &r.rows[i]
		l.writeRow(w, t, func(c *column) (string, string) {
			if c.style == nil {
				return c.cell(row), ""
			}
			return c.cell(row), c.style(row)
		})
	}
	r.writeFooter(w, t, l)
}

func (r *ranking) writeFooter(w io.Writer, t terminal, l *layout) {
	shown := len(r.rows) + r.more
	text := fmt.Sprintf("%s, made %s", plural(shown, "different call"), plural(r.total, "time"))
	if r.phase != "" {
		text += " in phase " + r.phase
	}
	if r.more > 0 {
		text += fmt.Sprintf("; %s not shown (--limit)", plural(r.more, "row"))
	}
	fmt.Fprintf(w, "\n%s\n", t.paint(styleDim, text))
	if before := r.before(); r.phase == "" && before > 0 {
		fmt.Fprintln(w, t.paint(styleDim, plural(before, "call")+" before the execve not ranked (--phase setup)"))
	}
	if len(l.dropped) > 0 {
		fmt.Fprintln(w, t.paint(styleDim, "left out on this narrow terminal: "+strings.Join(l.dropped, " ")))
	}
}

// before is the number of calls in setup.
func (r *ranking) before() (sum uint64) {
	for i := range r.rec.Syscalls {
		sum += r.rec.Syscalls[i].Phases[recording.PhaseSetup].Count
	}
	return sum
}

func (r *ranking) columns(t terminal) []*column {
	cols := []*column{
		{title: "#", cell: func(row *rankRow) string { return strconv.Itoa(row.rank) }, style: always(styleDim)},
		{title: "CALL", left: true, cell: r.nameCell, style: noteStyle},
		{title: r.countTitle(), cell: func(row *rankRow) string { return strconv.FormatUint(row.count, 10) }, style: always(styleBold)},
		{title: "SHARE", drop: 3, cell: func(row *rankRow) string { return percent(row.share) }},
		{title: "CUM", drop: 4, cell: func(row *rankRow) string { return percent(row.cumulative) }},
	}
	if t.tty {
		cols = append(cols, r.barColumn(barWidth(t)))
	}
	cols = append(cols, r.phaseColumns()...)
	return append(cols,
		&column{title: "FIRST", drop: 5, cell: func(row *rankRow) string { return "+" + span(row.first.OffsetNs) }},
		&column{title: "BY", left: true, drop: 7, cell: func(row *rankRow) string { return clean(row.first.Comm) }},
		&column{title: "NOTE", left: true, cell: func(row *rankRow) string { return row.note() }, style: noteStyle},
	)
}

// phaseColumns are there for the whole life only, and for phases that made calls.
func (r *ranking) phaseColumns() []*column {
	if r.phase != "" {
		return nil
	}
	var cols []*column
	for _, phase := range r.phases {
		used := slices.ContainsFunc(r.rows, func(row rankRow) bool { return row.call.Phases[phase].Count > 0 })
		if !used && phase != recording.PhaseSteady {
			continue
		}
		drop := 0
		if phase == recording.PhaseSetup || phase == recording.PhaseHandover {
			drop = 8 // not the workload's own
		}
		cols = append(cols, &column{title: strings.ToUpper(phase), drop: drop, cell: func(row *rankRow) string {
			if n := row.call.Phases[phase].Count; n > 0 {
				return strconv.FormatUint(n, 10)
			}
			return "-"
		}})
	}
	return cols
}

func (r *ranking) countTitle() string {
	if r.phase != "" {
		return strings.ToUpper(r.phase)
	}
	return "TOTAL"
}

func (r *ranking) nameCell(row *rankRow) string {
	name := clean(callName(row.call))
	if r.abis {
		name += " (" + clean(row.call.ABI) + ")"
	}
	return name
}

// barColumn draws the counts against the largest, in eighths of a column. What
// was seen at all has a bar.
func (r *ranking) barColumn(width int) *column {
	var most uint64
	for i := range r.rows {
		most = max(most, r.rows[i].count)
	}
	cell := func(row *rankRow) string {
		eighths := max(1, int(float64(row.count)/float64(most)*float64(8*width)))
		bar := strings.Repeat("█", eighths/8)
		if rest := eighths % 8; rest > 0 {
			bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		}
		return bar
	}
	return &column{left: true, drop: 6, width: width, cell: cell, style: always(styleCyan)}
}

// layout is the columns that fit, and what stands between them.
type layout struct {
	cols    []*column
	gap     int
	dropped []string // titles
}

// fitting gives the columns their widths. Where they do not fit, they move closer, and then
// the least needed ones go. A width of 0 fits everything.
func (r *ranking) fitting(cols []*column, width int) *layout {
	l := &layout{gap: 2}
	for _, c := range cols {
		if c.title == "NOTE" && !r.noted() {
			continue
		}
		c.width = max(c.width, utf8.RuneCountInString(c.title))
		for i := range r.rows {
			c.width = max(c.width, utf8.RuneCountInString(c.cell(&r.rows[i])))
		}
		l.cols = append(l.cols, c)
	}
	if width > 0 && l.width() > width {
		l.gap = 1
	}
	for width > 0 && l.width() > width && l.dropLeast() {
	}
	return l
}

// dropLeast takes out the least needed column; false if all are needed.
func (l *layout) dropLeast() bool {
	least := slices.MaxFunc(l.cols, func(a, b *column) int { return a.drop - b.drop })
	if least.drop == 0 {
		return false
	}
	l.cols = slices.DeleteFunc(l.cols, func(c *column) bool { return c == least })
	if least.title != "" {
		l.dropped = append(l.dropped, least.title)
	}
	return true
}

func (l *layout) width() int {
	sum := l.gap * (len(l.cols) - 1)
	for _, c := range l.cols {
		sum += c.width
	}
	return sum
}

func (r *ranking) noted() bool {
	return slices.ContainsFunc(r.rows, func(row rankRow) bool { return row.note() != "" })
}

func (l *layout) writeRow(w io.Writer, t terminal, cell func(*column) (text, style string)) {
	var line strings.Builder
	for i, c := range l.cols {
		text, style := cell(c)
		if i > 0 {
			line.WriteString(strings.Repeat(" ", l.gap))
		}
		// Padded outside of the color: escapes have no width.
		pad := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(text)))
		if c.left {
			line.WriteString(t.paint(style, text) + pad)
		} else {
			line.WriteString(pad + t.paint(style, text))
		}
	}
	fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
}

func always(style string) func(*rankRow) string {
	return func(*rankRow) string { return style }
}

// noteStyle makes what is dangerous, or what only one phase made, stand out.
func noteStyle(row *rankRow) string {
	if row.danger != "" {
		return styleRed
	}
	switch row.only {
	case "":
		return ""
	case recording.PhaseSetup + "-only", recording.PhaseHandover + "-only":
		return styleDim
	case recording.PhaseShutdown + "-only":
		return styleYellow
	}
	return styleCyan
}

// percent keeps what is seldom from looking like nothing, and what is nearly all
// from looking like all.
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.0005:
		return "<0.1%"
	case share < 1 && share >= 0.9995:
		return ">99.9%"
	}
	return strconv.FormatFloat(share*100, 'f', 1, 64) + "%"
}
