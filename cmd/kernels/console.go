package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Outcomes of a test.
const (
	passed  = "PASS"
	failed  = "FAIL"
	skipped = "SKIP"
)

// testResult is one test of a guest, subtests not told apart.
type testResult struct {
	Package string   `json:"package"`
	Name    string   `json:"name"`
	Outcome string   `json:"outcome"` // PASS, FAIL, SKIP
	Seconds float64  `json:"seconds"` // of the guest's clock
	Output  []string `json:"output,omitempty"`
}

// guestResult is what a guest's console tells.
type guestResult struct {
	Release string         `json:"release"` // uname -r
	Machine string         `json:"machine"` // uname -m
	Exits   map[string]int `json:"exits"`   // exit codes of the test binaries, by package
	AllRun  bool           `json:"all_run"` // the guest came to its end
	Tests   []testResult   `json:"tests"`
	Crashes []string       `json:"crashes,omitempty"` // the kernel's own words, and Go's
}

// ok: every binary ran to its end and said so.
func (r *guestResult) ok() bool {
	for _, code := range r.Exits {
		if code != 0 {
			return false
		}
	}
	return r.AllRun && len(r.Exits) == len(binaries) && r.count(failed) == 0
}

func (r *guestResult) count(outcome string) (n int) {
	for _, t := range r.Tests {
		if t.Outcome == outcome {
			n++
		}
	}
	return n
}

var (
	testLine  = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\w+) \(([0-9.]+)s\)$`)
	crashLine = regexp.MustCompile(`Kernel panic|BUG:|Oops|Call Trace:|^panic: |^fatal error: `)
)

const (
	maxOutput = 200 // lines that are kept of a test, and of crashes
	maxLine   = 500 // bytes of a line
)

// parseConsole reads what a guest wrote to its console, in any state that it may have ended in.
func parseConsole(text string) *guestResult {
	p := consoleParser{result: guestResult{Exits: map[string]int{}}}
	for line := range strings.Lines(text) {
		p.line(strings.TrimRight(line, "\r\n"))
	}
	return &p.result
}

type consoleParser struct {
	result guestResult
	pkg    string
	said   []string // since the last test ended
}

func (p *consoleParser) line(line string) {
	line = line[:min(len(line), maxLine)]
	r := &p.result
	fields := strings.Fields(line)
	switch {
	case strings.HasPrefix(line, lineKernel) && len(fields) == 4:
		r.Release, r.Machine = recording.CleanString(fields[2]), recording.CleanString(fields[3])
	case strings.HasPrefix(line, lineRun) && len(fields) == 3 && isPackage(fields[2]):
		p.pkg, p.said = fields[2], nil
	case strings.HasPrefix(line, lineEnd) && len(fields) == 4 && isPackage(fields[3]):
		code := -1
		_, _ = fmt.Sscan(fields[2], &code) // else it is no exit code: not 0
		r.Exits[fields[3]] = code
	case line == lineDone:
		r.AllRun = true
	case testLine.MatchString(line):
		p.end(testLine.FindStringSubmatch(line))
	case crashLine.MatchString(line) && len(r.Crashes) < maxOutput:
		r.Crashes = append(r.Crashes, line)
		fallthrough
	default:
		p.keep(line)
	}
}

func isPackage(name string) bool {
	return slices.ContainsFunc(binaries, func(b binary) bool { return b.Package == name })
}

// keep: with -test.v, a test's own lines come before the one that tells its outcome; those of its subtests after it.
func (p *consoleParser) keep(line string) {
	if strings.HasPrefix(line, "=== ") || line == "PASS" || line == "FAIL" {
		return
	}
	if last := len(p.result.Tests) - 1; last >= 0 && strings.HasPrefix(line, "    --- ") {
		t := &p.result.Tests[last]
		if len(t.Output) < maxOutput {
			t.Output = append(t.Output, line)
		}
		return
	}
	if len(p.said) == maxOutput {
		p.said = p.said[1:]
	}
	p.said = append(p.said, line)
}

func (p *consoleParser) end(match []string) {
	took, _ := time.ParseDuration(match[3] + "s") // the expression lets through numbers only
	p.result.Tests = append(p.result.Tests, testResult{
		Package: p.pkg, Name: match[2], Outcome: match[1], Seconds: took.Seconds(), Output: p.said,
	})
	p.said = nil
}
