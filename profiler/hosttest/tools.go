package hosttest

import "testing"

// Tools needs root and programs, each followed by the Debian package that has it. It is for tests that take seconds.
func Tools(t testing.TB, pairs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: run without -short")
	}
	Root(t)
	for i := 0; i < len(pairs); i += 2 {
		Tool(t, pairs[i], pairs[i+1])
	}
}
