package audit

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// tables are what auditd calls the machines of the records.
var tables = map[string]string{"x86_64": "c000003e", "i386": "40000003", "aarch64": "c00000b7"}

// nameOf is the name of a record's call.
func nameOf(t *testing.T, arch string, nr int) string {
	t.Helper()
	r, err := ParseMessage(fmt.Sprintf("audit(1795643031.146:1): arch=%s syscall=%d code=0x0", arch, nr))
	if err != nil {
		t.Fatal(err)
	}
	name, _ := syscalls.Name(r.ABI, r.Nr)
	return name
}

// spelled are calls that auditd's tables do not call as the kernel and libseccomp do.
var spelled = map[string]string{
	"pread64": "pread", "pwrite64": "pwrite", "kexec_load": "sys_kexec_load", "sched_rr_get_interval_time64": "sched_rr_get_interval64",
}

// generic are those of the newer architectures alone.
var generic = map[string]string{"getdents64": "getdents", "fstat": "newfstat"}

// auditd's own tool tells the same names as the records get here.
func TestNamesAgreeWithAusyscall(t *testing.T) {
	tool := hosttest.Tool(t, "ausyscall", "auditd")
	for machine, arch := range tables {
		out, err := exec.Command(tool, machine, "--dump").Output()
		if err != nil {
			t.Errorf("ausyscall %s: %v", machine, err)
			continue
		}
		compared := 0
		for text := range strings.Lines(string(out)) {
			f := strings.Fields(text)
			if len(f) != 2 {
				continue
			}
			nr, err := strconv.Atoi(f[0])
			if err != nil {
				continue
			}
			compared++
			name := nameOf(t, arch, nr)
			if name != f[1] && spelled[name] != f[1] && (machine != "aarch64" || generic[name] != f[1]) {
				t.Errorf("%s %d is %q here, and %q to ausyscall", machine, nr, name, f[1])
			}
		}
		if compared < 300 {
			t.Errorf("%s: only %d calls compared", machine, compared)
		}
	}
}
