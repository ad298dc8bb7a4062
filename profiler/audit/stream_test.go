package audit

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"testing"
)

// generator is a log that is made while it is read: a SECCOMP record in so many lines.
type generator struct {
	left  int64 // bytes
	every int
	line  int
	rest  []byte
}

const (
	filler  = "type=SYSCALL msg=audit(1795643031.146:%): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=1 pid=2 comm=\"sh\" exe=\"/bin/sh\" key=(null)\n"
	seccomp = "type=SECCOMP msg=audit(1795643031.146:%): auid=4294967295 uid=33 gid=33 ses=4294967295 pid=4127 comm=\"nginx\" exe=\"/usr/sbin/nginx\" sig=31 arch=c000003e syscall=41 compat=0 ip=0x7f code=0x80000000\n"
)

func (g *generator) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.left <= 0 {
			return 0, io.EOF
		}
		g.line++
		text := filler
		if g.line%g.every == 0 {
			text = seccomp
		}
		g.rest = bytes.Replace([]byte(text), []byte("%"), strconv.AppendInt(nil, int64(g.line), 10), 1)
	}
	n := copy(p, g.rest)
	g.rest, g.left = g.rest[n:], g.left-int64(n)
	return n, nil
}

// A log of any length needs the memory of a line, and of what waits.
func TestMemory(t *testing.T) {
	const size, limit = 200 << 20, 8 << 20
	g := &generator{left: size, every: 1000}
	var peak uint64
	stats, err := Scan(g, now, func(*Record) {
		var m runtime.MemStats
		if g.line%100_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	})
	if err != nil || stats.Lines != uint64(g.line) || stats.Seccomp != uint64(g.line/1000) {
		t.Fatalf("%+v of %d lines: %v", stats, g.line, err)
	}
	if peak > limit {
		t.Errorf("%d bytes of heap for %d MiB of log", peak, size>>20)
	}
}

// A line without an end takes no memory either.
func TestEndlessLine(t *testing.T) {
	const size = 64 << 20
	in := io.MultiReader(bytes.NewReader([]byte("type=SECCOMP msg=audit(1.000:")), io.LimitReader(zeros{}, size),
		bytes.NewReader([]byte("\ntype=EOE msg=audit(1.000:1): \n")))
	stats, err := Scan(in, now, func(*Record) { t.Error("a record") })
	if err != nil || stats.Lines != 2 || stats.Unread != 1 || stats.Others != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// A log that was cut off, as by copying it while it is compressed, tells what is there.
func TestTruncatedGzip(t *testing.T) {
	data, err := io.ReadAll(gzipped(t, bytes.Repeat([]byte(seccomp), 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Scan(bytes.NewReader(data[:len(data)-9]), now, func(*Record) {}); err == nil {
		t.Error("no error")
	}
	if _, err := Scan(bytes.NewReader(data[:5]), now, func(*Record) {}); err == nil {
		t.Error("no error for a header alone")
	}
}
