package live

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// maxMaps bounds what is read of a process's memory map, in bytes.
const maxMaps = 16 << 20

// mapping is a part of a process's memory.
type mapping struct {
	start, end, offset uint64
	path               string // clean; empty: anonymous
}

// memories are those of processes whose stacks are to be described: read at once, since they may be gone soon.
type memories struct {
	mu     sync.Mutex
	of     map[int][]mapping
	hidden func(error) // takes why one may not be read, once
	tell   sync.Once
	ended  chan struct{}
}

// maxMemories bounds how many are kept.
const maxMemories = 1 << 10

// remember reads those of processes as they come, until next gives up.
func remember(next func() (pid int, ok bool), hidden func(error)) *memories {
	m := &memories{of: map[int][]mapping{}, hidden: hidden, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for pid, ok := next(); ok; pid, ok = next() {
			m.add(pid, m.read(pid))
		}
	}()
	return m
}

func (m *memories) add(pid int, memory []mapping) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.of) >= maxMemories {
		clear(m.of)
	}
	if len(memory) > 0 {
		m.of[pid] = memory
	}
}

// get returns that of a process, as it is now if it is not remembered.
func (m *memories) get(pid int) []mapping {
	m.mu.Lock()
	defer m.mu.Unlock()
	if memory := m.of[pid]; memory != nil {
		return memory
	}
	return m.read(pid)
}

// read tells once that a process is hidden to scallop; the others are gone.
func (m *memories) read(pid int) []mapping {
	memory, err := readMaps(pid)
	if errors.Is(err, fs.ErrPermission) {
		m.tell.Do(func() { m.hidden(fmt.Errorf("stacks have addresses without names: %w: add cap_sys_ptrace", err)) })
	}
	return memory
}

// describeStack names the file and the offset in it of every address, as addr2line takes them. What cannot be named, since
// the process was gone too soon or nothing is mapped there, stays an address.
func (m *memories) describeStack(pid int, addresses []uint64) []string {
	if m == nil || len(addresses) == 0 {
		return nil
	}
	memory := m.get(pid)
	var list []string
	for _, address := range addresses {
		list = append(list, describeAddress(memory, address))
	}
	return list
}

func readMaps(pid int) ([]mapping, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMaps))
	if err != nil {
		return nil, err
	}
	return parseMaps(string(text)), nil
}

// parseMaps reads proc_pid_maps(5): "address perms offset dev inode pathname".
func parseMaps(text string) []mapping {
	var list []mapping
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, errStart := strconv.ParseUint(from, 16, 64)
		end, errEnd := strconv.ParseUint(to, 16, 64)
		offset, errOffset := strconv.ParseUint(fields[2], 16, 64)
		if errStart != nil || errEnd != nil || errOffset != nil {
			continue
		}
		m := mapping{start: start, end: end, offset: offset}
		if len(fields) > 5 {
			m.path = recording.CleanString(strings.Join(fields[5:], " "))
		}
		list = append(list, m)
	}
	return list
}

func describeAddress(memory []mapping, address uint64) string {
	for _, m := range memory {
		if address >= m.start && address < m.end && m.path != "" {
			return fmt.Sprintf("%s+%#x", m.path, address-m.start+m.offset)
		}
	}
	return fmt.Sprintf("%#x", address)
}
