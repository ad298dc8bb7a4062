package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var usedProgram = regexp.MustCompile(`hosttest\.Program(?:32)?\(t, "([^"]+)"`)

// Guests have no compiler: a program that a test asks for must be among those that they bring.
func TestProgramsAreThere(t *testing.T) {
	found := 0
	for _, b := range binaries {
		files, err := filepath.Glob("../../" + b.Package + "/*_test.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", b.Package, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range usedProgram.FindAllStringSubmatch(string(text), -1) {
				found++
				if !slices.ContainsFunc(programs, func(p program) bool { return p.Name == match[1] }) {
					t.Errorf("%s needs testdata/programs/%s.c: add it to cmd/kernels/suite.go", file, match[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no test needs a program: has hosttest.Program another name now?")
	}
}
