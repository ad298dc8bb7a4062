package audit

import (
	"regexp"
	"strings"
	"time"
)

// line is one line of a log, taken apart as far as its form tells.
type line struct {
	form form
	node string
	// typ is the record's type as written, SECCOMP or 1326, and message what the kernel wrote.
	typ, message string
	// broken says why a line of this form cannot be taken apart.
	broken string
	// notice is what the kernel says of records that it lost, instead of a record.
	notice notice
	// at is the time that whoever wrote the log put before it: for messages without their own.
	at time.Time
}

// form is where a line came from.
type form int

// The forms. Whatever a program other than these wrote is foreign, even if it looks like a record: anybody may write to a
// system's log.
const (
	foreign form = iota
	// daemon is auditd's, and its plugins': audit.log.
	daemon
	// kernel is what the kernel prints while no auditd takes its records: dmesg, /var/log/messages.
	kernel
	// journal is what journald makes of the records that it takes itself. In text they have no serial
	// number.
	journal
)

// logged is a line of syslog or of journalctl: a time, the host, which program, its text. The program is where it must be:
// behind the host, not somewhere in a text.
var logged = regexp.MustCompile(`^(?:<\d{1,3}>)?` +
	`((?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z0-9+:-]+|[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT[0-9:.,+Z-]+|\d+\.\d+|\[ *\d+\.\d+\]) ` +
	`(?:[^\s:\[\]]+ )?([a-z-]+)(?:\[\d+\])?: (.*)$`)

// printed is what comes before a message in the kernel's own log: a level, and seconds or a date.
var printed = regexp.MustCompile(`^(?:<\d{1,3}>)?\[(?: *\d+\.\d+|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] *`)

// programs that pass records on, by what their lines are.
var programs = map[string]form{
	"kernel":        kernel,
	"audit":         journal,
	"auditd":        daemon,
	"audispd":       daemon,
	"audisp-syslog": daemon,
}

// parseLine takes a line of any form apart; now is for times without a year.
func parseLine(text string, now time.Time) line {
	if strings.HasPrefix(text, "{") {
		return parseJournalJSON(text)
	}
	if l, ok := parseRecord(text, daemon); ok {
		return l
	}
	if l, ok := parseRecord(withoutPrinted(text), kernel); ok {
		return l
	}
	m := logged.FindStringSubmatch(text)
	if m == nil {
		return line{}
	}
	l, ok := parseRecord(withoutPrinted(m[3]), programs[m[2]])
	if !ok {
		return line{}
	}
	l.at = prefixTime(m[1], now)
	return l
}

func withoutPrinted(text string) string {
	return text[len(printed.FindString(text)):]
}

// parseRecord takes the text of a record, as f has it: "node=web type=SECCOMP msg=audit(…", "audit: type=1326
// audit(…", or "SECCOMP auid=…".
func parseRecord(text string, f form) (line, bool) {
	l := line{form: f}
	switch f {
	case journal:
		var ok bool
		l.typ, l.message, ok = strings.Cut(text, " ")
		return l, ok
	case kernel:
		text = strings.TrimPrefix(text, "audit: ")
		if l.notice = parseNotice(text); l.notice != (notice{}) {
			return l, true
		}
	case daemon:
		if rest, ok := strings.CutPrefix(text, "node="); ok {
			l.node, text, _ = strings.Cut(rest, " ")
		}
	default:
		return line{}, false
	}
	rest, ok := strings.CutPrefix(text, "type=")
	if !ok {
		return line{}, false
	}
	l.typ, l.message, _ = strings.Cut(rest, " ")
	l.message = strings.TrimPrefix(l.message, "msg=")
	return l, true
}
