package main

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// terminal is what a table may do on a stream.
type terminal struct {
	tty   bool
	color bool
	width int // columns; 0 means no limit
}

// ANSI sequences: the 16 colors follow the user's theme.
const (
	styleBold   = "\x1b[1m"
	styleDim    = "\x1b[2m"
	styleRed    = "\x1b[31m"
	styleGreen  = "\x1b[32m"
	styleYellow = "\x1b[33m"
	styleCyan   = "\x1b[36m"
	styleReset  = "\x1b[0m"
)

// terminalOf looks at what w is. Colors follow NO_COLOR (no-color.org) and TERM.
func terminalOf(e *env, w io.Writer) terminal {
	f, ok := w.(*os.File)
	if !ok {
		return terminal{}
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return terminal{}
	}
	t := terminal{tty: true, width: int(size.Col)}
	if t.width == 0 {
		// A serial line does not know its width.
		t.width = 80
		if n, err := strconv.Atoi(e.getenv("COLUMNS")); err == nil && n > 0 {
			t.width = n
		}
	}
	t.color = e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
	return t
}

// paint wraps s in a style, if there are colors.
func (t terminal) paint(style, s string) string {
	if !t.color || style == "" || s == "" {
		return s
	}
	return style + s + styleReset
}

// getenv reads the environment that the command was given.
func (e *env) getenv(key string) string {
	for _, kv := range e.environ {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}
