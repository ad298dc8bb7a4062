// Package process starts what tests run beside themselves: daemons, containers, scallop. Nothing of it outlives the test.
package process

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a command that was started and is being waited for.
type Process struct {
	Cmd  *exec.Cmd
	Out  Tail
	done chan struct{}
}

// Start starts cmd. It is told to end if the test is killed, which leaves no time to clean up. Its output goes to stdout
// if that is not nil, and else where its errors go: to Out.
func Start(t testing.TB, cmd *exec.Cmd, stdout io.Writer) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Out, &p.Out
	if stdout != nil {
		cmd.Stdout = stdout
	}
	cmd.WaitDelay = time.Second // what it left behind may hold its pipes
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that started the program ends: this
		// one lives as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit code is looked at
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return p
}

// PID is the command's.
func (p *Process) PID() int { return p.Cmd.Process.Pid }

// Exited is closed when the command has ended.
func (p *Process) Exited() <-chan struct{} { return p.done }

// ExitCode is to be asked for after Exited; -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.Cmd.ProcessState.ExitCode() }

// End stops the command if it runs, by the signal, and waits for it.
func (p *Process) End(s os.Signal) {
	_ = p.Cmd.Process.Signal(s) // it may have ended
	<-p.done
}

// Await fails the test if what the command is to do does not hold in time, or the command ends before it does.
func (p *Process) Await(t testing.TB, patience time.Duration, holds func() error) {
	t.Helper()
	if err := Poll(patience, p.done, holds); err != nil {
		t.Fatalf("%s: %v\n%s", p.Cmd, err, &p.Out)
	}
}
