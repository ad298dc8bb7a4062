package profiler

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Now is the clock of all times here: the kernel's own CLOCK_MONOTONIC in nanoseconds, which is what
// bpf_ktime_get_ns() gives. It neither jumps with the wall clock nor counts while the machine is suspended.
func Now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail: since Linux 2.6
	return ts.Nano() - namespaceOffset()
}

// namespaceOffset is what the time namespace of this process, which cannot change, adds to the kernel's clock.
var namespaceOffset = sync.OnceValue(func() int64 {
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return 0 // a kernel without time namespaces
	}
	return parseOffset(string(text))
})

// parseOffset finds the line "monotonic SECONDS NANOSECONDS", see time_namespaces(7). Without one there is
// no offset.
func parseOffset(text string) int64 {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "monotonic" {
			continue
		}
		seconds, err1 := strconv.ParseInt(fields[1], 10, 64)
		nanos, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err1 == nil && err2 == nil {
			return seconds*1e9 + nanos
		}
	}
	return 0
}
