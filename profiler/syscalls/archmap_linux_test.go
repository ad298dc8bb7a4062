package syscalls

import (
	"slices"
	"testing"

	"github.com/moby/profiles/seccomp"
)

// moby builds its default profile on Linux only.
func TestArchMapIsMobys(t *testing.T) {
	moby := make(map[string][]string)
	for _, entry := range seccomp.DefaultProfile().ArchMap {
		subs := make([]string, len(entry.SubArches))
		for i, sub := range entry.SubArches {
			subs[i] = string(sub)
		}
		moby[string(entry.Arch)] = subs
	}
	if len(moby) == 0 {
		t.Fatal("moby's profile has no archMap")
	}
	for _, abi := range ABIs() {
		if got, want := ArchMap(abi), moby[SeccompArch(abi)]; !slices.Equal(got, want) {
			t.Errorf("ArchMap(%s) = %v, moby has %v", abi, got, want)
		}
		delete(moby, SeccompArch(abi))
	}
	for arch := range moby {
		if arch != "SCMP_ARCH_MIPS64N32" && arch != "SCMP_ARCH_MIPSEL64N32" {
			t.Errorf("moby lists %s, which has no ABI here", arch)
		}
	}
}
