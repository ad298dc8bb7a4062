package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The committed tables are what the generator makes today: an edit by hand,
// or a new version of x/sys without go generate, shows here.
func TestCommittedTables(t *testing.T) {
	dir, version, err := findModule()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	want, err := generate(dir, version)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, text) {
			t.Errorf("%s differs from what %s %s gives: run go generate ./profiler/syscalls", name, xsys, version)
		}
	}
	committed, err := filepath.Glob("../table_*_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range committed {
		if _, ok := want[filepath.Base(path)]; !ok {
			t.Errorf("%s: no longer generated, remove it", path)
		}
	}
}

func TestSortUnique(t *testing.T) {
	calls := []call{{2, "c"}, {0, "a"}, {1, "b"}}
	if err := sortUnique(calls); err != nil {
		t.Fatal(err)
	}
	if want := []call{{0, "a"}, {1, "b"}, {2, "c"}}; !slices.Equal(calls, want) {
		t.Errorf("got %v, want %v", calls, want)
	}
	if err := sortUnique([]call{{1, "a"}, {1, "b"}}); err == nil {
		t.Error("two names for one number: no error")
	}
	if err := sortUnique([]call{{1, "a"}, {2, "a"}}); err == nil {
		t.Error("two numbers for one name: no error")
	}
}

func TestParse(t *testing.T) {
	write := func(body string) string {
		path := filepath.Join(t.TempDir(), "zsysnum.go")
		if err := os.WriteFile(path, []byte("package unix\nconst (\n"+body+"\n)\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := parse(write("SYS_READ = 3\nSYS__LLSEEK = 140\nSYS_SYSCALL_MASK = 0\nSYS_UNUSED18 = 18\nSYS_SYSCALL = 4000"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []call{{3, "read"}, {140, "_llseek"}, {4000, "syscall"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, body := range []string{"SYS_READ = BASE + 3", "NR_READ = 3", `SYS_READ = "3"`, "SYS_A, SYS_B = 1, 2"} {
		if _, err := parse(write(body)); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}
