// Package hosttest is for tests that need a real host: root, a kernel that can be
// recorded, a compiler.
package hosttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// full is set by `make test`: what a host could have, it must have then.
const full = "SCALLOP_TEST_HOST"

// Lack skips the test, naming what is missing; on a host that is set up for the
// whole suite it fails instead.
func Lack(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(full) == "full" {
		t.Fatalf("%s=full, but this test lacks %s", full, what)
	}
	t.Skipf("lacks %s; `make test` as root sets it up", what)
}

// Root needs root, for BPF and cgroups.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Lack(t, "root")
	}
}

// Cgroup2 needs a host that has it mounted: where only v1 is, the test has no meaning.
func Cgroup2(t testing.TB, why string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mounts), " - cgroup2 ") {
		t.Skipf("not on v1: %s", why)
	}
}

// Tool needs a program, of that Debian package, and returns its path.
func Tool(t testing.TB, name, debianPackage string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	Lack(t, name+" (Debian package "+debianPackage+")")
	return ""
}

// RealName is the name of the file that a path leads to: where true is one of busybox's names, it is busybox.
func RealName(t testing.TB, path string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(real)
}

// compiled names a folder with the programs, for machines without a compiler.
const compiled = "SCALLOP_TEST_PROGRAMS"

// Program compiles testdata/programs/NAME.c and returns its path.
func Program(t testing.TB, name string, flags ...string) string {
	t.Helper()
	return program(t, name, []string{"gcc"}, "gcc", flags)
}

// Program32 compiles a program for the 32-bit ABI of this architecture; on x86, one that is not Bare needs libc6-dev-i386.
func Program32(t testing.TB, name string, flags ...string) string {
	t.Helper()
	if runtime.GOARCH == "arm64" {
		return program(t, name, []string{"arm-linux-gnueabihf-gcc", "-marm"}, "gcc-arm-linux-gnueabihf", flags)
	}
	// The kernel's headers are the same as of 64 bits.
	return program(t, name, []string{"gcc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"}, "gcc", flags)
}

func program(t testing.TB, name string, compile []string, debianPackage string, flags []string) string {
	t.Helper()
	if dir := os.Getenv(compiled); dir != "" {
		return filepath.Join(dir, name)
	}
	compiler := Tool(t, compile[0], debianPackage)
	out := filepath.Join(t.TempDir(), name)
	args := append(compile[1:], "-O1", "-fno-stack-protector", "-o", out, filepath.Join(Repository(), "testdata/programs", name+".c"))
	if text, err := exec.Command(compiler, append(args, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("compiling %s: %v\n%s", name, err, text)
	}
	return out
}

// OwnMachine needs a machine that nobody else is on: a guest of cmd/kernels.
func OwnMachine(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(compiled) == "" {
		t.Skipf("only in a virtual machine of its own (`make test-kernels`): %s", why)
	}
}

// Scallop builds the program under test into a folder, and returns its path.
func Scallop(dir string) (string, error) {
	if ready := os.Getenv(compiled); ready != "" {
		return filepath.Join(ready, "scallop"), nil
	}
	path := filepath.Join(dir, "scallop")
	build := exec.Command("go", "build", "-o", path, "./cmd/scallop")
	build.Dir, build.Env = Repository(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building scallop: %w\n%s", err, out)
	}
	return path, nil
}

// Bare are the flags for programs without a C library.
var Bare = []string{"-nostdlib", "-static"}

// repository names a folder with what tests read of the repository, for machines without it.
const repository = "SCALLOP_TEST_REPOSITORY"

// Repository is the repository's folder.
func Repository() string {
	if dir := os.Getenv(repository); dir != "" {
		return dir
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}
