package session

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func waitStatus(state *os.ProcessState) syscall.WaitStatus {
	status, _ := state.Sys().(syscall.WaitStatus)
	return status
}

// signalName is SIGTERM and the like; real-time signals have none in x/sys.
func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
