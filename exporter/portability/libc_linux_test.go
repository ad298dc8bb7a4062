package portability

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// library is one way to build a program.
type library struct {
	name, compiler, debianPackage string
	flags                         []string
}

var libraries = []library{
	{"glibc, dynamic", "gcc", "gcc", nil},
	{"glibc, static", "gcc", "gcc", []string{"-static"}},
	{"musl, dynamic", "musl-gcc", "musl-tools", nil},
	{"musl, static", "musl-gcc", "musl-tools", []string{"-static"}},
}

func compile(t *testing.T, l library, program string) string {
	t.Helper()
	compiler := hosttest.Tool(t, l.compiler, l.debianPackage)
	out := filepath.Join(t.TempDir(), program)
	args := append([]string{"-O1", "-o", out, filepath.Join("testdata", program+".c")}, l.flags...)
	if text, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("compiling %s with %s: %v\n%s", program, l.compiler, err, text)
	}
	return out
}

// trace is what strace saw of a program: for each call the lines.
type trace map[string][]string

func (c trace) names() []string { return slices.Sorted(maps.Keys(c)) }

var tracedCall = regexp.MustCompile(`(?m)^(?:\[pid +\d+\] |\d+ +)?([a-z0-9_]+)\(.*$`)

func traced(t *testing.T, path string) trace {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	// Constants as numbers: they are compared with those of conditions.
	cmd := exec.Command(hosttest.Tool(t, "strace", "strace"), "-f", "-qq", "-X", "raw", "-o", log, path)
	cmd.Dir = t.TempDir()
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace %s: %v\n%s", path, err, text)
	}
	calls := trace{}
	for _, match := range tracedCall.FindAllSubmatch(readFile(t, log), -1) {
		calls[string(match[1])] = append(calls[string(match[1])], string(match[0]))
	}
	if len(calls) == 0 {
		t.Fatalf("strace saw no call of %s", path)
	}
	return calls
}

// TestLibraries: the profile of a program that one C library served lets the same program
// start and work with any other: each call, with its arguments where these are limited.
func TestLibraries(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("knows the calls of x86_64 hosts only")
	}
	for _, program := range []string{"least", "hello", "jobs"} {
		traces := map[string]trace{}
		for _, l := range libraries {
			traces[l.name] = traced(t, compile(t, l, program))
		}
		for _, recorded := range libraries {
			for _, runs := range libraries {
				t.Run(fmt.Sprintf("%s/%s/%s", program, recorded.name, runs.name), func(t *testing.T) {
					checkCovers(t, traces[recorded.name].names(), traces[runs.name])
				})
			}
		}
		// Without the closure no musl program runs under glibc's profile, nor back.
		for _, pair := range [][2]string{{"glibc, dynamic", "musl, dynamic"}, {"musl, dynamic", "glibc, dynamic"}} {
			missing := lacks(traces[pair[0]].names(), traces[pair[1]])
			t.Logf("%s: %s calls %v beyond %s", program, pair[1], missing, pair[0])
			if program != "least" && len(missing) == 0 {
				t.Errorf("%v need no closure: the test shows nothing", pair)
			}
		}
	}
}

func lacks(names []string, calls trace) []string {
	return slices.DeleteFunc(calls.names(), func(name string) bool { return slices.Contains(names, name) })
}

// checkCovers: calls that are answered ENOSYS are made, and lead to others.
func checkCovers(t *testing.T, names []string, calls trace) {
	c := Close(names, Libc, []string{"x86_64"})
	for name, lines := range calls {
		if slices.Contains(names, name) || slices.ContainsFunc(c.Answered, func(a Answered) bool { return a.Name == name }) {
			continue
		}
		a := find(c, name)
		if a == nil {
			t.Errorf("%s is not allowed: %s", name, lines[0])
			continue
		}
		if a.Condition == nil {
			continue
		}
		for _, line := range lines {
			if !meets(t, a, line) {
				t.Errorf("%s is limited to calls %s: %s", name, a.Condition.Text, line)
			}
		}
	}
}

// rawArgument finds in strace's line the argument that a condition is about.
var rawArgument = map[string]*regexp.Regexp{
	"clone": regexp.MustCompile(`flags=(0x[0-9a-f]+)`),
	"ioctl": regexp.MustCompile(`ioctl\(\S+, (0x[0-9a-f]+)`),
}

func meets(t *testing.T, a *Added, line string) bool {
	t.Helper()
	match := rawArgument[a.Name].FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("no argument in %s", line)
	}
	value, err := strconv.ParseUint(match[1], 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(a.Condition.Args("x86_64"), func(args []specs.LinuxSeccompArg) bool {
		return !slices.ContainsFunc(args, func(arg specs.LinuxSeccompArg) bool { return !holds(arg, value) })
	})
}

func holds(arg specs.LinuxSeccompArg, value uint64) bool {
	if arg.Op == specs.OpMaskedEqual {
		return value&arg.Value == arg.ValueTwo
	}
	return value == arg.Value
}

// TestForksAlone: a program that only forks gets along without namespaces.
func TestForksAlone(t *testing.T) {
	a := find(Close([]string{"fork"}, Libc, []string{"x86_64"}), "clone")
	if a == nil || a.Condition == nil {
		t.Fatalf("clone without a condition: %+v", a)
	}
	for line, want := range map[string]bool{
		"clone(child_stack=NULL, flags=0x1200011, ...) = 7": true,
		"clone(child_stack=0x7f00, flags=0x4111) = 7":       true,
		"clone(child_stack=NULL, flags=0x10000011) = 7":     false, // CLONE_NEWUSER
	} {
		if meets(t, a, line) != want {
			t.Errorf("%s: want %t", line, want)
		}
	}
}
