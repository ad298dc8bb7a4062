package process

import (
	"errors"
	"fmt"
	"time"
)

// ErrEnded is what Poll fails with when ended was closed.
var ErrEnded = errors.New("ended")

// Poll repeats try until it holds, ended is closed (nil never is), or patience ends. Errors carry the last of try's.
func Poll(patience time.Duration, ended <-chan struct{}, try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("%w: %w", ErrEnded, err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not in time: %w", err)
		}
	}
}
