package main

import (
	"errors"

	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/privilege"
)

// limit gives up the capabilities that a command no longer needs now that everything is attached, and the right to
// gain any. Not if commands of the user's are still to be started: they are not scallop's to restrict.
func limit(e *env, command string, starts []string) {
	if len(starts) > 0 {
		return
	}
	if err := privilege.Limit(doctor.Kept(command)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		warn(e, "scallop keeps all its privileges: %v", err)
	}
}
