package baselines

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FileName is where a baseline belongs, e.g. runc-1.1.5-x86_64.json.
func (b *Baseline) FileName() string {
	return fmt.Sprintf("%s-%s-%s.json", b.Runtime, b.Version, b.Architecture)
}

func sortByVersion(list []*Baseline) {
	slices.SortStableFunc(list, func(a, b *Baseline) int {
		return cmp.Or(cmp.Compare(a.Runtime, b.Runtime), compareVersions(a.Version, b.Version), cmp.Compare(a.Architecture, b.Architecture))
	})
}

// compareVersions knows that 1.1.15 is later than 1.1.5, and 1.0.0 than 1.0.0-rc93.
func compareVersions(a, b string) int {
	numbersA, preA, _ := strings.Cut(a, "-")
	numbersB, preB, _ := strings.Cut(b, "-")
	return cmp.Or(slices.Compare(numbers(numbersA), numbers(numbersB)), comparePre(preA, preB))
}

func numbers(s string) []int {
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, _ := strconv.Atoi(part) // validated before
		list = append(list, n)
	}
	return list
}

// comparePre: what has no suffix is the release itself, the last of all.
func comparePre(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
