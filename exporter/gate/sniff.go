package gate

import (
	"bytes"
	"encoding/json"
	"strings"
)

// LooksLikeProfile tells a seccomp profile from a recording by its first keys: it reads as much of
// the JSON as it takes to decide. Whether the file is any good is for its parser to say.
func LooksLikeProfile(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false
		}
		name, _ := key.(string)
		switch strings.ToLower(name) {
		case "defaultaction", "archmap", "architectures":
			return true
		case "apiversion", "kind":
			return false
		}
		var skipped json.RawMessage
		if dec.Decode(&skipped) != nil {
			return false
		}
	}
	return false
}
