package recording

import "time"

// sample is a small complete recording that uses every field.
func sample() *Recording {
	code := 0
	call := func(count uint64, at int64) PhaseCount {
		return PhaseCount{
			Count: count, LastSeenNs: at + 5,
			First: FirstCall{OffsetNs: at, Comm: "nginx", Exe: "/usr/sbin/nginx", PID: 10, TID: 11},
		}
	}
	return &Recording{
		APIVersion: APIVersion, Kind: Kind, ID: "00112233445566778899aabbccddeeff", Tool: "devel", Complete: true,
		StartedAt: time.Date(2026, 11, 20, 9, 14, 3, 118204511, time.UTC), DurationNs: 900,
		Workload: Workload{
			Name: "nginx", Kind: "command", Command: []string{"nginx", "-g", "daemon off;"}, Cgroup: "/scallop/nginx",
			Leader: Leader{PID: 10, Exe: "/usr/sbin/nginx", User: "0:0", End: "exited with code 0", ExitCode: &code},
		},
		Host: Host{
			Kernel: "6.12.0", Architecture: "x86_64", CPUs: 2, Probe: "tp_btf",
			CgroupLayout: "unified", CgroupMount: "/sys/fs/cgroup", Capabilities: []string{"CAP_BPF"},
		},
		Gaps: []Gap{{StartNs: 300, EndNs: 400}},
		Phases: []Phase{
			{Name: PhaseStartup, StartNs: 1, EndNs: 100, Trigger: Trigger{Kind: "exec"}},
			{Name: PhaseSteady, StartNs: 100, EndNs: 900, Trigger: Trigger{Kind: "settle", Detail: "1s"}},
		},
		Unreached: []string{PhaseShutdown},
		Losses:    map[string]uint64{"calls_no_room": 0, "events_dropped": 0},
		Syscalls: []Syscall{
			{ABI: "x86_64", Nr: 1, Name: "write", Total: 7, Phases: map[string]PhaseCount{PhaseStartup: call(3, 20), PhaseSteady: call(4, 120)}},
			{ABI: "x86", Nr: 4, Name: "write", Total: 7, Phases: map[string]PhaseCount{PhaseSteady: call(7, 130)}},
			{ABI: "x86_64", Nr: 0, Name: "read", Total: 7, Phases: map[string]PhaseCount{PhaseSteady: call(7, 110)}},
			{ABI: "x86_64", Nr: 2, Name: "open", Total: 9, Phases: map[string]PhaseCount{PhaseStartup: call(9, 2)}},
			{ABI: "x86_64", Nr: 999, Total: 1, Phases: map[string]PhaseCount{PhaseSetup: call(1, 0)}},
		},
	}
}

// containerSample uses every field of a container.
func containerSample() *Recording {
	yes := true
	r := sample()
	r.Workload = Workload{
		Name: "web", Kind: KindContainer, Cgroup: "/docker/0123", Leader: Leader{PID: 10, End: "still running"}, NoNewPrivs: &yes,
		Container: &Container{
			ID: "0123", Engine: "containerd", EngineVer: "1.6.20", Runtime: "runc", RuntimeVer: "1.1.5",
			Image: "docker.io/library/nginx:1", ImageDigest: "sha256:4567", Labels: map[string]string{"app": "web"},
			Pod: &Pod{Namespace: "default", Name: "web-0", UID: "89ab"},
		},
	}
	return r
}
