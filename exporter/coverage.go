package exporter

import (
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Coverage is how much of one ABI a profile allows.
type Coverage struct {
	ABI          string
	Allowed, All int // names of the profile, and of the ABI's table
}

// Cover counts for each ABI of the profile, the native ones first. A rule
// holds a name, so it counts for every ABI that has the name.
func Cover(p *Profile) []Coverage {
	var list []Coverage
	for _, abi := range allABIs(p.Archs) {
		c := Coverage{ABI: abi, All: tableSize(syscalls.ABI(abi))}
		for i := range p.Entries {
			if _, ok := syscalls.Number(syscalls.ABI(abi), p.Entries[i].Name); ok {
				c.Allowed++
			}
		}
		list = append(list, c)
	}
	return list
}

// tableSize counts the names of an ABI: MIPS ends below 8192, and ARM has a
// few private calls from 0x0f0000 on.
func tableSize(abi syscalls.ABI) int {
	size := 0
	for _, first := range []int{0, 0xf0000} {
		for nr := first; nr < first+8192; nr++ {
			if _, ok := syscalls.Name(abi, nr); ok {
				size++
			}
		}
	}
	return size
}
