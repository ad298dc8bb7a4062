package watch

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Real-time signals as C libraries number them: two below are their own.
const (
	rtMin = 34
	rtMax = 64
)

// parseSignal reads the stop signal of a container as images have it: QUIT, SIGQUIT, 3, SIGRTMIN+3. 0: it is none.
func parseSignal(text string) syscall.Signal {
	name := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "SIG")
	if signal := unix.SignalNum("SIG" + name); signal != 0 {
		return signal
	}
	base, from := 0, 1
	for prefix, first := range map[string]int{"RTMIN": rtMin, "RTMAX": rtMax} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			base, from, name = first, rtMin, "0"+strings.TrimPrefix(rest, "+")
			if strings.HasPrefix(rest, "-") {
				name = rest
			}
		}
	}
	n, err := strconv.Atoi(name)
	if err != nil || base+n < from || base+n > rtMax {
		return 0
	}
	return syscall.Signal(base + n)
}
