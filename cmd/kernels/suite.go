package main

import (
	"cmp"
	"fmt"
	"strings"
)

// module is the import path of this repository.
const module = "github.com/scallop-sec/scallop"

// binary is a test binary that guests run.
type binary struct {
	Package string // below the module
	Only    string // tests to run if the user names none; empty: all
}

// binaries are the tests of what meets the kernel. Of those that judge profiles of real servers, a
// guest has no server for most; others take too long for every kernel, and are those of layouts.
var binaries = []binary{
	{Package: "profiler"},
	{Package: "profiler/session"},
	{Package: "profiler/denials"},
	{Package: "profiler/watch", Only: "^$"},
	{Package: "cmd/scallop", Only: "^TestRecordContainers$"},
	{Package: "cmd/scallop/verify_test", Only: "^TestExportAndEnforce"},
	{Package: layoutTests},
}

// layoutTests is the package that knows what scallop has to do in each layout.
const layoutTests = "cmd/scallop/layout_test"

// file is the binary's name in a guest.
func (b binary) file() string { return strings.ReplaceAll(b.Package, "/", "-") + ".test" }

// documents are files of the repository that tests read.
var documents = []string{"docs/scallop-record.service"}

// program is one of testdata/programs, with the flags that its comment asks for.
type program struct {
	Name  string
	Flags []string
	Is32  bool
	Only  string // on this architecture; empty: all
}

var (
	withLibrary = []string{"-static", "-pthread"}
	bare        = []string{"-nostdlib", "-static"}
)

var programs = []program{
	{Name: "actor", Flags: withLibrary},
	{Name: "calls", Flags: withLibrary},
	{Name: "denied", Flags: withLibrary},
	{Name: "denied32", Flags: withLibrary, Is32: true, Only: "amd64"},
	{Name: "forks", Flags: withLibrary},
	{Name: "hop", Flags: withLibrary},
	{Name: "tsync", Flags: withLibrary},
	{Name: "unsynced", Flags: withLibrary},
	{Name: "until", Flags: withLibrary},
	{Name: "kinds", Flags: bare},
	{Name: "phases", Flags: bare},
	{Name: "ranges", Flags: bare},
	{Name: "abi64", Flags: bare, Only: "amd64"},
	{Name: "abi32", Flags: bare, Is32: true},
}

// Lines that a guest's console has beside the tests' own.
const (
	lineKernel = "guest: kernel"  // RELEASE MACHINE
	lineRun    = "guest: run"     // PACKAGE
	lineEnd    = "guest: exited"  // CODE PACKAGE
	lineDone   = "guest: all run" // nothing was left out
)

// patience bounds a test binary in a guest.
const patience = "600s"

// testScript is what a guest does to run the tests that match; an empty expression means the choice of the layout. One test at a
// time: no more than one CPU emulates them all.
func testScript(run string, l layout) string {
	var b strings.Builder
	fmt.Fprintf(&b, "export SCALLOP_TEST_LAYOUT=%s\n%s", quoted(cmp.Or(l.Name, plain)), l.Setup)
	// A line of its own: the firmware leaves the cursor anywhere.
	fmt.Fprintf(&b, "echo\necho %q \"$(uname -r) $(uname -m)\"\n", lineKernel)
	for _, bin := range binaries {
		only := run
		if only == "" {
			only = l.only(bin)
		}
		fmt.Fprintf(&b, "echo %q %s\n", lineRun, bin.Package)
		fmt.Fprintf(&b, "/tests/%s -test.v -test.parallel 1 -test.timeout %s -test.run %s\n", bin.file(), patience, quoted(only))
		fmt.Fprintf(&b, "echo %q $? %s\n", lineEnd, bin.Package)
	}
	fmt.Fprintf(&b, "echo %q\n", lineDone)
	return b.String()
}

// quoted is one word to a shell.
func quoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// shellScript gives the console to a person.
const shellScript = "echo 'tests are in /tests, scallop is in the PATH; exit ends the guest'\nsetsid cttyhack sh\n"
