package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// readRecording opens and checks one recording; "-" is standard input. Errors
// are for the user: they name the file, and carry the exit code for bad input.
func readRecording(e *env, path string) (*recording.Recording, error) {
	r, name, err := openInput(e, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rec, err := recording.Decode(r)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", name, err))
	}
	return rec, nil
}

// openInput returns the reader and the name that errors use for it.
func openInput(e *env, path string) (io.ReadCloser, string, error) {
	if path == "-" {
		return io.NopCloser(e.stdin), "standard input", nil
	}
	name := recording.CleanString(path)
	f, err := os.Open(path)
	if err != nil {
		return nil, "", inputError(name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, "", inputError(name, errors.Join(err, f.Close()))
	}
	if info.IsDir() {
		_ = f.Close()
		return nil, "", usageError(fmt.Errorf("%s: it is a folder: give the recording file in it", name))
	}
	return f, name, nil
}

func inputError(name string, err error) error {
	next := "check the path"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		next = "check the path, or make it with `scallop run -o FILE -- CMD`"
	case errors.Is(err, fs.ErrPermission):
		next = "read it as the user who made it, or as root"
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno
	}
	return usageError(fmt.Errorf("%s: %w: %s", name, err, next))
}
