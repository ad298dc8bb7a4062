package recording

import (
	"fmt"
	"io"
)

// format is a recording's file.
var format = Format{
	Kind:    Kind,
	Noun:    "recording",
	Next:    "give a file written by `scallop run -o FILE`",
	Again:   "record again",
	MaxSize: MaxSize,
}

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
	var rec Recording
	if err := format.Decode(r, &rec); err != nil {
		return nil, err
	}
	return checked(&rec)
}

// checked brings a recording into its one form and refuses one that contradicts itself.
func checked(rec *Recording) (*Recording, error) {
	n := normalized(rec)
	if err := Validate(n); err != nil {
		return nil, fmt.Errorf("the recording contradicts itself: %w; it was changed after it was written: record again", err)
	}
	return n, nil
}
