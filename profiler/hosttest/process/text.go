package process

import (
	"bytes"
	"sync"
)

// Text keeps all that is written to it.
type Text struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes all data.
func (t *Text) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(data)
}

// String may be called while it is written to.
func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
