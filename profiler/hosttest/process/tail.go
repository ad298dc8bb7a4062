package process

import "sync"

// Tail keeps the end of what is written to it: daemons talk much.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4000

// Write takes all data; only the last bytes stay.
func (t *Tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, data...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(data), nil
}

// String may be called while it is written to.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
