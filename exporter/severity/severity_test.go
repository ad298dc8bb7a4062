package severity

import (
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// tableNames are the names of every ABI's table.
func tableNames() map[string]bool {
	names := map[string]bool{}
	for _, abi := range syscalls.ABIs() {
		// MIPS ends below 8192; ARM has private calls from 0x0f0000 on.
		for _, first := range []int{0, 0xf0000} {
			for nr := first; nr < first+8192; nr++ {
				if name, ok := syscalls.Name(abi, nr); ok {
					names[name] = true
				}
			}
		}
	}
	return names
}

func TestEveryCallHasARow(t *testing.T) {
	names := tableNames()
	if len(names) < 450 {
		t.Fatalf("only %d names", len(names))
	}
	for name := range names {
		if !Known(name) {
			t.Errorf("%s has no row", name)
		}
	}
	for _, e := range All() {
		if !names[e.Name] {
			t.Errorf("%s has a row, but no ABI has it", e.Name)
		}
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Name)
		}
	}
}

// TestDangerousAreGated: where Docker allows what is called dangerous here, one of the two is
// wrong, or there is a reason to write down.
func TestDangerousAreGated(t *testing.T) {
	for _, e := range All() {
		switch {
		case !e.Level.Dangerous() && e.Docker.Note != "":
			t.Errorf("%s is not dangerous: it needs no note", e.Name)
		case e.Level.Dangerous() && !e.Docker.Gated() && e.Docker.Note == "":
			t.Errorf("%s is of level %s, but Docker allows it %s: write down why", e.Name, e.Level, e.Docker.When)
		}
	}
}

func TestOf(t *testing.T) {
	for name, want := range map[string]Level{
		"read": None, "clone": None, "uname": Information, "clone3": Kernel, "io_uring_setup": Kernel,
		"bpf": Escape, "mount": Escape, "ptrace": Escape, "setns": Escape, "kexec_load": Escape,
	} {
		if e := Of(name); e.Level != want || e.Name != name {
			t.Errorf("%s: %+v, want level %s", name, e, want)
		}
	}
	if e := Of("made_up"); e.Class != Unknown || !e.Level.Dangerous() || Known("made_up") {
		t.Errorf("a new call: %+v", e)
	}
}

func TestLevels(t *testing.T) {
	levels := Levels()
	if !slices.IsSorted(levels) {
		t.Error("levels are not in order")
	}
	for _, l := range levels {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("%s: %v, %v", l, got, err)
		}
	}
	if _, err := ParseLevel("awful"); err == nil {
		t.Error("awful is a level")
	}
}

func TestDockerAllows(t *testing.T) {
	for _, c := range []struct {
		name, abi string
		caps      []string
		want      bool
	}{
		{"read", "x86_64", nil, true},
		{"mount", "x86_64", policy.DockerCapabilities(), false},
		{"mount", "x86_64", []string{"CAP_SYS_ADMIN"}, true},
		{"chroot", "x86_64", policy.DockerCapabilities(), true},
		{"chroot", "x86_64", nil, false},
		{"clone", "x86_64", nil, true},
		{"clone", "s390x", nil, true},
		{"clone3", "x86_64", nil, false},
		{"arch_prctl", "x86", nil, true},
		{"arm_fadvise64_64", "arm", nil, true},
		{"arm_fadvise64_64", "x86_64", nil, false},
		{"io_uring_setup", "x86_64", []string{"CAP_SYS_ADMIN"}, false},
	} {
		if got := Of(c.name).Docker.Allows(c.abi, c.caps); got != c.want {
			t.Errorf("%s on %s with %v: %t (%s)", c.name, c.abi, c.caps, got, Of(c.name).Docker.When)
		}
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"read", "read", "write", "mmap2"}, "allows 2 of 385 x86_64 calls, 0 dangerous; Docker's default allows "},
		{[]string{"read", "clone3"}, "allows 2 of 385 x86_64 calls, 1 dangerous (clone3); Docker's default allows "},
		{[]string{"clone3", "bpf", "mount", "setns", "keyctl", "unshare"}, "allows 6 of 385 x86_64 calls, 6 dangerous (bpf, mount, setns, unshare, 2 more); "},
	} {
		if got := Summary(c.names, "x86_64"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %s", c.names, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for row, want := range map[string]string{
		"read\tfiles":                                  "2 fields",
		"read\tfools\tnone\tnever":                     "class",
		"read\tfiles\tbad\tnever":                      "danger level",
		"read\tfiles\tnone\tsometimes":                 `says "sometimes"`,
		"read\tfiles\tnone\t":                          "says nothing of Docker",
		"read\tfiles\tescape\tnever":                   "without a reason",
		"b\tfiles\tnone\tnever\na\tfiles\tnone\tnever": "not in its place",
		"a\tfiles\tnone\tnever\na\tfiles\tnone\tnever": "not in its place",
	} {
		if _, err := parse(row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", row, err, want)
		}
	}
}
