// Package recorded reads what scallop has written beside a test's containers: its log, and its recordings.
package recorded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Event is one line of the log that --output json writes.
type Event struct {
	Event, Workload, Phase, File string
	Complete                     bool
}

// Log reads the log as it is written.
type Log struct {
	mu   sync.Mutex
	rest []byte // of a line
	list []Event
	bad  error
}

// Write takes all data: what is wrong with it, Find says.
func (l *Log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, data...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(data), nil
		}
		var one Event
		if err := json.Unmarshal(line, &one); err != nil {
			l.bad = fmt.Errorf("log %q: %w", line, err)
		}
		l.list, l.rest = append(l.list, one), rest
	}
}

// Find returns the first event with this name and, where there is one, phase.
func (l *Log) Find(event, phase string) (Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.list {
		if one.Event == event && one.Phase == phase {
			return one, l.bad
		}
	}
	return Event{}, errors.Join(l.bad, fmt.Errorf("no event %q %s yet", event, phase))
}
