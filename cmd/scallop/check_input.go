package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"runtime"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// readGateProfile reads a profile from a file, or the default one of an engine by its name. Its bytes
// are for finding lines in it; a default profile has none.
func readGateProfile(e *env, name string) (*policy.Policy, []byte, error) {
	if name == "docker-default" || name == "podman-default" {
		p, err := policy.Default(name)
		if err != nil {
			return nil, nil, usageError(err)
		}
		return p, nil, nil
	}
	r, shown, err := openInput(e, name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, policy.MaxSize+1))
	if err != nil {
		return nil, nil, inputError(shown, err)
	}
	p, err := policy.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, nil, usageError(fmt.Errorf("%s: %w", shown, err))
	}
	for _, text := range p.Warnings {
		warn(e, "%s: %s", shown, text)
	}
	return p, data, nil
}

// gather reads recordings and denial reports, and keeps what they say, not them: a thousand replicas take the memory
// of a few. They are decoded in parallel and added in their order, so that nothing depends on timing.
func gather(e *env, paths []string) (*gate.Evidence, error) {
	evidence := gate.NewEvidence()
	var failed error
	for i, r := range decodeAll(e, paths) {
		if failed == nil {
			failed = r.err
		}
		if failed != nil {
			continue
		}
		if r.denials != nil {
			evidence.AddDenials(paths[i], r.denials)
			continue
		}
		if err := evidence.Add(paths[i], r.rec); err != nil {
			failed = usageError(fmt.Errorf("%s: %w", clean(paths[i]), err))
		}
	}
	if failed != nil {
		return nil, failed
	}
	return evidence, nil
}

// decoded is one of both, or why it is neither.
type decoded struct {
	rec     *recording.Recording
	denials *report.Report
	err     error
}

// sniffed is how much of a file tells what it is, in bytes.
const sniffed = 4 << 10

// readEvidence reads a recording or a denial report, whichever it is.
func readEvidence(e *env, path string) decoded {
	file, name, err := openInput(e, path)
	if err != nil {
		return decoded{err: err}
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, sniffed)
	begin, _ := in.Peek(sniffed) // errors come again when it is read
	var d decoded
	if gate.LooksLikeDenials(begin) {
		d.denials, d.err = report.Decode(in)
	} else {
		d.rec, d.err = recording.Decode(in)
	}
	if d.err != nil {
		d.err = usageError(fmt.Errorf("%s: %w", name, d.err))
	}
	return d
}

// decodeAll yields the files in the order of paths, a few ahead of what is taken.
func decodeAll(e *env, paths []string) func(func(int, decoded) bool) {
	return func(yield func(int, decoded) bool) {
		ahead := min(2*runtime.GOMAXPROCS(0), len(paths))
		pending := make([]chan decoded, len(paths))
		start := func(i int) {
			if i >= len(paths) {
				return
			}
			pending[i] = make(chan decoded, 1)
			go func() {
				pending[i] <- readEvidence(e, paths[i])
			}()
		}
		for i := range ahead {
			start(i)
		}
		for i := range paths {
			r := <-pending[i]
			if !yield(i, r) || r.err != nil {
				return // those under way end by themselves: their channels have room
			}
			start(i + ahead)
		}
	}
}
