package severity

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

var update = flag.Bool("update", false, "write the column on Docker anew")

// whenOf says of each name in Docker's default profile when that allows it.
func whenOf(t *testing.T) map[string]string {
	when := map[string]string{}
	for _, rule := range seccomp.DefaultProfile().Syscalls {
		if rule.Action != specs.ActAllow {
			continue // clone3, answered ENOSYS: not allowed
		}
		text := alternativeOf(t, rule)
		for _, name := range rule.Names {
			have := strings.Split(when[name], "; ")
			switch {
			case when[name] == "":
				when[name] = text
			case !slices.Contains(have, text):
				when[name] += "; " + text
			}
		}
	}
	return when
}

func alternativeOf(t *testing.T, rule *seccomp.Syscall) string {
	var parts []string
	if len(rule.Args) > 0 {
		parts = append(parts, "arguments")
	}
	if f := rule.Includes; f != nil {
		if len(f.Caps) > 1 {
			t.Fatalf("%v needs several capabilities: the table cannot say so", rule.Names)
		}
		for _, c := range f.Caps {
			parts = append(parts, "with "+c)
		}
		if len(f.Arches) > 0 {
			parts = append(parts, "on "+strings.Join(f.Arches, " "))
		}
		if f.MinKernel != nil {
			parts = append(parts, fmt.Sprintf("from kernel %s", f.MinKernel))
		}
	}
	// Exclusions keep other rules of the same name from meeting this one: they deny nothing.
	if len(parts) == 0 {
		return "always"
	}
	return strings.Join(parts, ", ")
}

// TestDockerColumn: the column is what the module says, or -update makes it so.
func TestDockerColumn(t *testing.T) {
	when := whenOf(t)
	if *update {
		updateColumn(t, when)
		return
	}
	for _, e := range All() {
		want := when[e.Name]
		if want == "" {
			want = "never"
		}
		if e.Docker.When != want {
			t.Errorf("%s: %q, but Docker allows it %q", e.Name, e.Docker.When, want)
		}
	}
	for name := range when {
		if !Known(name) {
			t.Errorf("Docker allows %s, which has no row", name)
		}
	}
}

func updateColumn(t *testing.T, when map[string]string) {
	lines := strings.Split(tsv, "\n")
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(fields) < 4 {
			continue
		}
		if fields[3] = when[fields[0]]; fields[3] == "" {
			fields[3] = "never"
		}
		lines[i] = strings.Join(fields, "\t")
	}
	if err := os.WriteFile("severity.tsv", []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDockerCount compares the count of the summary with what Docker's own loader allows
// a container with default capabilities on this host.
func TestDockerCount(t *testing.T) {
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: policy.DockerCapabilities()}}}
	profile, err := seccomp.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, rule := range profile.Syscalls {
		if rule.Action == specs.ActAllow {
			for _, name := range rule.Names {
				names[name] = true
			}
		}
	}
	native := syscalls.SeccompArch("x86_64")
	if !slices.Contains(profile.Architectures, specs.Arch(native)) {
		t.Skip("not an x86_64 host")
	}
	count := 0
	for name := range names {
		if _, ok := syscalls.Number("x86_64", name); ok {
			count++
		}
	}
	want := fmt.Sprintf("Docker's default allows %d", count)
	if got := Summary(nil, "x86_64"); !strings.HasSuffix(got, want) {
		t.Errorf("%s, but the loader gives: %s", got, want)
	}
}
