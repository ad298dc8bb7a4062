package audit

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/elastic/go-libaudit/v2/auparse"
)

// maxWaiting bounds how many SECCOMP records wait for the rest of their events. Records of one event follow
// each other closely, with those of other processes between them.
const maxWaiting = 64

// events joins a SECCOMP record with the records of the same event that come after it. (go-libaudit's Reassembler keeps
// events apart by serial number alone: two boots in one log would become one event, and the older record of the two
// would be lost to the count.)
type events struct {
	take    func(*Record)
	waiting []*Record
}

func (e *events) add(r *Record) {
	if len(e.waiting) == maxWaiting {
		e.take(e.waiting[0])
		e.waiting = slices.Delete(e.waiting, 0, 1)
	}
	e.waiting = append(e.waiting, r)
}

func (e *events) flush() {
	for _, r := range e.waiting {
		e.take(r)
	}
	e.waiting = nil
}

// part adds what another record of an event tells. What it does not tell in order, nobody misses.
func (e *events) part(l line) {
	command, call := isType(l.typ, "PROCTITLE", "1327"), isType(l.typ, "SYSCALL", "1300")
	if len(e.waiting) == 0 || !command && !call {
		return
	}
	text, _, _ := strings.Cut(l.message, enriched)
	message, err := auparse.Parse(untyped, text)
	if err != nil {
		return
	}
	of := stamp{l.node, message.Timestamp.UnixMilli(), message.Sequence}
	i := slices.IndexFunc(e.waiting, func(r *Record) bool { return r.stamp() == of })
	if i < 0 {
		return
	}
	data, err := message.Data()
	if err != nil {
		return
	}
	if f := (fields{data, text}); command {
		e.waiting[i].Command = f.command()
	} else {
		e.waiting[i].Args = f.args()
	}
}

// command is the command line: its arguments end with a zero byte each.
func (f fields) command() string {
	octets, err := hex.DecodeString(f.data["proctitle"])
	if err != nil || strings.Contains(f.text, `proctitle="`) {
		return f.data["proctitle"]
	}
	return string(bytes.ReplaceAll(bytes.TrimRight(octets, "\x00"), []byte{0}, []byte(" ")))
}

func (f fields) args() []string {
	var list []string
	for _, key := range []string{"a0", "a1", "a2", "a3"} {
		arg, ok := f.number(key, 16)
		if !ok {
			return nil
		}
		list = append(list, hexadecimal(arg))
	}
	return list
}
