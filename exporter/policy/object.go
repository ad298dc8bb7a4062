package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// field is a known member of a JSON object and where its value goes.
type field struct {
	name string
	to   any
}

// readObject decodes one JSON object. Names match in any case, as engines read them. A name that occurs
// twice is refused: each reader would take another of the two.
func readObject(data []byte, fields ...field) (Extra, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not an object: write it in braces")
	}
	seen := map[string]bool{}
	var extra Extra
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key := t.(string) // what else a key can be, the decoder has refused
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		f := known(fields, key)
		if seen[f.name] {
			return nil, fmt.Errorf("field %.64q occurs twice: remove one", f.name)
		}
		seen[f.name] = true
		if f.to == nil {
			if extra == nil {
				extra = Extra{}
			}
			extra[key] = compact(raw)
			continue
		}
		if err := json.Unmarshal(raw, f.to); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return extra, nil
}

// known returns the field of that name, or one without a place.
func known(fields []field, key string) field {
	for _, f := range fields {
		if strings.EqualFold(f.name, key) {
			return f
		}
	}
	return field{name: key}
}

// compact brings a value to the form that writing and reading it again leaves alone.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw // it was decoded: this does not happen
	}
	return b.Bytes()
}

// list decodes an array and says in errors which element is wrong.
type list[T any] struct{ to *[]T }

// UnmarshalJSON takes null for an empty list, as engines do.
func (l list[T]) UnmarshalJSON(data []byte) error {
	var raws []json.RawMessage
	if err := json.Unmarshal(data, &raws); err != nil {
		return errors.New("it is not a list: write it in brackets")
	}
	for i, raw := range raws {
		var v T
		if bytes.Equal(raw, []byte("null")) {
			return fmt.Errorf("[%d] is null: remove it", i)
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		*l.to = append(*l.to, v)
	}
	return nil
}

// writeObject encodes v, a struct, and adds the unknown fields, which encoding/json sorts.
func writeObject(v any, extra Extra) ([]byte, error) {
	out, err := marshal(v)
	if err != nil || len(extra) == 0 {
		return out, err
	}
	more, err := marshal(extra)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(out, []byte("{}")) {
		return more, nil
	}
	out[len(out)-1] = ','
	return append(out, more[1:]...), nil
}

// marshal leaves <, > and & as they are: comments have them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
