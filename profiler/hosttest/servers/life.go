package servers

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Steps of the lives that tests lead servers through; a life may lack some.
const (
	Start  = "start"
	Ready  = "be ready"
	Filter = "run under a filter"
	Work   = "serve"
	Enter  = "be entered"
	Reload = "reload"
	Again  = "serve after the reload"
	Stop   = "stop"
)

// Step is one of a life.
type Step struct {
	name string
	do   func() error
}

// At is a step that has a name; without do it is none.
func At(name string, do func() error) Step { return Step{name, do} }

// Lead goes through a life. The first step that fails ends it.
func Lead(steps ...Step) error {
	for _, step := range steps {
		if step.do == nil {
			continue
		}
		if err := step.do(); err != nil {
			return &stepError{step.name, err}
		}
	}
	return nil
}

type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// FailedAt is the step that a life ended at, from the error of Lead; "" if it was led to its end.
func FailedAt(err error) string {
	var step *stepError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &step):
		return step.step
	}
	return fmt.Sprint(err)
}

// Confined asks the kernel whether a process runs under a filter, and with no_new_privs, as it must.
func Confined(pid int, filter, noNewPrivs bool) error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	mode, flag := "0", "0"
	if filter {
		mode = "2"
	}
	if noNewPrivs {
		flag = "1"
	}
	for _, want := range []string{"Seccomp:\t" + mode, "NoNewPrivs:\t" + flag} {
		if !strings.Contains(string(status), want+"\n") {
			return fmt.Errorf("the status of pid %d has no %q", pid, want)
		}
	}
	return nil
}
