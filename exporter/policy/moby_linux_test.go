package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// loader is Docker's own, built for an architecture.
type loader []string

func newLoader(t *testing.T, goarch string, run ...string) loader {
	t.Helper()
	out := filepath.Join(t.TempDir(), "mobyload")
	cmd := exec.Command(hosttest.Tool(t, "go", "golang"), "build", "-o", out, "./testdata/mobyload")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building mobyload for %s: %v\n%s", goarch, err, text)
	}
	return append(run, out)
}

func (l loader) load(t *testing.T, profile []byte, caps []string) *specs.LinuxSeccomp {
	t.Helper()
	cmd := exec.Command(l[0], append(l[1:], caps...)...)
	cmd.Stdin = bytes.NewReader(profile)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mobyload: %v: %s", err, &stderr)
	}
	var spec specs.LinuxSeccomp
	if err := json.Unmarshal(out, &spec); err != nil {
		t.Fatal(err)
	}
	return &spec
}

func thisKernel(t *testing.T) string {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(uts.Release[:])
}

// TestMobyLoader: Docker's default profile, as the module has it, gives what Docker's own loader gives: the same rules, and
// the same verdict for every number of every ABI on hosts of both architectures.
func TestMobyLoader(t *testing.T) {
	profile, err := json.Marshal(seccomp.DefaultProfile())
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(bytes.NewReader(profile))
	if err != nil {
		t.Fatal(err)
	}
	capabilities := [][]string{nil, policy.DockerCapabilities(), everyCapability(p)}
	for _, c := range everyCapability(p) {
		capabilities = append(capabilities, []string{c})
	}
	for _, host := range []struct {
		abi    syscalls.ABI
		loader func() loader
	}{
		{syscalls.X86_64, func() loader { return newLoader(t, "amd64", runner(t, "amd64")...) }},
		{syscalls.AArch64, func() loader { return newLoader(t, "arm64", runner(t, "arm64")...) }},
	} {
		t.Run(string(host.abi), func(t *testing.T) {
			moby := host.loader()
			for _, caps := range capabilities {
				h := policy.Host{Architecture: host.abi, Capabilities: caps, Kernel: thisKernel(t)}
				want := moby.load(t, profile, caps)
				got, err := p.Load(h)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("capabilities %v: the rules differ from moby's (-moby +ours):\n%s", caps, diff)
				}
				r, err := p.Resolve(h)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d capabilities: %s", len(caps), sameVerdicts(t, want, r))
			}
		})
	}
}

// runner is how a program for the architecture runs here.
func runner(t *testing.T, goarch string) []string {
	t.Helper()
	machines := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	if unix.ByteSliceToString(uts.Machine[:]) == machines[goarch] {
		return nil
	}
	return []string{hosttest.Tool(t, "qemu-"+machines[goarch]+"-static", "qemu-user-static")}
}

// sameVerdicts judges by moby's rules in the plainest way, without the package's tables of clauses.
func sameVerdicts(t *testing.T, spec *specs.LinuxSeccomp, r *policy.Resolved) string {
	t.Helper()
	allowed := map[syscalls.ABI]int{}
	compared := 0
	for _, abi := range r.ABIs {
		if !slices.Contains(spec.Architectures, specs.Arch(syscalls.SeccompArch(abi))) {
			t.Fatalf("moby does not cover %s", abi)
		}
		for nr := range 1000 {
			name, known := syscalls.Name(abi, nr)
			if !known {
				name = ""
			}
			for _, args := range argumentSets(r.Clauses(abi, nr)) {
				got, errno := r.Verdict(abi, nr, args)
				want, wantErrno := plainVerdict(spec, abi, name, args)
				if got != want || errno != wantErrno {
					t.Fatalf("%s %s (%d) %x: %s %d, by moby's rules %s %d", abi, name, nr, args, got, errno, want, wantErrno)
				}
				compared++
			}
			if a, _ := r.Verdict(abi, nr, [6]uint64{}); a == specs.ActAllow {
				allowed[abi]++
			}
		}
	}
	return fmt.Sprintf("%d verdicts agree; allowed with zeros as arguments: %v", compared, allowed)
}

// plainVerdict: the profile has no conditions on calls behind socketcall and ipc which it allows in whole, so
// they need no care here.
func plainVerdict(spec *specs.LinuxSeccomp, abi syscalls.ABI, name string, args [6]uint64) (specs.LinuxSeccompAction, uint) {
	for _, conditional := range []bool{false, true} {
		for _, s := range spec.Syscalls {
			if name != "" && slices.Contains(s.Names, name) && len(s.Args) > 0 == conditional && plainHolds(abi, s.Args, args) {
				if s.Action == specs.ActErrno {
					return s.Action, *s.ErrnoRet
				}
				return s.Action, 0
			}
		}
	}
	return spec.DefaultAction, *spec.DefaultErrnoRet
}

func plainHolds(abi syscalls.ABI, conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	for _, c := range conditions {
		v := args[c.Index]
		if abi == syscalls.X86 || abi == syscalls.ARM || abi == syscalls.X32 {
			v &= 0xffffffff
		}
		switch c.Op {
		case specs.OpEqualTo:
			if v != c.Value {
				return false
			}
		case specs.OpLessThan:
			if v >= c.Value {
				return false
			}
		case specs.OpMaskedEqual:
			if v&c.Value != c.ValueTwo {
				return false
			}
		default:
			panic("the profile uses " + c.Op)
		}
	}
	return true
}

// TestDockerDefault: the copy is what the module in go.mod has.
func TestDockerDefault(t *testing.T) {
	data, err := json.Marshal(seccomp.DefaultProfile())
	if err != nil {
		t.Fatal(err)
	}
	want, err := policy.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := policy.Default("docker")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults/docker.json is not moby's (run go generate):\n%s", diff)
	}
}
