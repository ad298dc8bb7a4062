package portability

import "testing"

// Libraries and Compile are for the tests that need the exporter, which imports this package.
var Libraries = libraries

// Name of a way to build a program.
func (l library) Name() string { return l.name }

// Compile compiles testdata/PROGRAM.c, and returns its path.
func Compile(t *testing.T, l library, program string) string { return compile(t, l, program) }

// Traced are the names that strace sees of a program.
func Traced(t *testing.T, path string) []string { return traced(t, path).names() }
