package socket

import (
	"strings"
	"unicode"
)

const maxTold = 512 // bytes of an error

// Told makes an error that an engine worded, in part at least, fit for a terminal: of bounded
// length and printable.
func Told(err error) error {
	if err == nil {
		return nil
	}
	return &toldError{err}
}

type toldError struct{ err error }

func (e *toldError) Unwrap() error { return e.err }

func (e *toldError) Error() string {
	text := e.err.Error()
	end := ""
	if len(text) > maxTold {
		text, end = text[:maxTold], "…"
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text) + end
}
