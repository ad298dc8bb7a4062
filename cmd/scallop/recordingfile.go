package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// recordingFile is where a live recording is written, again and again.
type recordingFile struct {
	env    *env
	path   string
	warned bool // of a checkpoint that failed
}

// probeBytes is about what a recording takes.
const probeBytes = 64 << 10

// check fails before the workload is started if the file could not be written after
// it: a long run must not be for nothing.
func (f *recordingFile) check() error {
	if f.path == "-" {
		return nil
	}
	target, special, err := outputTarget(f.path)
	if err != nil || special {
		return err
	}
	probe, err := os.CreateTemp(filepath.Dir(target), ".scallop-*")
	if err != nil {
		return outputError(f.path, err)
	}
	_, err = probe.Write(make([]byte, probeBytes))
	return outputError(f.path, errors.Join(err, probe.Close(), os.Remove(probe.Name())))
}

// checkpoint writes a partial recording. A failure is a warning: the last write
// may succeed.
func (f *recordingFile) checkpoint(r *recording.Recording) {
	if f.path == "-" {
		return // only one recording fits a stream
	}
	if err := f.encode(f.path, r); err != nil && !f.warned {
		f.warned = true
		warn(f.env, "checkpoint: %w", err)
	}
}

// write writes the whole recording. If its place does not take it, the temporary folder
// does: nothing that was recorded is lost.
func (f *recordingFile) write(r *recording.Recording) error {
	err := f.encode(f.path, r)
	if err == nil {
		return nil
	}
	rescue := filepath.Join(os.TempDir(), "scallop-"+r.ID+".recording.json")
	where := "the recording is in " + rescue
	if f.encode(rescue, r) != nil {
		where = os.TempDir() + " did not take the recording either: it is lost"
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return &exitError{exit.code, fmt.Errorf("%w; %s", exit.err, where)}
	}
	return fmt.Errorf("%w; %s", err, where)
}

func (f *recordingFile) encode(path string, r *recording.Recording) error {
	data, err := recording.Encode(r)
	if err != nil {
		return hostError(err)
	}
	return writeOutput(f.env, path, data)
}
