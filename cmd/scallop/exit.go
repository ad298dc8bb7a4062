package main

// Exit codes: the contract with scripts and CI.
const (
	exitOK         = 0 // fine
	exitFinding    = 1 // a check fails, a diff differs, denials seen
	exitUsage      = 2 // usage or bad input
	exitHost       = 3 // this host cannot do it
	exitIncomplete = 4 // the recording is incomplete
)

// exitError carries the exit code of a failed command. A nil err means that
// the command has said everything already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(err error) error      { return &exitError{exitUsage, err} }
func hostError(err error) error       { return &exitError{exitHost, err} }
func incompleteError(err error) error { return &exitError{exitIncomplete, err} }
