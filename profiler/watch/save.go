package watch

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Filename is what a recording's file is to be called, without folder and ending: safe to be one.
type Filename string

// save is a file to be written.
type save struct {
	one   *workload
	file  Filename
	r     *recording.Recording
	final bool
}

// saved is what became of it.
type saved struct {
	save
	path string
	err  error
}

// write runs in its own goroutine: disks are slow.
func (w *watch) write() {
	for s := range w.saves {
		path, err := w.opts.Save(s.file, s.r, s.final)
		w.saved <- saved{s, path, err}
	}
}

// nextSave is what to send to the writer, if there is something.
func (w *watch) nextSave() (chan<- save, save) {
	if len(w.saving) == 0 || w.writing {
		return nil, save{}
	}
	return w.saves, w.saving[0]
}

func (w *watch) sent() {
	w.saving = w.saving[1:]
	w.writing = true
}

func (w *watch) onSaved(s saved) {
	w.writing = false
	if s.err != nil && s.final {
		w.result.Unsaved++
	}
	if s.err != nil {
		w.opts.Warn("%s: %v", s.r.Workload.Name, s.err)
	}
	if !s.final {
		return
	}
	if w.workloads[s.one.number] == s.one {
		w.forget(s.one)
	}
	w.result.Recordings++
	if !s.r.Complete {
		w.result.Incomplete++
	}
	w.log(s.one, Event{Kind: EventEnd, File: s.path, Complete: &s.r.Complete})
}

// awaitSaves waits until everything is written.
func (w *watch) awaitSaves() {
	for len(w.saving) > 0 || w.writing {
		saves, save := w.nextSave()
		select {
		case saves <- save:
			w.sent()
		case done := <-w.saved:
			w.onSaved(done)
		}
	}
}

// filename is <engine>-<name>-<short ID>: pods add their own name, units and cgroups say what they are.
func filename(one *workload) Filename {
	about := one.life.About
	parts := []string{about.Kind, about.Name, strconv.FormatUint(one.cgroup, 10)}
	switch c := about.Container; {
	case about.Kind == recording.KindUnit:
		parts = []string{"systemd", about.Name}
	case c != nil:
		parts = []string{"container", about.Name, one.place.name()}
		if c.Engine != "" {
			parts[0] = c.Engine
		}
		if c.Pod != nil && c.Pod.Name != "" {
			parts = slices.Insert(parts, 1, c.Pod.Name)
		}
	}
	for i, part := range parts {
		parts[i] = safe(part)
	}
	return Filename(strings.Join(slices.Compact(parts), "-"))
}

// safe makes a part of a file's name of what anybody chose: neither hidden, nor a path, nor too long.
func safe(name string) string {
	const longest = 64
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name[:min(len(name), longest)], ".-")
	if name == "" {
		return "_"
	}
	return name
}

// ErrUnknown is for a workload that is not recorded here.
var ErrUnknown = errors.New("no such workload is being recorded here")

// byName finds the workload that a user means: by name, or by a container's ID or its begin.
func (w *watch) byName(name string) (*workload, error) {
	var found []*workload
	for _, one := range w.workloads {
		if one.state == wanted && (one.life.About.Name == name || string(filename(one)) == name || (len(name) >= 4 && strings.HasPrefix(one.place.ref.ID, name))) {
			found = append(found, one)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%q: %w: look for its name in what scallop record prints", name, ErrUnknown)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%d workloads are called %q: give a container's ID, or the name of its file", len(found), name)
	}
}
