package live

import (
	"os"
	"slices"
	"testing"
)

const memoryMap = `55d0c8e00000-55d0c8e2a000 r--p 00000000 fd:00 1234                       /usr/sbin/nginx
55d0c8e2a000-55d0c8f10000 r-xp 0002a000 fd:00 1234                       /usr/sbin/nginx
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
7f1000000000-7f1000010000 r-xp 00001000 fd:00 99                         /tmp/a b (deleted)
7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0                          [vdso]
garbage
zz-yy r-xp 00000000 00:00 0 /x
7f2000000000-7f2000001000 r-xp 00000000 00:00 7 /tmp/` + "\x1b[31m\n"

func TestDescribeAddress(t *testing.T) {
	memory := parseMaps(memoryMap)
	var got []string
	for _, address := range []uint64{0x55d0c8e2a010, 0x7f0000000008, 0x7f1000000001, 0x7ffc00000010, 0x7f2000000000, 1} {
		got = append(got, describeAddress(memory, address))
	}
	want := []string{"/usr/sbin/nginx+0x2a010", "0x7f0000000008", "/tmp/a b (deleted)+0x1001", "[vdso]+0x10", `/tmp/\x1b[31m+0x0`, "0x1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nnot\n%q", got, want)
	}
}

func FuzzParseMaps(f *testing.F) {
	f.Add(memoryMap)
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMaps(text) {
			_ = describeAddress([]mapping{m}, m.start)
		}
	})
}

// What is remembered of a process names its frames when it is gone, and memory is bounded.
func TestMemories(t *testing.T) {
	pids := make(chan int)
	m := remember(func() (int, bool) { pid, ok := <-pids; return pid, ok }, func(err error) { t.Error(err) })
	const gone = 1 << 30
	m.add(gone, parseMaps(memoryMap))
	if got := m.describeStack(gone, []uint64{0x55d0c8e2a010}); !slices.Equal(got, []string{"/usr/sbin/nginx+0x2a010"}) {
		t.Errorf("%q", got)
	}
	for pid := range 3 * maxMemories {
		m.add(gone+pid, parseMaps(memoryMap))
	}
	if len(m.of) > maxMemories {
		t.Errorf("%d memories", len(m.of))
	}
	pids <- os.Getpid()
	close(pids)
	<-m.ended
	if m.of[os.Getpid()] == nil {
		t.Error("its own memory is not remembered")
	}
	if none := (*memories)(nil); none.describeStack(1, []uint64{1}) != nil {
		t.Error("a stack that nobody asked for")
	}
}
