package hook

import (
	"strings"
	"testing"
)

// The cases that oci-seccomp-bpf-hook's own tests have are marked.
func TestParseAnnotation(t *testing.T) {
	for _, c := range []struct {
		value string
		want  Request
	}{
		{"of:/out.json", Request{Output: "/out.json"}},                                      // theirs
		{"if:/in.json;of:/out.json", Request{Output: "/out.json", Input: "/in.json"}},       // theirs
		{"of:/out.json;if:/in.json", Request{Output: "/out.json", Input: "/in.json"}},       // theirs
		{"of: /out.json ; if: /in.json", Request{Output: "/out.json", Input: "/in.json"}},   // they trim paths, too
		{"of:/p.json;if:/p.json", Request{Output: "/p.json", Input: "/p.json"}},             // a profile that grows
		{"rf:/rec.json;of:/out.json", Request{Output: "/out.json", Recording: "/rec.json"}}, // ours
		{"of:/dir:with/colon.json", Request{Output: "/dir:with/colon.json"}},                // only the first colon counts
		{"of:/tmp//a/../out.json", Request{Output: "/tmp/out.json"}},                        // one name a file
		{"rf:/r;if:/i;of:/o", Request{Output: "/o", Input: "/i", Recording: "/r"}},          // all
		{"of:/tmp/\u00fcml\u00e4ut.json", Request{Output: "/tmp/\u00fcml\u00e4ut.json"}},    // not only ASCII
		{"of:/a b/out.json", Request{Output: "/a b/out.json"}},                              // spaces inside
		{"of:" + strings.Repeat("/a", 2000), Request{Output: strings.Repeat("/a", 2000)}},   // as long as paths may be
	} {
		got, err := ParseAnnotation(c.value)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.value, got, err, c.want)
		}
	}
}

func TestParseAnnotationErrors(t *testing.T) {
	for _, c := range []struct{ value, why string }{
		{"if:/in1.json;if:/in2.json;of:/out.json", "if: is given twice"},   // theirs
		{"if:/in.json", "of: is missing"},                                  // theirs
		{"if:input;of:/out.json", `if: the path "input" is not absolute`},  // theirs
		{"if:/in.json;of:output", `of: the path "output" is not absolute`}, // theirs
		{"", "it is empty"},
		{" ", "it is empty"},
		{"of:/out.json;", "a part is empty"},
		{";of:/out.json", "a part is empty"},
		{"of:", "of: has no path"},
		{"of:/out.json;if:", "if: has no path"},
		{"/out.json", "begins with none of"},
		{"true", "begins with none of"},
		{"OF:/out.json", "begins with none of"},
		{"of:/out.json;xf:/in.json", "begins with none of"},
		{"of:/a.json;of:/b.json", "of: is given twice"},
		{"of:/out/", "is a folder"},
		{"of:/", "is a folder"},
		{"of:/out\n.json", "control characters"},
		{"of:/out\x00.json", "control characters"},
		{"of:/out.json;rf:/out.json", "same file"},
		{"of:/out.json;if:/in.json;rf:/in.json", "same file"},
		{"of:" + strings.Repeat("/a", 2100), "too long"},
		{"of:/" + strings.Repeat("a", 1<<20), "too long"},
	} {
		got, err := ParseAnnotation(c.value)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.80q: %+v, %v, want an error with %q", c.value, got, err, c.why)
		}
		if err != nil && (len(err.Error()) > 600 || !strings.Contains(err.Error(), Annotation)) {
			t.Errorf("%.80q: the error is too long, or does not name the annotation: %v", c.value, err)
		}
	}
}

func FuzzParseAnnotation(f *testing.F) {
	for _, seed := range []string{"of:/o", "if:/i;of:/o;rf:/r", "of:;if:", "of:/../..", ";;;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, err := ParseAnnotation(value)
		if err != nil {
			if r != (Request{}) {
				t.Fatalf("an error and %+v", r)
			}
			return
		}
		for _, path := range []string{r.Output, r.Input, r.Recording} {
			if path == "" && path != r.Output {
				continue
			}
			if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, ";\x00\n") {
				t.Fatalf("%q: path %q", value, path)
			}
		}
		again, err := ParseAnnotation("of:" + r.Output)
		if err != nil || again.Output != r.Output {
			t.Fatalf("%q does not come back: %+v, %v", r.Output, again, err)
		}
	})
}
