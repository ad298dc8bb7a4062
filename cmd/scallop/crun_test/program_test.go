package crun_test

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// program is a command that was started and is being waited for.
type program struct {
	cmd  *exec.Cmd
	out  tail
	done chan struct{}
}

// startProgram starts cmd. It is told to end if the test is killed, which leaves no time
// to clean up. Its output goes to stdout if that is given, and else where its errors go.
func startProgram(t *testing.T, cmd *exec.Cmd, stdout io.Writer) *program {
	t.Helper()
	p := &program{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
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

func (p *program) exited() <-chan struct{} { return p.done }
func (p *program) exitCode() int           { return p.cmd.ProcessState.ExitCode() }

// end stops the program if it runs, by the signal, and waits for it.
func (p *program) end(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended
	<-p.done
}

// tail keeps the end of what is written to it: daemons talk much.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4000

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, data...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
