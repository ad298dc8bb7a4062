package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// nextStep ends the errors about files that are no recordings at all.
const nextStep = "give a file written by `scallop run -o FILE`"

// Decode reads one recording. The input is not trusted: at most MaxSize bytes are
// read, broken bytes stop the reading where they are, and a recording that
// contradicts itself is refused (see Validate). Errors are one line and end
// with the next step; they do not name the file, which only the caller knows.
func Decode(r io.Reader) (*Recording, error) {
	raw, rest := readFast(r)
	if rec := decodeFast(raw); rec != nil {
		return rec, nil
	}
	// Not what Encode writes, or wrong: look at every byte, to say what it is.
	return decodeAny(rest)
}

// decodeAny reads a recording in any form that JSON allows.
func decodeAny(r io.Reader) (*Recording, error) {
	raw, err := readValue(r)
	if err != nil {
		return nil, err
	}
	rec, err := parse(raw)
	if err != nil {
		return nil, err
	}
	return checked(rec)
}

// parse makes a recording of one JSON value.
func parse(raw json.RawMessage) (*Recording, error) {
	if err := checkHead(raw); err != nil {
		return nil, err
	}
	if err := checkKeys(raw); err != nil {
		return nil, err
	}
	var rec Recording
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&rec); err != nil {
		return nil, shapeError(err)
	}
	return &rec, nil
}

// checked brings a recording into its one form and refuses one that contradicts itself.
func checked(rec *Recording) (*Recording, error) {
	n := normalized(rec)
	if err := Validate(n); err != nil {
		return nil, fmt.Errorf("the recording contradicts itself: %w; it was changed after it was written: record again", err)
	}
	return n, nil
}

// readValue returns the bytes of the one JSON value that r holds. The decoder
// looks at every byte as it arrives, so a gigabyte of zeros costs one read.
func readValue(r io.Reader) (json.RawMessage, error) {
	// One byte more than allowed, to tell "full" from "too large".
	limited := &io.LimitedReader{R: r, N: MaxSize + 1}
	dec := json.NewDecoder(limited)
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return nil, readError(err, limited.N <= 0, dec.InputOffset())
	}
	end := dec.InputOffset()
	var more json.RawMessage
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if limited.N <= 0 {
			return nil, errTooLarge()
		}
		return nil, fmt.Errorf("more data follows the end of the recording at byte %d: give one recording a file", end)
	}
	return raw, nil
}

func errTooLarge() error {
	return fmt.Errorf("larger than the %d MiB that a recording may have: %s", MaxSize>>20, nextStep)
}

func readError(err error, full bool, offset int64) error {
	var syntax *json.SyntaxError
	switch {
	case full:
		return errTooLarge()
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the file is empty: %s", nextStep)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the recording ends in the middle, it is truncated: copy it again from where it was made, or record again")
	case errors.As(err, &syntax):
		return fmt.Errorf("not a recording, not even JSON (%s, near byte %d): %s", CleanString(syntax.Error()), max(offset, syntax.Offset), nextStep)
	}
	return fmt.Errorf("read the recording: %w; check the file or the disk it is on", err)
}

// checkHead tells files of other kinds and versions apart before their fields
// are looked at, which may mean something else there.
func checkHead(raw json.RawMessage) error {
	if len(raw) == 0 || raw[0] != '{' {
		return fmt.Errorf("not a recording but another JSON value: %s", nextStep)
	}
	var head struct {
		APIVersion    json.RawMessage `json:"apiVersion"`
		Kind          json.RawMessage `json:"kind"`
		DefaultAction json.RawMessage `json:"defaultAction"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return shapeError(err)
	}
	version, kind := text(head.APIVersion), text(head.Kind)
	switch {
	case version == APIVersion && kind == Kind:
		return nil
	case head.APIVersion == nil && head.Kind == nil && head.DefaultAction != nil:
		return fmt.Errorf("a seccomp profile, not a recording: %s", nextStep)
	case head.APIVersion == nil || head.Kind == nil:
		return fmt.Errorf("not a recording, apiVersion or kind is missing: %s", nextStep)
	case strings.HasPrefix(version, "scallop/") && version != APIVersion:
		return fmt.Errorf("version %s is newer than this scallop, which reads %q: update scallop", quote(version), APIVersion)
	case version != APIVersion:
		return fmt.Errorf("not a recording, its apiVersion is %s: %s", quote(version), nextStep)
	}
	return fmt.Errorf("a %s, not a %s: %s", quote(kind), Kind, nextStep)
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
func shapeError(err error) error {
	msg := CleanString(strings.TrimPrefix(err.Error(), "json: "))
	if strings.HasPrefix(msg, "unknown field") {
		return fmt.Errorf("%s: a newer scallop may have written it: update scallop", clip(msg))
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Errorf("field %s cannot be a JSON %s: record again", CleanString(clip(wrong.Field)), clip(wrong.Value))
	}
	return fmt.Errorf("%s: record again", clip(msg))
}
