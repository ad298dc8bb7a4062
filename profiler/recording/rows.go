package recording

import (
	"math"
	"unicode/utf8"
)

// rowReader reads the list of calls in the one form that Encode writes it. It gives up (ok is
// false) on everything else: other keys, escapes, null, a key twice. What is wrong with such a
// list, and whether anything is, encoding/json and checkKeys know; they need ten times as long.
type rowReader struct {
	data  []byte
	pos   int
	ok    bool
	words map[string]string // each string once: comms and paths repeat in most rows
}

func newRowReader(data []byte) *rowReader {
	return &rowReader{data: data, ok: true, words: map[string]string{}}
}

// rows reads a whole list.
func (r *rowReader) rows() []Syscall {
	list := []Syscall{}
	r.want('[')
	if r.eat(']') {
		return list
	}
	for r.ok {
		list = append(list, r.row())
		if !r.eat(',') {
			r.want(']')
			return list
		}
	}
	return list
}

func (r *rowReader) row() (s Syscall) {
	var seen fields
	r.object(func(key string) {
		switch {
		case key == "abi" && seen.once(0):
			s.ABI = r.word()
		case key == "nr" && seen.once(1):
			s.Nr = int(r.integer())
		case key == "name" && seen.once(2):
			s.Name = r.word()
		case key == "total" && seen.once(3):
			s.Total = r.number()
		case key == "phases" && seen.once(4):
			s.Phases = r.phases()
		default:
			r.ok = false
		}
	})
	return s
}

func (r *rowReader) phases() map[string]PhaseCount {
	phases := map[string]PhaseCount{}
	r.object(func(name string) {
		// Names that differ by case alone, which checkKeys refuses, Validate refuses, too.
		if _, twice := phases[name]; twice {
			r.ok = false
			return
		}
		phases[name] = r.phaseCount()
	})
	return phases
}

func (r *rowReader) phaseCount() (p PhaseCount) {
	var seen fields
	r.object(func(key string) {
		switch {
		case key == "count" && seen.once(0):
			p.Count = r.number()
		case key == "first" && seen.once(1):
			p.First = r.firstCall()
		case key == "lastSeenNs" && seen.once(2):
			p.LastSeenNs = r.integer()
		default:
			r.ok = false
		}
	})
	return p
}

func (r *rowReader) firstCall() (f FirstCall) {
	var seen fields
	r.object(func(key string) {
		switch {
		case key == "offsetNs" && seen.once(0):
			f.OffsetNs = r.integer()
		case key == "comm" && seen.once(1):
			f.Comm = r.word()
		case key == "exe" && seen.once(2):
			f.Exe = r.word()
		case key == "pid" && seen.once(3):
			f.PID = int(r.integer())
		case key == "tid" && seen.once(4):
			f.TID = int(r.integer())
		case key == "part" && seen.once(5):
			f.Part = r.word()
		default:
			r.ok = false
		}
	})
	return f
}

// fields are those of an object that were there, a bit each.
type fields uint8

func (f *fields) once(bit int) bool {
	first := *f&(1<<bit) == 0
	*f |= 1 << bit
	return first
}

// object calls member for each key; member reads the value.
func (r *rowReader) object(member func(key string)) {
	r.want('{')
	if r.eat('}') {
		return
	}
	for r.ok {
		key := r.word()
		r.want(':')
		if r.ok {
			member(key)
		}
		if !r.eat(',') {
			r.want('}')
			return
		}
	}
}

func (r *rowReader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\n', '\r', '\t':
			r.pos++
		default:
			return
		}
	}
}

// eat skips spaces and then c, if it is there.
func (r *rowReader) eat(c byte) bool {
	r.space()
	if r.pos >= len(r.data) || r.data[r.pos] != c {
		return false
	}
	r.pos++
	return true
}

func (r *rowReader) want(c byte) {
	if !r.eat(c) {
		r.ok = false
	}
}

// word reads a string without escapes.
func (r *rowReader) word() string {
	r.want('"')
	start := r.pos
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		if c == '"' {
			break
		}
		if c < ' ' || c == '\\' {
			r.ok = false
			return ""
		}
		r.pos++
	}
	text := r.data[start:r.pos]
	r.want('"')
	if word, ok := r.words[string(text)]; ok {
		return word
	}
	// encoding/json would replace broken bytes.
	r.ok = r.ok && utf8.Valid(text)
	word := string(text)
	r.words[word] = word
	return word
}

// number reads digits as JSON has them: no zero before others.
func (r *rowReader) number() (n uint64) {
	r.space()
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		digit := uint64(r.data[r.pos] - '0')
		if n > (math.MaxUint64-digit)/10 {
			r.ok = false
		}
		n = n*10 + digit
		r.pos++
	}
	length := r.pos - start
	if length == 0 || length > 1 && r.data[start] == '0' {
		r.ok = false
	}
	return n
}

// integer is a number that fits an int64. Negative ones are no part of a valid recording.
func (r *rowReader) integer() int64 {
	n := r.number()
	if n > math.MaxInt64 {
		r.ok = false
		return 0
	}
	return int64(n)
}
