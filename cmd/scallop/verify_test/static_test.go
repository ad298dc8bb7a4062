package verify_test

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// A static program is recorded, and runs under the profile that this gives, on whatever machine this is; with
// a call taken out, the same filter stops it.
func TestExportAndEnforce(t *testing.T) {
	hosttest.Root(t)
	program := []string{hosttest.Program(t, "forks", "-static"), "5", "20", "1"}
	rec := recorded(t, append([]string{"--"}, program...)...)
	path := exported(t, rec, "--portability", "none")
	profile := readJSON(t, path)
	native, _ := syscalls.Native(runtime.GOARCH)
	if got := architectures(t, path); !slices.Equal(got, []string{syscalls.SeccompArch(native)}) {
		t.Errorf("the profile is for %v", got)
	}
	verify(t, append([]string{path, "--"}, program...)...).nothing(t)

	// Allowed to go on, the program knows how often it was denied.
	r := verify(t, append([]string{profile.without(t, path, "getppid"), "--"}, program...)...)
	if list := r.of("getppid"); r.code != 1 || len(list) != 1 || list[0].Count != 5*2*20 || list[0].ABI != string(native) {
		t.Errorf("the program was denied 200 getppid: %s", r)
	}
	// Killed, it comes no further than its first one.
	killing := profile.without(t, path, "getppid")
	setDefault(t, killing, "SCMP_ACT_KILL_PROCESS")
	r = verify(t, append([]string{killing, "--"}, program...)...)
	if list := r.of("getppid"); r.code != 1 || len(list) != 1 || list[0].Action != "kill_process" && list[0].Action != "kill" {
		t.Errorf("the children are killed at their first getppid: %s", r)
	}
	if strings.Contains(r.End, "code 0") {
		t.Errorf("its children were killed, and the program %s", r.End)
	}
}

// The same with a program of the 32-bit ABI: its calls have the numbers of other native ones.
func TestExportAndEnforce32(t *testing.T) {
	hosttest.Root(t)
	program := hosttest.Program32(t, "abi32", hosttest.Bare...)
	native, _ := syscalls.Native(runtime.GOARCH)
	compat := syscalls.SubABIs(native)[0]
	rec := recorded(t, "--", program)
	path := exported(t, rec, "--portability", "none")
	if got := architectures(t, path); !slices.Contains(got, syscalls.SeccompArch(compat)) {
		t.Errorf("the profile is for %v", got)
	}
	verify(t, path, "--", program).nothing(t)
	r := verify(t, readJSON(t, path).without(t, path, "getpid"), "--", program)
	if list := r.of("getpid"); r.code != 1 || len(list) != 1 || list[0].Count != 200 || list[0].ABI != string(compat) {
		t.Errorf("the program was denied 200 getpid: %s", r)
	}
}

func architectures(t *testing.T, path string) []string {
	t.Helper()
	var profile struct {
		Architectures []string
		ArchMap       []struct {
			Architecture     string
			SubArchitectures []string
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	for _, entry := range profile.ArchMap {
		profile.Architectures = append(append(profile.Architectures, entry.Architecture), entry.SubArchitectures...)
	}
	return profile.Architectures
}

// setDefault changes what a profile does to the calls that it does not name.
func setDefault(t *testing.T, path, action string) {
	t.Helper()
	p := readJSON(t, path)
	p["defaultAction"] = action
	delete(p, "defaultErrnoRet")
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
