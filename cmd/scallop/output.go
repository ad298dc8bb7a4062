package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeOutput writes data to path, or to standard output if path is "-". A file
// is whole or not there: the bytes go to a temporary file beside it, which is
// synced and renamed. Errors carry their exit code and end with the next step.
func writeOutput(e *env, path string, data []byte) error {
	if path == "-" {
		_, err := e.stdout.Write(data)
		return outputError("standard output", err)
	}
	target, special, err := outputTarget(path)
	if err != nil {
		return err
	}
	if special {
		return outputError(path, writeSpecial(target, data))
	}
	return outputError(path, writeAtomically(target, data, os.Rename))
}

// outputTarget follows symlinks, so that a rename replaces the file and not the link.
// special is true for devices and pipes, which a rename would destroy.
func outputTarget(path string) (target string, special bool, err error) {
	if path == "" {
		return "", false, usageError(errors.New("the output's name is empty: give a file, or - for standard output"))
	}
	target = path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, false, nil
	case err != nil:
		return "", false, outputError(path, err)
	case info.IsDir():
		return "", false, usageError(fmt.Errorf("write %s: it is a folder: give the name of a file", path))
	}
	return target, !info.Mode().IsRegular(), nil
}

func writeSpecial(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// writeAtomically writes to a temporary file, and gives it its name with rename when it is whole.
func writeAtomically(path string, data []byte, rename func(from, to string) error) (err error) {
	dir := filepath.Dir(path)
	f, err := createTemporary(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // a second Close does no harm
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// renameFresh fails with EEXIST if there is anything under the new name.
func renameFresh(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// A file system that cannot do it at once (NFS): for a moment, there is an empty file.
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Rename(from, to))
}

// syncDir makes the rename last. Not every file system can sync a folder:
// the file is whole either way.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	_ = d.Sync()
	return d.Close()
}

// outputError says what to do about a failed write. The name of the temporary
// file in err means nothing to the user: only the cause is kept.
func outputError(name string, err error) error {
	if err == nil {
		return nil
	}
	cause := err
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		cause = errno
	}
	next, code := "check the path", exitUsage
	switch {
	case errors.Is(err, fs.ErrNotExist):
		cause, next = errors.New("its folder does not exist"), "create the folder first"
	case errors.Is(err, fs.ErrPermission):
		next = "choose a folder that you can write to"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		next, code = "free some space, or write to another disk", exitHost
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO):
		next, code = "write to another disk", exitHost
	}
	return &exitError{code, fmt.Errorf("write %s: %w: %s", name, cause, next)}
}
