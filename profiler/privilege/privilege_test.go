package privilege

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Only what is there can be kept; numbers from 32 on are in the second word (capget(2)).
func TestSetOf(t *testing.T) {
	standsIn := setOf([]string{"cap_sys_admin", "cap_perfmon"}, []string{"cap_bpf"})
	if want := [2]unix.CapUserData{{Effective: 1 << 21, Permitted: 1 << 21}}; standsIn != want {
		t.Errorf("%+v, want %+v", standsIn, want)
	}
	got := setOf([]string{"cap_chown", "cap_sys_ptrace", "cap_bpf"}, []string{"cap_sys_ptrace", "cap_bpf", "cap_kill", "cap_no_such"})
	want := [2]unix.CapUserData{{Effective: 1 << 19, Permitted: 1 << 19}, {Effective: 1 << 7, Permitted: 1 << 7}}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
