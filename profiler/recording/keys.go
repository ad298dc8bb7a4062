package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// checkKeys refuses an object that has one key twice. encoding/json would merge
// the two silently, and it takes "Total" for "total": so case does not count.
func (f *Format) checkKeys(raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var stack []keySet
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil // the end: raw is known to be one valid value
		}
		stack, err = nextToken(stack, tok)
		if err != nil {
			return fmt.Errorf("%w: %s", err, f.Again)
		}
		if len(stack) == 0 {
			return nil
		}
	}
}

// keySet is one open object, or an open list if seen is nil.
type keySet struct {
	seen  map[string]bool
	value bool // the next token is a key's value
}

func nextToken(stack []keySet, tok json.Token) ([]keySet, error) {
	switch tok {
	case json.Delim('{'):
		return append(stack, keySet{seen: map[string]bool{}}), nil
	case json.Delim('['):
		return append(stack, keySet{}), nil
	case json.Delim('}'), json.Delim(']'):
		return endValue(stack[:len(stack)-1]), nil
	}
	if len(stack) == 0 {
		return stack, nil
	}
	top := &stack[len(stack)-1]
	if top.seen == nil || top.value {
		return endValue(stack), nil
	}
	key := strings.ToLower(fmt.Sprint(tok))
	if top.seen[key] {
		return nil, fmt.Errorf("key %s occurs twice in one object", quote(key))
	}
	top.seen[key] = true
	top.value = true
	return stack, nil
}

// endValue notes that the value of the innermost object's key is complete.
func endValue(stack []keySet) []keySet {
	if len(stack) > 0 {
		stack[len(stack)-1].value = false
	}
	return stack
}
