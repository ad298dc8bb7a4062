package completeness

import (
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// goodTuring is 1 - f1/n: the share of probability that the kinds seen so far have (Good 1953).
// Chao and Jost's refinement (2012) is never lower: this is the careful one of the two.
func goodTuring(once int, n uint64) float64 {
	return 1 - float64(once)/float64(n)
}

// chao is Chao's lower bound of the unseen (1984; for samples Chao 1987), with the form that is
// free of bias where nothing was seen twice: (n-1)/n times f1²/(2·f2), or f1·(f1-1)/2.
func chao(once, twice int, n float64) float64 {
	if once == 0 {
		return 0
	}
	f1, f2 := float64(once), float64(twice)
	if twice == 0 {
		return (n - 1) / n * f1 * (f1 - 1) / 2
	}
	return (n - 1) / n * f1 * f1 / (2 * f2)
}

// coverageOfSamples is Chao and Jost's (2012) for presence in samples: 1 - Q1/U · (T-1)Q1 /
// ((T-1)Q1 + 2·Q2). Where nothing is in two samples the second factor is taken as 1.
func coverageOfSamples(once, twice, samples, incidences int) float64 {
	if once == 0 {
		return 1
	}
	q1, q2, t := float64(once), float64(twice), float64(samples)
	return 1 - q1/float64(incidences)*((t-1)*q1/((t-1)*q1+2*q2))
}

// unseenRoom is how many calls of the ABIs in kinds were not seen: an estimate of more would be
// of calls that do not exist. No bound is known for an ABI without a table.
func unseenRoom(kinds map[callKey]uint64) float64 {
	room := map[string]int{}
	for key := range kinds {
		if _, ok := room[key.abi]; !ok {
			room[key.abi] = tableSize(key.abi)
		}
		room[key.abi]--
	}
	sum := 0
	for _, n := range room {
		sum += max(0, n)
	}
	return float64(sum)
}

// tableSize counts the names of an ABI: MIPS ends below 8192, and ARM has a few private calls
// from 0x0f0000 on.
func tableSize(abi string) int {
	size := 0
	for _, first := range []int{0, 0xf0000} {
		for nr := first; nr < first+8192; nr++ {
			if _, ok := syscalls.Name(syscalls.ABI(abi), nr); ok {
				size++
			}
		}
	}
	return size
}
