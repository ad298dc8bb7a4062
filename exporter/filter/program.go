// Package filter compiles seccomp profiles to classic BPF, the form in which the kernel takes them, and says what a
// program costs.
//
// A [Program] is made from the verdicts of a [policy.Resolved]. Its instructions depend on an [Order], its verdicts do
// not. [Program.Run] interprets it as the kernel does. Everything is a pure function, on any operating system.
package filter

import (
	"encoding/binary"
	"fmt"
)

// MaxInstructions is the kernel's BPF_MAXINSNS.
const MaxInstructions = 4096

// instructionSize is that of the kernel's struct sock_filter.
const instructionSize = 8

// Instruction is the kernel's struct sock_filter.
type Instruction struct {
	Code   uint16
	JT, JF uint8
	K      uint32
}

// Program is a classic BPF program.
type Program []Instruction

// The codes of uapi/linux/bpf_common.h that seccomp filters need.
const (
	opLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS
	opAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opJA   = 0x05 // BPF_JMP | BPF_JA
	opJEQ  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opJGT  = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opJGE  = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opJSET = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	opRet  = 0x06 // BPF_RET | BPF_K
)

// Offsets in the kernel's struct seccomp_data.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
	dataLen = 64
)

// Bytes are the instructions as little-endian kernels take them: what bubblewrap's --seccomp FD, minijail's
// --seccomp-bpf-binary and crun's raw filters read.
func (p Program) Bytes() []byte {
	out := make([]byte, 0, len(p)*instructionSize)
	for _, i := range p {
		out = binary.LittleEndian.AppendUint16(out, i.Code)
		out = append(out, i.JT, i.JF)
		out = binary.LittleEndian.AppendUint32(out, i.K)
	}
	return out
}

// Decode reads what Bytes wrote. It accepts programs that Run can interpret, which jump forward and inside only.
func Decode(data []byte) (Program, error) {
	switch {
	case len(data) == 0 || len(data)%instructionSize != 0:
		return nil, fmt.Errorf("%d bytes are not a whole number of instructions: give a filter that `scallop export --format bpf` wrote", len(data))
	case len(data) > MaxInstructions*instructionSize:
		return nil, fmt.Errorf("more than %d instructions: the kernel refuses such a filter", MaxInstructions)
	}
	var p Program
	for ; len(data) > 0; data = data[instructionSize:] {
		p = append(p, Instruction{
			binary.LittleEndian.Uint16(data), data[2], data[3], binary.LittleEndian.Uint32(data[4:]),
		})
	}
	return p, p.check()
}

// check wants each instruction to be known and each path to end in a return.
func (p Program) check() error {
	for at, i := range p {
		furthest := uint64(at) + 1
		switch i.Code {
		case opRet:
			continue
		case opLoad:
			if i.K%4 != 0 || i.K >= dataLen {
				return fmt.Errorf("instruction %d loads from offset %d: seccomp has words at 0 to %d", at, i.K, dataLen-4)
			}
		case opJA:
			furthest += uint64(i.K)
		case opJEQ, opJGT, opJGE, opJSET:
			furthest += uint64(max(i.JT, i.JF))
		case opAnd:
		default:
			return fmt.Errorf("instruction %d has the code %#x, which is not known here", at, i.Code)
		}
		if furthest >= uint64(len(p)) {
			return fmt.Errorf("instruction %d leaves the program", at)
		}
	}
	return nil
}
