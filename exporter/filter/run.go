package filter

import "fmt"

// Data is the kernel's struct seccomp_data.
type Data struct {
	Nr   uint32
	Arch uint32 // AUDIT_ARCH_…
	IP   uint64
	Args [6]uint64
}

// word is what a load from the offset gives on a little-endian machine.
func (d *Data) word(off uint32) uint32 {
	switch {
	case off == offNr:
		return d.Nr
	case off == offArch:
		return d.Arch
	case off < offArgs:
		return half(d.IP, off-8)
	}
	return half(d.Args[(off-offArgs)/8], off%8)
}

func half(v uint64, off uint32) uint32 {
	if off >= 4 {
		return uint32(v >> 32)
	}
	return uint32(v)
}

// Run interprets the program as the kernel does, and counts the instructions that it executes.
func (p Program) Run(d Data) (ret uint32, executed int, err error) {
	var a uint32
	for at := 0; at < len(p); at++ {
		i := p[at]
		executed++
		switch i.Code {
		case opRet:
			return i.K, executed, nil
		case opLoad:
			if i.K >= dataLen || i.K%4 != 0 {
				return 0, executed, fmt.Errorf("instruction %d loads from offset %d", at, i.K)
			}
			a = d.word(i.K)
		case opAnd:
			a &= i.K
		case opJA:
			at += int(i.K)
		default:
			yes, ok := i.jumps(a)
			if !ok {
				return 0, executed, fmt.Errorf("instruction %d has the code %#x, which is not known here", at, i.Code)
			}
			if yes {
				at += int(i.JT)
			} else {
				at += int(i.JF)
			}
		}
	}
	return 0, executed, fmt.Errorf("the program ends without a verdict after %d instructions", executed)
}

// jumps tells where a conditional jump goes.
func (i Instruction) jumps(a uint32) (yes, known bool) {
	switch i.Code {
	case opJEQ:
		return a == i.K, true
	case opJGT:
		return a > i.K, true
	case opJGE:
		return a >= i.K, true
	case opJSET:
		return a&i.K != 0, true
	}
	return false, false
}
