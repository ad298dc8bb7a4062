package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Format is one kind of file that scallop writes and reads back: a JSON object headed by APIVersion and Kind.
type Format struct {
	Kind    string // in the file
	Noun    string // in errors: "recording"
	Next    string // ends errors about files that are none at all
	Again   string // ends errors about those that were broken: "record again"
	MaxSize int64  // bytes
}

// Decode reads the one value that r holds into v, a pointer to a struct. The input is not trusted: at most MaxSize bytes
// are read, keys that v does not know or that occur twice are refused. What the fields say is for the caller to check.
// Errors are one line and end with the next step.
func (f *Format) Decode(r io.Reader, v any) error {
	raw, err := f.readValue(r)
	if err != nil {
		return err
	}
	return f.parse(raw, v)
}

// parse reads one JSON value.
func (f *Format) parse(raw json.RawMessage, v any) error {
	if err := f.checkHead(raw); err != nil {
		return err
	}
	if err := f.checkKeys(raw); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return f.shapeError(err)
	}
	return nil
}

// readValue returns the bytes of the one JSON value that r holds. The decoder
// looks at every byte as it arrives, so a gigabyte of zeros costs one read.
func (f *Format) readValue(r io.Reader) (json.RawMessage, error) {
	// One byte more than allowed, to tell "full" from "too large".
	limited := &io.LimitedReader{R: r, N: f.MaxSize + 1}
	dec := json.NewDecoder(limited)
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return nil, f.readError(err, limited.N <= 0, dec.InputOffset())
	}
	end := dec.InputOffset()
	var more json.RawMessage
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if limited.N <= 0 {
			return nil, f.errTooLarge()
		}
		return nil, fmt.Errorf("more data follows the end of the %s at byte %d: give one %s a file", f.Noun, end, f.Noun)
	}
	return raw, nil
}

func (f *Format) errTooLarge() error {
	return fmt.Errorf("larger than the %d MiB that a %s may have: %s", f.MaxSize>>20, f.Noun, f.Next)
}

func (f *Format) readError(err error, full bool, offset int64) error {
	var syntax *json.SyntaxError
	switch {
	case full:
		return f.errTooLarge()
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the file is empty: %s", f.Next)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s ends in the middle, it is truncated: copy it again from where it was made, or %s", f.Noun, f.Again)
	case errors.As(err, &syntax):
		return fmt.Errorf("not a %s, not even JSON (%s, near byte %d): %s", f.Noun, CleanString(syntax.Error()), max(offset, syntax.Offset), f.Next)
	}
	return fmt.Errorf("read the %s: %w; check the file or the disk it is on", f.Noun, err)
}

// checkHead tells files of other kinds and versions apart before their fields
// are looked at, which may mean something else there.
func (f *Format) checkHead(raw json.RawMessage) error {
	if len(raw) == 0 || raw[0] != '{' {
		return fmt.Errorf("not a %s but another JSON value: %s", f.Noun, f.Next)
	}
	var head struct {
		APIVersion    json.RawMessage `json:"apiVersion"`
		Kind          json.RawMessage `json:"kind"`
		DefaultAction json.RawMessage `json:"defaultAction"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return f.shapeError(err)
	}
	version, kind := text(head.APIVersion), text(head.Kind)
	switch {
	case version == APIVersion && kind == f.Kind:
		return nil
	case head.APIVersion == nil && head.Kind == nil && head.DefaultAction != nil:
		return fmt.Errorf("a seccomp profile, not a %s: %s", f.Noun, f.Next)
	case head.APIVersion == nil || head.Kind == nil:
		return fmt.Errorf("not a %s, apiVersion or kind is missing: %s", f.Noun, f.Next)
	case strings.HasPrefix(version, "scallop/") && version != APIVersion:
		return fmt.Errorf("version %s is newer than this scallop, which reads %q: update scallop", quote(version), APIVersion)
	case version != APIVersion:
		return fmt.Errorf("not a %s, its apiVersion is %s: %s", f.Noun, quote(version), f.Next)
	}
	return fmt.Errorf("a %s, not a %s: %s", quote(kind), f.Kind, f.Next)
}

// text is the string in raw, or raw itself if it is another JSON value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// shapeError explains a field of a wrong type, or one that this version does not know.
func (f *Format) shapeError(err error) error {
	msg := CleanString(strings.TrimPrefix(err.Error(), "json: "))
	if strings.HasPrefix(msg, "unknown field") {
		return fmt.Errorf("%s: a newer scallop may have written it: update scallop", clip(msg))
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Errorf("field %s cannot be a JSON %s: %s", CleanString(clip(wrong.Field)), clip(wrong.Value), f.Again)
	}
	return fmt.Errorf("%s: %s", clip(msg), f.Again)
}
