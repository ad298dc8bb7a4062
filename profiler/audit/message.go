package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/elastic/go-libaudit/v2/auparse"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// enriched begins what auditd adds to a record with log_format=ENRICHED: names of what is there as a number.
const enriched = "\x1d"

// untyped keeps go-libaudit from interpreting the fields. Of a SECCOMP record it would turn numbers into names by
// tables of its own, and give up where exe or sig is missing.
const untyped = auparse.AUDIT_KERNEL

// ParseMessage reads a SECCOMP record as the kernel sends it: "audit(1700000000.123:45): auid=…".
func ParseMessage(text string) (*Record, error) {
	text, _, _ = strings.Cut(text, enriched)
	message, err := auparse.Parse(untyped, text)
	if err != nil || message.Timestamp.Year() < 1970 || message.Timestamp.Year() > 9999 {
		return nil, headerError(text)
	}
	data, err := message.Data()
	if err != nil {
		return nil, fmt.Errorf("the record of serial %d has no fields", message.Sequence)
	}
	r := &Record{Time: message.Timestamp, Serial: message.Sequence}
	return r, r.fill(fields{data, text})
}

// SerialOf reads the number of the event that a record of any type belongs to.
func SerialOf(text string) (uint32, bool) {
	message, err := auparse.Parse(untyped, text)
	if err != nil {
		return 0, false
	}
	return message.Sequence, true
}

func headerError(text string) error {
	if _, rest, ok := strings.Cut(text, "audit("); ok && strings.Contains(rest, "/") && strings.Contains(rest, " : ") {
		return errors.New("it was made readable by ausearch -i, which leaves out numbers: use ausearch --raw")
	}
	return errors.New("its header is not audit(SECONDS.MILLISECONDS:SERIAL)")
}

// fields of a message, and its text.
type fields struct {
	data map[string]string
	text string
}

// fill takes what it can. Without architecture or number, nobody can tell which call it was.
func (r *Record) fill(f fields) error {
	arch, ok := f.number("arch", 16)
	if !ok || arch > 1<<32-1 {
		return errors.New("it has no arch, so its number means nothing")
	}
	nr, ok := f.integer("syscall")
	if !ok || int64(int32(nr)) != nr {
		return errors.New("it has no number of a system call")
	}
	if r.ABI, r.Nr, ok = syscalls.OfAudit(uint32(arch), int(nr)); !ok {
		return fmt.Errorf("calls of architecture %#x have no names here", arch)
	}
	if r.Action, ok = actionOf(f.data["code"]); !ok {
		return fmt.Errorf("its code %s is no action of seccomp", quoted(f.data["code"]))
	}
	r.Comm, r.Exe = f.untrusted("comm"), f.untrusted("exe")
	r.Subject = f.subject()
	r.fillNumbers(f)
	return nil
}

func (r *Record) fillNumbers(f fields) {
	r.LoginUID = -1
	if n, ok := f.integer("auid"); ok && n < 1<<32-1 {
		r.LoginUID = int(n)
	}
	if n, ok := f.integer("uid"); ok && n >= 0 && n < 1<<32-1 {
		uid := int(n)
		r.UID = &uid
	}
	if n, ok := f.integer("pid"); ok && n > 0 && n < 1<<31 {
		r.PID = int(n)
	}
	if n, ok := f.integer("sig"); ok && n > 0 && n < 128 {
		r.Signal = int(n)
	}
	r.IP, _ = f.number("ip", 0)
}

func (f fields) number(key string, base int) (uint64, bool) {
	n, err := strconv.ParseUint(f.data[key], base, 64)
	return n, err == nil
}

func (f fields) integer(key string) (int64, bool) {
	n, err := strconv.ParseInt(f.data[key], 10, 64)
	return n, err == nil
}

// untrusted decodes a string that the workload chose. The kernel writes it in quotes, or, if it holds a quote, a space or
// anything that is not ASCII, in hexadecimal without them.
func (f fields) untrusted(key string) string {
	value := f.data[key]
	if strings.Contains(f.text, " "+key+`="`) || value != strings.ToUpper(value) {
		return value
	}
	if decoded, err := hex.DecodeString(value); err == nil {
		return string(decoded)
	}
	return value
}

// subject is the whole security context: those of AppArmor hold a space ("docker-default (enforce)"), and
// kernels that stack LSMs write "subj==".
func (f fields) subject() string {
	_, rest, ok := strings.Cut(f.text, " subj=")
	if !ok {
		return ""
	}
	subject, _, whole := strings.Cut(rest, " pid=")
	if !whole {
		subject, _, _ = strings.Cut(rest, " ")
	}
	return strings.Trim(subject, `="?`)
}

func hexadecimal(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }

func quoted(s string) string { return strconv.Quote(clip(s, 40)) }

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
