package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// resultsFile is what a run leaves for programs: an array of outcomes in the order of the pins.
const resultsFile = "results.json"

// readResults are those of earlier runs, none if there were no such.
func readResults(dir string) ([]*outcome, error) {
	path := filepath.Join(dir, resultsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var outcomes []*outcome
	if err := json.Unmarshal(data, &outcomes); err != nil {
		return nil, fmt.Errorf("reading %s: %w: remove it", path, err)
	}
	return outcomes, nil
}

func writeResults(dir string, outcomes []*outcome) error {
	data, err := json.MarshalIndent(outcomes, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, resultsFile), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("keeping the results: %w", err)
	}
	return nil
}

// merge has one outcome a pinned kernel: of now, or of an earlier run of the same tests of the same commit.
func merge(pins []pin, before, now []*outcome) []*outcome {
	var merged []*outcome
	for _, p := range pins {
		of := func(o *outcome) bool { return o.Kernel == p.Name && o.Version == p.Version }
		if i := slices.IndexFunc(now, of); i >= 0 {
			merged = append(merged, now[i])
		} else if i := slices.IndexFunc(before, of); i >= 0 && sameTests(before[i], now[0]) {
			merged = append(merged, before[i])
		}
	}
	return merged
}

// sameTests: of a tree with changes nobody knows which.
func sameTests(a, b *outcome) bool {
	known := a.Commit != "" && !strings.HasSuffix(a.Commit, dirty)
	return known && a.Commit == b.Commit && a.Run == b.Run && a.Append == b.Append
}

// dirty ends the name of a commit whose tree has changes.
const dirty = "-dirty"
