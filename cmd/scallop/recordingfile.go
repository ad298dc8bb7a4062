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
	env     *env
	path    string
	fresh   bool // nothing must be replaced
	warning checkpointWarning
}

// checkpointWarning says once that a checkpoint failed: the last write may succeed.
type checkpointWarning bool

func (w *checkpointWarning) of(e *env, err error) {
	if err != nil && !*w {
		*w = true
		warn(e, "checkpoint: %w", err)
	}
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
	sweepTemporary(filepath.Dir(target))
	probe, err := createTemporary(filepath.Dir(target))
	if err != nil {
		return outputError(f.path, err)
	}
	_, err = probe.Write(make([]byte, probeBytes))
	return outputError(f.path, errors.Join(err, probe.Close(), os.Remove(probe.Name())))
}

// checkpoint writes a partial recording.
func (f *recordingFile) checkpoint(r *recording.Recording) {
	if f.path == "-" {
		return // only one recording fits a stream
	}
	f.warning.of(f.env, f.encode(f.path, r))
}

// write writes the whole recording.
func (f *recordingFile) write(r *recording.Recording) error {
	return f.rescue(r, f.encode(f.path, r))
}

// rescue: if its place did not take the recording, the temporary folder does. Nothing that was recorded is lost.
func (f *recordingFile) rescue(r *recording.Recording, err error) error {
	if err == nil {
		return nil
	}
	path := filepath.Join(os.TempDir(), "scallop-"+r.ID+".recording.json")
	where := "the recording is in " + path
	if f.encode(path, r) != nil {
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
	if f.fresh {
		return outputError(path, writeAtomically(path, data, renameFresh))
	}
	return writeOutput(f.env, path, data)
}
