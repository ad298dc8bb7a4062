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
	env     *env
	path    string
	files   map[string]string // by recording ID
	warning checkpointWarning
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
	for {
		path, ours := d.choose(name, r.ID)
		file := &recordingFile{env: d.env, path: path, fresh: !ours}
		err := file.encode(path, r)
		if file.fresh && errors.Is(err, fs.ErrExist) {
			continue // somebody else has just taken the name
		}
		if err == nil {
			d.files[r.ID] = path
		}
		if final {
			delete(d.files, r.ID)
			return path, file.rescue(r, err)
		}
		d.warning.of(d.env, err)
		return path, nil
	}
}

// choose finds a file's name that nobody has: names come from workloads, and an earlier recording is not
// overwritten. A checkpoint of the same recording is ours: another scallop, which was killed, may have written it.
func (d *recordingDir) choose(name watch.Filename, id string) (path string, ours bool) {
	if path, ok := d.files[id]; ok {
		return path, true
	}
	for n := 1; ; n++ {
		path := filepath.Join(d.path, string(name)+".json")
		if n > 1 {
			path = filepath.Join(d.path, fmt.Sprintf("%s-%d.json", name, n))
		}
		if _, err := os.Lstat(path); err != nil {
			return path, false // writing it will say if there is more to it than that it is not there
		}
		if isRecording(path, id) {
			return path, true
		}
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
