package policy_test

import (
	"testing"

	"github.com/scallop-sec/scallop/exporter/policy"
)

func TestErrno(t *testing.T) {
	for in, want := range map[string]uint{"ENOSYS": policy.ENOSYS, "eperm": 1, "0": 0, "4095": policy.MaxErrno} {
		if got, err := policy.Errno(in); err != nil || got != want {
			t.Errorf("Errno(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-1", "4096", "70000", "ENOSUCH", "1.0"} {
		if got, err := policy.Errno(in); err == nil {
			t.Errorf("Errno(%q) = %d", in, got)
		}
	}
}
