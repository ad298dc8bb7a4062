package main

import (
	"fmt"
	"slices"
)

const (
	enoughLooks = 8       // fewer tell nothing of growth
	slackBytes  = 4 << 20 // a garbage collector's heap comes and goes
	slackFiles  = 8
)

// growth lists what scallop takes more of in the last quarter than in the second one: in the first one, it
// comes to its working size. Medians, since one look may fall into a burst.
func growth(looks []usage) []string {
	if len(looks) < enoughLooks {
		return nil
	}
	quarter := len(looks) / 4
	early, late := looks[quarter:2*quarter], looks[len(looks)-quarter:]
	var grown []string
	compare := func(what string, slack int, of func(usage) int) {
		if a, b := median(early, of), median(late, of); b > a+a/10+slack {
			grown = append(grown, fmt.Sprintf("%s: %d in the second quarter, %d in the last", what, a, b))
		}
	}
	compare("resident memory in bytes", slackBytes, func(u usage) int { return u.resident })
	compare("kernel memory of the maps in bytes", 0, func(u usage) int { return u.maps })
	compare("open descriptors", slackFiles, func(u usage) int { return u.files })
	return grown
}

func median(looks []usage, of func(usage) int) int {
	var all []int
	for _, u := range looks {
		all = append(all, of(u))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
