package recording

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanString makes a string that a workload chose (a comm, a path, an argument)
// safe to store and to print: every byte of invalid UTF-8, and of a rune that is
// not printable (controls, escapes, bidirectional overrides, line separators),
// becomes a visible \xNN. A clean string is returned unchanged, so cleaning
// twice does no harm; a backslash stays as it is, since unit names hold \x2d.
func CleanString(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if cleanRune(r, size) {
			b.WriteString(s[:size])
		} else {
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
		}
		s = s[size:]
	}
	return b.String()
}

func isClean(s string) bool {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if !cleanRune(r, size) {
			return false
		}
		s = s[size:]
	}
	return true
}

// cleanRune: size tells U+FFFD itself, 3 bytes, from a broken byte.
func cleanRune(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}

// quote puts a string of an untrusted file into an error message.
func quote(s string) string {
	return `"` + CleanString(clip(s)) + `"`
}

// clip shortens a string for an error message.
func clip(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}

// sortedKeys makes one list: it is called for every call of a recording.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
