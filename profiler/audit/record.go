// Package audit reads what the kernel's audit says of seccomp: records of calls that a filter denied or
// logged, from logs in every form that they are kept in, or live. Everything here but its subpackage multicast is pure.
package audit

import (
	"time"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Record is one SECCOMP record. Where it lacks a field, that is zero or empty. Strings are as the workload chose them.
type Record struct {
	Time   time.Time // of millisecond; zero: not known
	Serial uint32    // of the event; 0: not known
	Node   string    // the host, if the record names it

	ABI    syscalls.ABI
	Nr     int    // without x32's bit 30
	Action string // one of report's
	Signal int
	IP     uint64

	PID       int
	UID       *int
	LoginUID  int // -1: unset, or not known
	Comm, Exe string
	Subject   string // the security context

	// Command is the command line, and Args are the first four arguments in hexadecimal, of the
	// event's other records, where there are some.
	Command string
	Args    []string
}

// stamp tells events apart: serial numbers begin again with each boot.
type stamp struct {
	node   string
	time   int64 // milliseconds
	serial uint32
}

func (r *Record) stamp() stamp { return stamp{r.Node, r.Time.UnixMilli(), r.Serial} }
