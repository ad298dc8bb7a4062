package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// recordingDir is where the recordings of many workloads are written.
type recordingDir struct {
	env   *env
	path  string
	files map[string]string // by recording ID
}

// check makes the folder, and fails before anything is recorded if files could not be written to it.
func (d *recordingDir) check() error {
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return usageError(fmt.Errorf("making the output folder: %w: name another with -o", err))
	}
	return (&recordingFile{env: d.env, path: filepath.Join(d.path, "probe")}).check()
}

// save writes a recording, the same one always to the same file.
func (d *recordingDir) save(name watch.Filename, r *recording.Recording, final bool) (string, error) {
	path, err := d.reserve(name, r.ID)
	if err != nil {
		return "", err
	}
	file := &recordingFile{env: d.env, path: path}
	if !final {
		file.checkpoint(r)
		return path, nil
	}
	delete(d.files, r.ID)
	if err := file.write(r); err != nil {
		removeEmpty(path)
		return "", err
	}
	return path, nil
}

// removeEmpty gives a file up that was reserved, and that could not be written.
func removeEmpty(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(path)
	}
}

// reserve finds a file that nobody has, and takes it: names come from workloads, and an earlier recording is not
// overwritten. A checkpoint of the same recording is: another scallop, which was killed, has written it.
func (d *recordingDir) reserve(name watch.Filename, id string) (string, error) {
	if path, ok := d.files[id]; ok {
		return path, nil
	}
	for n := 1; ; n++ {
		path := filepath.Join(d.path, string(name)+".json")
		if n > 1 {
			path = filepath.Join(d.path, fmt.Sprintf("%s-%d.json", name, n))
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			if !isRecording(path, id) {
				continue
			}
			d.files[id] = path
			return path, nil
		}
		if err != nil {
			return path, nil // writing it will say why, and save what it can
		}
		d.files[id] = path
		return path, f.Close()
	}
}

// isRecording tells whether a regular file holds the recording with that ID.
func isRecording(path, id string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	r, err := recording.Decode(f)
	return err == nil && r.ID == id
}
