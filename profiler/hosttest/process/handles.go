package process

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
)

// Handles returns nil once a process runs the program and has set a handler for some signal: before, a signal ends it.
func Handles(pid int, program string) error {
	proc := fmt.Sprintf("/proc/%d", pid)
	exe, exeErr := os.Readlink(proc + "/exe")
	status, err := os.ReadFile(proc + "/status")
	if err := errors.Join(exeErr, err); err != nil {
		return err
	}
	caught := profiler.StatusField(status, "SigCgt")
	if exe != program || strings.Trim(caught, "0") == "" {
		return fmt.Errorf("%s catches signals %s", exe, caught)
	}
	return nil
}
