package recording

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// maxFast bounds what is read in one go; larger files are read as they arrive.
const maxFast = 4 << 20

// peek is enough to tell a JSON object from other files.
const peek = 4 << 10

// readFast reads the whole input, if it is short and begins like an object. rest is the
// input from its begin, for a reader that has to look at it byte by byte.
func readFast(r io.Reader) (raw []byte, rest io.Reader) {
	var b bytes.Buffer
	b.Grow(sizeOf(r))
	err := readUpTo(&b, r, peek)
	if err == nil && bytes.HasPrefix(bytes.TrimLeft(b.Bytes(), " \t\r\n"), []byte("{")) {
		err = readUpTo(&b, r, maxFast-peek)
	}
	whole := b.Bytes()
	if errors.Is(err, io.EOF) {
		return whole, bytes.NewReader(whole)
	}
	if err != nil {
		r = failing{err}
	}
	return nil, io.MultiReader(bytes.NewReader(whole), r)
}

// sizeOf is the room that r is likely to need: that of a file, or a little.
func sizeOf(r io.Reader) int {
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Size() > 0 {
			return int(min(info.Size(), maxFast)) + bytes.MinRead
		}
	}
	return peek
}

// readUpTo reads n bytes more, or to the end of r, which it tells as io.EOF.
func readUpTo(b *bytes.Buffer, r io.Reader, n int64) error {
	_, err := io.CopyN(b, r, n)
	return err
}

// failing gives an error that was met earlier.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// decodeFast reads a recording in the form that Encode writes; nil if it is in any other, or wrong.
func decodeFast(raw []byte) *Recording {
	head, rows, ok := splitRows(raw)
	if !ok {
		return nil
	}
	var rec Recording
	if err := format.parse(head, &rec); err != nil {
		return nil
	}
	rec.Syscalls = rows
	n, err := checked(&rec)
	if err != nil {
		return nil
	}
	return n
}

// splitRows takes the list of calls out of a recording, which is nearly all of it: head is the same
// recording with an empty list. ok is false if raw is not in the form that Encode writes; head then
// means nothing. What else is wrong with raw is wrong with head, too.
func splitRows(raw []byte) (head []byte, rows []Syscall, ok bool) {
	r := newRowReader(raw)
	r.want('{')
	for r.ok && r.word() != "syscalls" {
		r.want(':')
		r.skip()
		r.want(',')
	}
	r.want(':')
	start := r.pos
	rows = r.rows()
	if !r.ok {
		return nil, nil, false
	}
	head = append(head, raw[:start]...)
	head = append(head, "[]"...)
	return append(head, raw[r.pos:]...), rows, true
}

// skip goes past one value. It looks at strings and brackets only.
func (r *rowReader) skip() {
	depth := 0
	for ; r.pos < len(r.data); r.pos++ {
		switch r.data[r.pos] {
		case '"':
			r.skipString()
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return
			}
		}
		if depth < 0 {
			break
		}
	}
	r.giveUp() // the calls come after, in what Encode writes
}

// skipString goes from a string's first quote to its last.
func (r *rowReader) skipString() {
	for r.pos++; r.pos < len(r.data) && r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			r.pos++
		}
	}
}

// giveUp leaves nothing to read.
func (r *rowReader) giveUp() {
	r.ok, r.pos = false, len(r.data)
}
