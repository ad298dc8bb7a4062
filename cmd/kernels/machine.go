package main

import (
	"fmt"
	"strings"
)

// machine is what differs between architectures.
type machine struct {
	Name    string // the kernel's word
	Qemu    []string
	Console string
	Words   string   // of the kernel's command line, beside those that all have
	CC      string   // for 64-bit programs
	CC32    []string // for 32-bit ones, with what makes them that
}

// machines by Debian's word, which is Go's, too.
var machines = map[string]machine{
	"amd64": {
		Name:    "x86_64",
		Qemu:    []string{"qemu-system-x86_64", "-cpu", "max"},
		Console: "ttyS0",
		CC:      "x86_64-linux-gnu-gcc",
		CC32:    []string{"x86_64-linux-gnu-gcc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"},
	},
	"arm64": {
		Name: "aarch64",
		// Not max: its pointer authentication is slow in emulation.
		Qemu:    []string{"qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a76"},
		Console: "ttyAMA0",
		// Page tables for the kernel alone, which KASLR brings with it here: each system call would empty the emulated TLB.
		Words: "nokaslr kpti=off",
		CC:    "aarch64-linux-gnu-gcc",
		CC32:  []string{"arm-linux-gnueabihf-gcc", "-marm"},
	},
}

// boot is how a guest is started.
type boot struct {
	Kernel string // path of the image
	Initrd string // path
	Append string // more words for the kernel's command line
	CPUs   int
	MiB    int // of memory
}

// command is the emulator's command line. One thread emulates all CPUs: with one each, the kernel's patching
// of its own code (a tracepoint that is switched on) is torn, and it crashes (QEMU 7.2).
func (m machine) command(b boot) []string {
	words := strings.TrimSpace(fmt.Sprintf("console=%s panic=-1 quiet loglevel=3 mitigations=off %s", m.Console, m.Words))
	words = strings.TrimSpace(words + " " + b.Append)
	return append(append([]string{}, m.Qemu...),
		"-accel", "tcg,thread=single", "-smp", fmt.Sprint(b.CPUs), "-m", fmt.Sprint(b.MiB),
		"-nographic", "-no-reboot", "-nic", "none", "-kernel", b.Kernel, "-initrd", b.Initrd, "-append", words)
}
