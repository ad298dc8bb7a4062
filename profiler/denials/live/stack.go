package live

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// maxMaps bounds what is read of a process's memory map, in bytes.
const maxMaps = 16 << 20

// mapping is a part of a process's memory.
type mapping struct {
	start, end, offset uint64
	path               string // clean; empty: anonymous
}

// describeStack names the file and the offset in it of every address, as addr2line takes them. What cannot be named, since
// the process has gone or nothing is mapped there, stays an address.
func describeStack(pid int, addresses []uint64) []string {
	if len(addresses) == 0 {
		return nil
	}
	memory := readMaps(pid)
	var list []string
	for _, address := range addresses {
		list = append(list, describeAddress(memory, address))
	}
	return list
}

func readMaps(pid int) []mapping {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMaps))
	if err != nil {
		return nil
	}
	return parseMaps(string(text))
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
