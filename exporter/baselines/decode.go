package baselines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// MaxSize bounds a baseline file, in bytes. Real ones have a few thousand.
const MaxSize = 1 << 20

const nextStep = "measure it with `make baselines`"

// Decode reads one baseline. The input is not trusted: it is bounded, and refused if it says
// what no measurement can. Errors are one line and end with the next step.
func Decode(r io.Reader) (*Baseline, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the baseline: %w; check the file or the disk it is on", err)
	case len(data) > MaxSize:
		return nil, fmt.Errorf("larger than the %d KiB that a baseline may have: %s", MaxSize>>10, nextStep)
	}
	var b Baseline
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, fmt.Errorf("not a baseline (%s): %s", recording.CleanString(clip(err.Error())), nextStep)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more data follows the end of the baseline: %s", nextStep)
	}
	if err := Validate(&b); err != nil {
		return nil, fmt.Errorf("the baseline is not to be trusted: %w: %s", err, nextStep)
	}
	return &b, nil
}

// Encode returns the bytes of a baseline file; equal baselines have equal ones.
func Encode(b *Baseline) ([]byte, error) {
	if err := Validate(b); err != nil {
		return nil, fmt.Errorf("encode the baseline of %s: %w", recording.CleanString(b.Runtime), err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("encode the baseline of %s: %w", b.Runtime, err)
	}
	return leaf.ReplaceAllFunc(out.Bytes(), oneLine), nil
}

// leaf is an object without others in it: it fits on a line, and files stay short. JSON strings
// hold no line breaks, so that those found are between fields.
var (
	leaf      = regexp.MustCompile(`\{\n[^{}\[\]]*\n *\}`)
	lineBreak = regexp.MustCompile(`\n *`)
)

func oneLine(object []byte) []byte {
	inner := bytes.TrimSpace(object[1 : len(object)-1])
	return fmt.Appendf(nil, "{%s}", lineBreak.ReplaceAll(inner, []byte(" ")))
}

// clip shortens what a broken file says for an error message.
func clip(s string) string {
	const limit = 120
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
