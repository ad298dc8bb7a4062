package cgroup

import "strings"

// Class is what a cgroup's name tells: where a workload begins. The kernel side judges new cgroups by the
// same rule (bpf/class.h, bpf/membership.h).
type Class uint32

// Classes, with the values that the kernel side gives them.
const (
	Plain Class = iota
	Slice       // of systemd: holds no processes itself
	Unit        // a service or scope of systemd
	Whole       // a container, or what the user named: everything below belongs to it
)

// containerIDDigits is the length of the IDs of Docker, containerd, CRI-O and Podman.
const containerIDDigits = 64

// ClassOf a cgroup with that name, the last component of its path.
func ClassOf(name string) Class {
	base, scope := strings.CutSuffix(name, ".scope")
	switch {
	case strings.HasSuffix(name, ".slice"):
		return Slice
	case endsInContainerID(base):
		return Whole
	case scope || strings.HasSuffix(name, ".service"):
		return Unit
	default:
		return Plain
	}
}

func endsInContainerID(name string) bool {
	if len(name) < containerIDDigits {
		return false
	}
	return strings.Trim(name[len(name)-containerIDDigits:], "0123456789abcdef") == ""
}

// JoinsParent tells whether a cgroup of class child below one of class parent belongs to
// the same workload.
func JoinsParent(parent, child Class) bool {
	switch parent {
	case Whole:
		return true
	case Unit:
		return child == Plain
	default:
		return false
	}
}
