package layout_test

// expectation is what scallop has to do in a layout of cmd/kernels/layouts.go.
type expectation struct {
	// doctor's lines that matter, by the name of the check: the verdict, and a part of what follows.
	doctor map[string]string
	// refused is a part of the error of those commands that cannot record here; empty: all counts are exact.
	refused string
	// args make run and record work where they are refused without.
	args []string
}

var expectations = map[string]expectation{
	"plain": {doctor: map[string]string{
		"cgroup": "ok unified (cgroup2 alone), at /sys/fs/cgroup", "clone3": "ok started a child in a cgroup (CLONE_INTO_CGROUP)",
		"bpffs": "ok not mounted; not needed", "tracefs": "ok not mounted; not needed",
	}},
	"mounted": {doctor: map[string]string{"bpffs": "ok mounted at /sys/fs/bpf", "tracefs": "ok mounted at /sys/kernel/tracing"}},
	"hybrid": {doctor: map[string]string{
		"cgroup": "ok hybrid (cgroup2 beside v1), at /sys/fs/cgroup/unified", "clone3": "ok started a child in a cgroup (CLONE_INTO_CGROUP)",
	}},
	"v1": {doctor: map[string]string{
		"cgroup": "ok v1 (no cgroup2: the pids hierarchy stands in), at /sys/fs/cgroup/pids",
		"clone3": "ok not needed: moved a child into a cgroup before its execve",
	}},
	"v1-cpu": {doctor: map[string]string{"cgroup": "ok v1 (no cgroup2: the cpu hierarchy stands in), at /sys/fs/cgroup/cpu,cpuacct"}},
	"no-cgroup": {
		doctor:  map[string]string{"cgroup": "fail neither cgroup2 nor a v1 hierarchy with a controller is mounted: mount -t cgroup2"},
		refused: "mount one (mount -t cgroup2 none /sys/fs/cgroup)",
	},
	"no-btf": {
		doctor:  map[string]string{"btf": "fail not found: ", "raw_tracepoint": "fail self-test: loading BPF programs: /sys/kernel/btf/vmlinux is missing"},
		refused: "/sys/kernel/btf/vmlinux is missing: scallop needs Linux 5.10 or later, built with CONFIG_DEBUG_INFO_BTF=y; or give its types with --btf FILE",
		args:    []string{"--btf", "/tmp/btf"}, // where the layout has put them
	},
	"integrity": {doctor: map[string]string{"lockdown": "ok integrity"}},
	"confidentiality": {
		doctor:  map[string]string{"lockdown": "fail confidentiality: BPF programs may not read kernel memory: boot without lockdown=confidentiality"},
		refused: "BPF programs may not read the kernel's memory (lockdown): boot without lockdown=confidentiality",
	},
	"unprivileged-bpf": {doctor: map[string]string{"unprivileged-bpf": "ok 0: BPF is open to all users"}},
	"privileged-bpf":   {doctor: map[string]string{"unprivileged-bpf": "ok 1: BPF is for privileged users, until reboot"}},
	"no-lsm":           {doctor: map[string]string{"lockdown": "ok unknown"}},
	"preempt-none":     {},
	"preempt-full":     {},
	"cpus-1":           {doctor: map[string]string{"cpus": "ok 1 online, 1 possible"}},
	"cpus-8":           {doctor: map[string]string{"cpus": "ok 8 online, 8 possible"}},
	"capabilities":     {},
	"faults":           {},
	"hotplug":          {doctor: map[string]string{"cpus": "ok 4 online, 4 possible"}},
}
