package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

// handoverCounts are the calls of one start, by number.
type handoverCounts map[int]int

// source tells what the runtime called in one start.
type source interface {
	// begin is called just before the command that makes the measured process, end after it.
	begin() error
	end() (handoverCounts, error)
	// tracer goes in front of the command that makes the measured process.
	tracer() []string
	// method is a sentence for the file.
	method() string
	close() error
}

// Names of sources.
const (
	sourceBoth     = "both"
	sourceRecorder = "recorder"
	sourceStrace   = "strace"
)

func sourceNames() []string { return []string{sourceBoth, sourceRecorder, sourceStrace} }

func checkSource(name string) error {
	if !slices.Contains(sourceNames(), name) {
		return devtool.Usagef("--sources %q is not known: use one of %s", name, strings.Join(sourceNames(), ", "))
	}
	return nil
}

// openSource prepares to measure containers below parent.
func openSource(ctx context.Context, name, dir string, parent *parentCgroup) (source, error) {
	var oracle *straceSource
	var err error
	if name != sourceRecorder {
		if oracle, err = newStrace(ctx, dir); err != nil {
			return nil, err
		}
	}
	if name == sourceStrace {
		return oracle, nil
	}
	recorder, err := newRecorder(parent)
	if err != nil {
		return nil, err
	}
	if name == sourceRecorder {
		return recorder, nil
	}
	return &bothSources{recorder: recorder, strace: oracle}, nil
}

// bothSources measure the same starts. The recorder's answer counts; strace is the oracle.
type bothSources struct {
	recorder *recorderSource
	strace   *straceSource
}

func (b *bothSources) begin() error {
	return errors.Join(b.strace.begin(), b.recorder.begin())
}

func (b *bothSources) end() (handoverCounts, error) {
	recorded, err := b.recorder.end()
	if err != nil {
		return nil, err
	}
	traced, err := b.strace.end()
	if err != nil {
		return nil, err
	}
	return recorded, checkOracle(recorded, traced)
}

// checkOracle: the recorder must have every call that strace saw.
func checkOracle(recorded, traced handoverCounts) error {
	var missing []string
	for nr, n := range traced {
		if recorded[nr] < n {
			missing = append(missing, fmt.Sprintf("%d (%d of %d)", nr, recorded[nr], n))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("strace saw calls that the recorder did not file under handover: numbers %s: please report this",
		strings.Join(missing, ", "))
}

func (b *bothSources) tracer() []string { return b.strace.tracer() }

func (b *bothSources) method() string {
	return b.recorder.method() + "; checked in the same starts against " + b.strace.method()
}

func (b *bothSources) close() error { return b.recorder.close() }
