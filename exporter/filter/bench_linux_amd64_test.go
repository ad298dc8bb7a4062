package filter_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

const (
	getppid     = 110
	loopLength  = 10_000 // some milliseconds: some rounds of many are undisturbed
	loopsOfEach = 100
)

// variants of the filter for nginx with getppid: always allowed, which the kernel keeps in its bitmap, or for
// arguments that it always has, so that the kernel runs the program for each call; and rare or as frequent as can be.
func variants(b *testing.B) (names []string, programs map[string]filter.Program) {
	programs = map[string]filter.Program{}
	for _, conditional := range []bool{false, true} {
		for _, hot := range []bool{false, true} {
			counts := nginxCounts(b)
			counts[filter.Call{ABI: syscalls.X86_64, Nr: getppid}] = 1
			if hot {
				counts[filter.Call{ABI: syscalls.X86_64, Nr: getppid}] = 1 << 30
			}
			r := getppidProfile(b, counts, conditional)
			for _, o := range options(counts) {
				p, err := filter.Compile(r, o)
				if err != nil {
					b.Fatal(err)
				}
				name := fmt.Sprintf("%s, %s, %s", map[bool]string{false: "bitmap", true: "filter runs"}[conditional],
					map[bool]string{false: "rare", true: "frequent"}[hot], o.Order)
				names, programs[name] = append(names, name), p
			}
		}
	}
	return names, programs
}

// getppidProfile is Docker's default, with getppid under a condition or not.
func getppidProfile(b *testing.B, counts filter.Counts, conditional bool) *policy.Resolved {
	p, err := policy.Default("docker")
	if err != nil {
		b.Fatal(err)
	}
	for i := range p.Rules {
		for j, name := range p.Rules[i].Names {
			if name == "getppid" && conditional {
				p.Rules[i].Names[j] = "getpid" // which is there already
			}
		}
	}
	if conditional {
		arg := policy.Arg{LinuxSeccompArg: specs.LinuxSeccompArg{Index: 0, Value: 0, Op: specs.OpEqualTo}}
		p.Rules = append(p.Rules, policy.Rule{Names: []string{"getppid"}, Action: specs.ActAllow, Args: []policy.Arg{arg}})
	}
	r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64, Kernel: "6.1"})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkGetppid prints what getppid takes under each filter: the minimum of interleaved rounds. `make bench` runs it.
func BenchmarkGetppid(b *testing.B) {
	c := newChild(b)
	names, programs := variants(b)
	least := map[string]int64{}
	for range loopsOfEach {
		for _, name := range names {
			took := c.run(b, programs[name], []childCall{{ABI: childGetppid, Nr: loopLength}})[0]
			if have, ok := least[name]; !ok || took < have {
				least[name] = took
			}
		}
	}
	fmt.Printf("%-40s %12s  %7s\n", "getppid under Docker's default profile", "instructions", "ns/call")
	for _, name := range names { // b.Log would cut the list
		path, err := programs[name].Path(filter.Call{ABI: syscalls.X86_64, Nr: getppid})
		if err != nil {
			b.Fatal(err)
		}
		fmt.Printf("%-40s %12d  %7.1f\n", name, path.Longest, float64(least[name])/loopLength)
	}
}
