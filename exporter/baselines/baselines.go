// Package baselines holds what container runtimes were measured to call in the
// container's process after they have loaded its seccomp filter and before the workload's
// execve: one JSON file a version. `make baselines` writes them.
package baselines

import (
	"embed"
	"fmt"
)

// APIVersion and Kind head every baseline file.
const (
	APIVersion = "scallop/v1"
	Kind       = "Baseline"
)

// Baseline is what one version of a runtime was seen to call.
type Baseline struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Runtime is the family: runc, crun. Version has its numbers only, as far as
	// people compare them: 1.1.5, 1.0.0-rc93.
	Runtime string `json:"runtime"`
	Version string `json:"version"`
	// Origin is where the program came from, and Build what it says about itself: the
	// language's runtime and the libraries decide about calls, too.
	Origin       string   `json:"origin"`
	Build        []string `json:"build"`
	Architecture string   `json:"architecture"` // the native ABI: x86_64
	Kernel       string   `json:"kernel"`
	Date         string   `json:"date"` // 2006-01-02
	// Method is how it was measured, a sentence.
	Method string `json:"method"`
	// Settings are at most one for each value of no_new_privs, on which it depends when the
	// filter is loaded.
	Settings []Setting `json:"settings"`
}

// Setting is what was seen with, or without, no_new_privs.
type Setting struct {
	NoNewPrivs bool `json:"noNewPrivs"`
	// Starts are the kinds of starts that were measured, in the order of measuring.
	Starts []Starts `json:"starts"`
	// Failed are the kinds that this version could not do here, and why.
	Failed []Failed `json:"failed,omitempty"`
	// Calls are sorted by name.
	Calls []Call `json:"calls"`
}

// Starts is how often one kind of start was measured.
type Starts struct {
	Kind  string `json:"kind"` // e.g. "exec as another user"
	Count int    `json:"count"`
}

// Failed is a kind of start that did not work even with a filter that allows everything.
type Failed struct {
	Kind string `json:"kind"`
	Why  string `json:"why"`
}

// Call is one call by its name.
type Call struct {
	Name string `json:"name"`
	// Starts in which it was made, and how often in all of them together.
	Starts int `json:"starts"`
	Count  int `json:"count"`
}

// Total is the number of starts of all kinds.
func (s *Setting) Total() int {
	n := 0
	for _, kind := range s.Starts {
		n += kind.Count
	}
	return n
}

//go:embed *.json
var files embed.FS

// Shipped returns the baselines that are part of scallop, sorted by family and version.
func Shipped() ([]*Baseline, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the shipped baselines: %w", err)
	}
	var list []*Baseline
	for _, entry := range entries {
		f, err := files.Open(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("open the shipped baseline %s: %w", entry.Name(), err)
		}
		b, err := Decode(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("the shipped baseline %s: %w", entry.Name(), err)
		}
		list = append(list, b)
	}
	sortByVersion(list)
	return list, nil
}
