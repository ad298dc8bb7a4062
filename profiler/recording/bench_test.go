package recording

import (
	"bytes"
	"fmt"
	"testing"
)

// large is a recording of n calls, most of them in one phase, as real ones are.
func large(n int) *Recording {
	r := sample()
	r.Syscalls = nil
	for nr := range n {
		count := uint64(10*n - nr)
		call := func(count uint64) PhaseCount {
			return PhaseCount{Count: count, LastSeenNs: 1000000 + int64(nr), First: FirstCall{
				OffsetNs: int64(nr), Comm: "worker", Exe: fmt.Sprintf("/usr/lib/app/bin/worker-%d", nr%7), PID: 4000 + nr%9, TID: 5000 + nr%50,
			}}
		}
		phases := map[string]PhaseCount{PhaseStartup: call(count)}
		if nr%3 == 0 {
			phases[PhaseSteady] = call(1)
			count++
		}
		r.Syscalls = append(r.Syscalls, Syscall{ABI: "x86_64", Nr: nr, Name: fmt.Sprintf("call_%d", nr), Total: count, Phases: phases})
	}
	return r
}

func BenchmarkDecode(b *testing.B) {
	data, err := Encode(large(300))
	if err != nil {
		b.Fatal(err)
	}
	for _, way := range []struct {
		name   string
		decode func() (*Recording, error)
	}{
		{"as written", func() (*Recording, error) { return Decode(bytes.NewReader(data)) }},
		{"in any form", func() (*Recording, error) { return decodeAny(bytes.NewReader(data)) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := way.decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
