package audit

import (
	"regexp"
	"strconv"
)

// notice is a line in which the kernel says that records were lost.
type notice struct {
	// suppressed records were not printed, to spare the log: printk_ratelimit.
	suppressed uint64
	// lost counts since boot what the rate limit, or a full backlog, kept from everybody.
	lost uint64
}

var (
	suppressed = regexp.MustCompile(`^k?auditd?_printk_skb: (\d+) callbacks suppressed$`)
	lost       = regexp.MustCompile(`^audit_lost=(\d+) `)
)

func parseNotice(text string) notice {
	if m := suppressed.FindStringSubmatch(text); m != nil {
		return notice{suppressed: positive(m[1])}
	}
	if m := lost.FindStringSubmatch(text); m != nil {
		return notice{lost: positive(m[1])}
	}
	return notice{}
}

// positive is 1 for what does not fit, which is no number of the kernel.
func positive(digits string) uint64 {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 1
	}
	return n
}
