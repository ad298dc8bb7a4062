package status

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
)

// ErrNoSeccomp tells that a kernel has no seccomp.
var ErrNoSeccomp = errors.New("the kernel does not say what seccomp does: is it built with CONFIG_SECCOMP?")

// beingKilled is the mode of a thread that its filter kills just now: SECCOMP_MODE_DEAD in kernel/seccomp.c, since Linux 5.17.
const beingKilled = "3"

// ParseThread reads the text of /proc/PID/task/TID/status (proc_pid_status(5)).
func ParseThread(text []byte) (Thread, error) {
	field := func(name string) string { return profiler.StatusField(text, name) }
	t := Thread{
		Comm:       field("Name"),
		NoNewPrivs: field("NoNewPrivs") == "1",
		Filters:    UnknownFilters,
		Dead:       strings.HasPrefix(field("State"), "Z") || strings.HasPrefix(field("State"), "X"),
	}
	mode := field("Seccomp")
	if mode == "" {
		return Thread{}, ErrNoSeccomp
	}
	if mode == beingKilled {
		mode, t.Dead = strconv.Itoa(Filter), true
	}
	var err error
	if t.Seccomp, err = strconv.Atoi(mode); err != nil || t.Seccomp < Disabled || t.Seccomp > Filter {
		return Thread{}, fmt.Errorf("the mode of seccomp %.20q is not known: use a newer scallop", mode)
	}
	if n, err := strconv.ParseUint(field("Seccomp_filters"), 10, 31); err == nil {
		t.Filters = int(n)
	}
	return t, nil
}
