package recording

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanString(t *testing.T) {
	for in, want := range map[string]string{
		"nginx: worker":        "nginx: worker",
		"größe-日本":             "größe-日本",
		"a\x1b[31mred":         `a\x1b[31mred`,
		"line\nbreak\x00":      `line\x0abreak\x00`,
		"\xff\xfe":             `\xff\xfe`,
		"\u202egnp.exe":        `\xe2\x80\xaegnp.exe`, // right-to-left override
		"\u0085":               `\xc2\x85`,            // a C1 control
		"\ufffd":               "\ufffd",              // the replacement character itself
		`system-getty\x2dtty1`: `system-getty\x2dtty1`,
		"half \xe2\x82":        `half \xe2\x82`,
		"":                     "",
	} {
		if got := CleanString(in); got != want {
			t.Errorf("CleanString(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanStringProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		out := CleanString(in)
		if !utf8.ValidString(out) || !isClean(out) {
			t.Fatalf("%q is not clean", out)
		}
		if CleanString(out) != out {
			t.Fatalf("%q changes when cleaned again", out)
		}
	})
}
