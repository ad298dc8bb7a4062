package gate

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// LooksLikeDenials tells a denial report from a recording by the begin of its file, which need not be whole JSON.
func LooksLikeDenials(begin []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(begin))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			return false
		}
		if key == "kind" {
			return string(value) == `"`+report.Kind+`"`
		}
	}
	return false
}

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
