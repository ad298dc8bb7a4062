package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// StatusError is an answer other than 200.
type StatusError struct {
	Code int
	Text string // begin of the answer
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP status %d: %q", e.Code, e.Text)
}

const (
	host         = "http://localhost" // every request needs one
	maxErrorText = 256
)

// Get asks for path with a client made by HTTP, and reads the JSON that is answered.
func Get(ctx context.Context, client *http.Client, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, host+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorText)) // the status matters
		return &StatusError{Code: response.StatusCode, Text: string(text)}
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	return nil
}
