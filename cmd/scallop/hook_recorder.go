package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/profiler/hook"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// answerFD is where the recorder finds the pipe to the hook.
const answerFD = 3

// hookRecorder is the detached process: it records one container to its end.
type hookRecorder struct {
	job     *hookJob
	log     *hookLog
	answers *os.File // nil: the hook has its answer
}

// runHookRecorder does the job on standard input.
func runHookRecorder(e *env) error {
	r := &hookRecorder{log: openHookLog(), answers: os.NewFile(answerFD, "answers")}
	job, err := readHookJob(e.stdin)
	if err != nil {
		return usageError(err)
	}
	r.job = job
	ctx, stop := untilStopped(e.ctx, stopGrace)
	defer stop()
	rec, err := recordContainer(ctx, job, r.log, r.ready)
	if err == nil {
		err = r.finish(rec)
	}
	if err != nil {
		r.fail(err)
	}
	return err
}

func readHookJob(from io.Reader) (*hookJob, error) {
	job := &hookJob{}
	if err := json.NewDecoder(from).Decode(job); err != nil || job.Request.Output == "" {
		return nil, errors.New("no job on standard input: --recorder is for `scallop hook` itself: use `scallop record --cgroup PATH`")
	}
	return job, nil
}

// stopGrace is how long a container may live on after its recorder was told to end: who stops a service or a host
// tells both at a time.
const stopGrace = 15 * time.Second

// untilStopped is a context that ends a while after the first SIGTERM or SIGINT, and at once at the second.
func untilStopped(parent context.Context, grace time.Duration) (ctx context.Context, stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)
	ctx, cancel := context.WithCancel(parent)
	go func() {
		var over <-chan time.Time
		for {
			select {
			case <-signals:
				if over != nil {
					cancel()
				}
				over = time.After(grace)
			case <-over:
				cancel()
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// ready lets the container go on. An error means that the hook has gone: nobody waits for a recording.
func (r *hookRecorder) ready() error {
	_ = os.Remove(r.errorFile()) // of an earlier container
	r.log.info("recording container %s", r.job.State.ID)
	return r.answer(hookAnswer{Ready: true})
}

func (r *hookRecorder) answer(a hookAnswer) error {
	if r.answers == nil {
		return nil
	}
	err := errors.Join(json.NewEncoder(r.answers).Encode(a), r.answers.Close())
	r.answers = nil
	if err != nil {
		return fmt.Errorf("telling the hook: %w: did the engine end it?", err)
	}
	return nil
}

// fail tells the hook, if it waits, and else leaves word where the profile is expected.
func (r *hookRecorder) fail(err error) {
	text := oneLine(err)
	r.log.failure(fmt.Errorf("container %s: %w", r.job.State.ID, err))
	if r.answers == nil {
		_ = writeHookFile(r.errorFile(), []byte("scallop: "+text+"\n"))
		return
	}
	code := exitHost
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		code = exit.code
	}
	_ = r.answer(hookAnswer{Error: text, Code: code})
}

func (r *hookRecorder) errorFile() string { return r.job.Request.Output + ".error" }

var errNotStarted = errors.New("the container ended before its program was started: no profile is written: see what else its engine says")

// finish writes what the annotation asks for.
func (r *hookRecorder) finish(rec *recording.Recording) error {
	if r.job.Request.Recording != "" {
		if err := r.writeRecording(r.job.Request.Recording, rec); err != nil {
			return err
		}
	}
	if !recording.Reached(rec, recording.PhaseStartup) {
		return errNotStarted
	}
	if !rec.Complete {
		return r.incomplete(rec)
	}
	profile, err := exporter.Build([]*recording.Recording{rec}, exporter.Options{})
	if err != nil {
		return exportError(err)
	}
	data, err := r.render(profile)
	if err != nil {
		return err
	}
	if err := writeHookFile(r.job.Request.Output, data); err != nil {
		return err
	}
	for _, warning := range profile.Warnings {
		r.log.warning("%s", warning)
	}
	r.log.info("wrote %s of container %s: it %s", r.job.Request.Output, rec.Workload.Name, summary(profile))
	return nil
}

// incomplete: a profile of it could deny what the container needs. The recording is kept, for those who take it all
// the same.
func (r *hookRecorder) incomplete(rec *recording.Recording) error {
	path := r.job.Request.Recording
	if path == "" {
		path = r.job.Request.Output + ".recording.json"
		if err := r.writeRecording(path, rec); err != nil {
			return err
		}
	}
	return incompleteError(fmt.Errorf("the recording is incomplete: %s: no profile is written; take it as it is with `scallop export --allow-incomplete %s`",
		strings.Join(rec.Incomplete, "; "), path))
}

func (r *hookRecorder) writeRecording(path string, rec *recording.Recording) error {
	data, err := recording.Encode(rec)
	if err != nil {
		return hostError(err)
	}
	return writeHookFile(path, data)
}

// render is the profile, in what the annotation gave to extend.
func (r *hookRecorder) render(profile *exporter.Profile) ([]byte, error) {
	data, err := exporter.Docker(profile, exporter.RenderOptions{})
	if err != nil || r.job.Request.Input == "" {
		return data, err
	}
	older, err := hook.ParseProfile(r.job.Input)
	if err != nil {
		return nil, fmt.Errorf("if:%s: %w", r.job.Request.Input, err)
	}
	seen, err := hook.ParseProfile(data)
	if err != nil {
		return nil, err
	}
	merged, warnings, err := hook.Merge(older, seen)
	if err != nil {
		return nil, err
	}
	for _, warning := range warnings {
		r.log.warning("%s", warning)
	}
	return merged.Encode()
}
