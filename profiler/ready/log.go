package ready

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"sync"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// maxLine bounds how much of an unfinished line is kept, in bytes: output is the
// workload's and may be endless.
const maxLine = 64 << 10

// Log is ready when a line of the workload's output matches. Its writers pass the
// output on.
type Log struct {
	expression *regexp.Regexp
	matched    chan string // holds the first line that matched
	once       sync.Once
}

// NewLog compiles the expression, in Go's syntax.
func NewLog(expression string) (*Log, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("--ready-log %q: %w: see https://pkg.go.dev/regexp/syntax", expression, err)
	}
	return &Log{expression: re, matched: make(chan string, 1)}, nil
}

// Check waits for the line.
func (l *Log) Check() Check {
	return Check{Kind: "ready-log", Wait: func(ctx context.Context) (string, error) {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case line := <-l.matched:
			return recording.CleanString(line), nil
		}
	}}
}

// Tee returns a writer that passes everything on to w and looks at its lines.
func (l *Log) Tee(w io.Writer) io.Writer { return &tee{to: w, log: l} }

type tee struct {
	to   io.Writer
	log  *Log
	line []byte // the unfinished one
	done bool
}

func (t *tee) Write(p []byte) (int, error) {
	n, err := t.to.Write(p)
	if !t.done {
		t.look(p[:n])
	}
	return n, err
}

func (t *tee) look(p []byte) {
	for len(p) > 0 && !t.done {
		part, rest, whole := bytes.Cut(p, []byte("\n"))
		t.line = append(t.line, part[:min(len(part), maxLine-len(t.line))]...)
		if (whole || len(t.line) == maxLine) && t.log.expression.Match(t.line) {
			t.done = true
			line := string(t.line)
			t.log.once.Do(func() { t.log.matched <- line })
		}
		if whole {
			t.line = t.line[:0]
		}
		p = rest
	}
}
