package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// hookAnswer is what the recorder tells the hook: that the container is being recorded, or why not.
type hookAnswer struct {
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"`
	Code  int    `json:"code,omitempty"` // exit code
}

// startHookRecorder starts the recorder in a session of its own and waits for its answer. The runtime waits for all who
// hold its pipes, so that the recorder gets none of them.
func startHookRecorder(ctx context.Context, job []byte, timeout time.Duration) error {
	answers, theirs, err := os.Pipe()
	if err != nil {
		return hostError(fmt.Errorf("making a pipe for the recorder: %w", err))
	}
	defer answers.Close()
	cmd, err := hookRecorderCommand(job, theirs)
	if err != nil {
		return err
	}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return hostError(fmt.Errorf("starting the recorder: %w: is scallop's program still there?", err))
	}
	answer, err := awaitAnswer(ctx, answers, timeout)
	if err == nil && answer.Ready {
		return nil // it lives on, as a child of nobody here
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	if err != nil {
		return hostError(fmt.Errorf("the container is not being recorded: %w: see what `scallop doctor` says", err))
	}
	return &exitError{answer.Code, errors.New(answer.Error)}
}

func hookRecorderCommand(job []byte, answers *os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, hostError(fmt.Errorf("finding scallop's own program for the recorder: %w: is /proc mounted?", err))
	}
	cmd := exec.Command(self, "hook", "--recorder")
	cmd.Dir = "/" // the bundle, where hooks start, is to be removed
	cmd.Stdin = bytes.NewReader(job)
	cmd.ExtraFiles = []*os.File{answers}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

func awaitAnswer(ctx context.Context, from *os.File, timeout time.Duration) (hookAnswer, error) {
	var answer hookAnswer
	stop := context.AfterFunc(ctx, func() { _ = from.SetReadDeadline(time.Now()) })
	defer stop()
	if err := from.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return answer, fmt.Errorf("waiting for the recorder: %w", err)
	}
	const longest = 64 << 10
	err := json.NewDecoder(io.LimitReader(from, longest)).Decode(&answer)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return answer, fmt.Errorf("the recorder is not ready after %s", timeout)
	case err != nil:
		return answer, errors.New("the recorder ended before it was ready")
	}
	return answer, nil
}
