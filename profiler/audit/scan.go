package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxLine bounds a line, in bytes: records of auditd and of the kernel are below 9,000, those of journalctl in JSON some
// times that.
const maxLine = 256 << 10

// maxExamples bounds how many lines that could not be read are shown.
const maxExamples = 5

// Stats is what a log was made of.
type Stats struct {
	Lines   uint64
	Seccomp uint64 // SECCOMP records that were read
	Others  uint64 // other audit records
	Foreign uint64 // lines of other programs, and empty ones
	// Unread lines ought to be audit records, and could not be read. Examples are the first.
	Unread   uint64
	Examples []Example
	// Suppressed and Lost are records that the kernel says are not in the log.
	Suppressed, Lost uint64
}

// Example is a line that could not be read.
type Example struct {
	Line uint64 // from 1
	Text string // its begin, as it is: escape it
	Why  string
}

// Scan reads a log of any form, gzip included, and hands each SECCOMP record to take. It needs the same memory however
// long the log is. now is for the times of forms that leave out the year. After an error, the numbers tell what was read
// until then.
func Scan(r io.Reader, now time.Time, take func(*Record)) (Stats, error) {
	in := bufio.NewReaderSize(r, maxLine)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return Stats{}, fmt.Errorf("unpack it: %w", err)
		}
		in = bufio.NewReaderSize(unzipped, maxLine)
	}
	s := &scanner{now: now, events: events{take: take}}
	err := s.lines(in)
	s.events.flush()
	return s.stats, err
}

// scanner is a log under way.
type scanner struct {
	now      time.Time
	stats    Stats
	events   events
	lostSeen uint64 // the kernel's own count, of its last notice
}

// lines reads them one at a time. What does not fit the buffer is passed over and counted.
func (s *scanner) lines(in *bufio.Reader) error {
	for {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			s.stats.Lines++
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			s.unread(string(text[:maxShown]), fmt.Sprintf("it is longer than %d bytes", maxLine))
			if err = skipLine(in); err == nil {
				continue
			}
		case len(text) > 0:
			s.line(bytes.TrimRight(text, "\r\n\x00"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", s.stats.Lines+1, err)
		}
	}
}

func skipLine(in *bufio.Reader) error {
	for {
		if _, err := in.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// maxShown bounds an example, in bytes.
const maxShown = 160

func (s *scanner) unread(text, why string) {
	s.stats.Unread++
	if len(s.stats.Examples) < maxExamples {
		s.stats.Examples = append(s.stats.Examples, Example{s.stats.Lines, clip(text, maxShown), why})
	}
}

// line sorts out what most lines of most logs are, before it looks closer.
func (s *scanner) line(text []byte) {
	own := bytes.HasPrefix(text, []byte("type=")) || bytes.HasPrefix(text, []byte("node="))
	if !own && !bytes.Contains(text, []byte("audit")) {
		s.stats.Foreign++
		return
	}
	s.parsed(parseLine(string(text), s.now), string(text))
}

func (s *scanner) parsed(l line, text string) {
	switch {
	case l.form == foreign:
		s.stats.Foreign++
	case l.broken != "":
		s.unread(text, l.broken)
	case l.notice != notice{}:
		s.stats.Others++
		s.notice(l.notice)
	case isType(l.typ, "SECCOMP", "1326"):
		s.seccomp(l, text)
	case l.form != journal && !strings.HasPrefix(l.message, "audit("):
		s.unread(text, "it ends before its header does")
	default:
		s.stats.Others++
		s.events.part(l)
	}
}

// isType: the kernel's log has numbers; auditd and journald have numbers for types that they do not know.
func isType(typ, name, number string) bool {
	return typ == name || typ == number || typ == "AUDIT"+number || typ == "UNKNOWN["+number+"]"
}

func (s *scanner) seccomp(l line, text string) {
	message := l.message
	if l.form == journal {
		message = fmt.Sprintf("audit(%d.%03d:0): %s", max(0, l.at.Unix()), l.at.Nanosecond()/1e6, l.message)
	}
	r, err := ParseMessage(message)
	if err != nil {
		s.unread(text, err.Error())
		return
	}
	if r.Node = l.node; l.form == journal {
		r.Time = l.at
	}
	s.stats.Seccomp++
	s.events.add(r)
}

// notice counts what the kernel says that it lost. How much it had lost before the log began, the first notice does not
// tell: at least one is of now.
func (s *scanner) notice(n notice) {
	s.stats.Suppressed += n.suppressed
	switch {
	case n.lost == 0:
	case s.lostSeen == 0 || n.lost < s.lostSeen: // the first one, or one after another boot
		s.stats.Lost++
	default:
		s.stats.Lost += n.lost - s.lostSeen
	}
	if n.lost > 0 {
		s.lostSeen = n.lost
	}
}
