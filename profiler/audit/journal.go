package audit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// entry is one object of journalctl -o json, as far as it matters. The fields that begin with _ are journald's own:
// no program can forge them.
type entry struct {
	Message    text   `json:"MESSAGE"`
	Transport  string `json:"_TRANSPORT"`
	Identifier string `json:"SYSLOG_IDENTIFIER"` // which any program may choose
	UID        string `json:"_UID"`
	AuditType  string `json:"_AUDIT_TYPE"`
	AuditID    string `json:"_AUDIT_ID"`
	Source     string `json:"_SOURCE_REALTIME_TIMESTAMP"` // microseconds, as are the others
	Received   string `json:"__REALTIME_TIMESTAMP"`
}

// text is a field of the journal: a string, or a list of bytes where it is no UTF-8.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
		return nil
	}
	var octets []uint16 // of bytes, JSON makes base64
	if json.Unmarshal(data, &octets) != nil {
		return nil // several values, or one that was left out for its size
	}
	for _, n := range octets {
		*t += text(byte(n))
	}
	return nil
}

func parseJournalJSON(data string) line {
	var e entry
	if json.Unmarshal([]byte(data), &e) != nil {
		return line{form: daemon, broken: "it is no whole JSON object"}
	}
	message := string(e.Message)
	switch e.Transport {
	case "audit":
		return e.audited(message)
	case "kernel":
		l, _ := parseRecord(message, kernel)
		return l
	case "syslog":
		if e.UID == "0" && programs[e.Identifier] == daemon {
			l, _ := parseRecord(message, daemon)
			return l
		}
	}
	return line{}
}

// audited gives a record that journald took itself its header back.
func (e *entry) audited(message string) line {
	_, fields, _ := strings.Cut(message, " ")
	micro, err := strconv.ParseUint(e.Source, 10, 63)
	if err != nil {
		micro, _ = strconv.ParseUint(e.Received, 10, 63)
	}
	return line{
		form:    daemon,
		typ:     e.AuditType,
		message: fmt.Sprintf("audit(%d.%03d:%s): %s", micro/1e6, micro/1e3%1e3, e.AuditID, fields),
	}
}
