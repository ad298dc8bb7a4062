package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// layout is a state that a host can be in. What scallop has to do there is said in cmd/scallop/layout_test, by the same name.
type layout struct {
	Name    string
	Kernels []string // it is tested on, by names of pins
	Append  string   // to the kernel's command line
	CPUs    int      // 0: as asked for
	Setup   string   // shell: what is done before the tests
	// Tests of each package, beside those of layout_test; a package that is not named has none.
	Tests map[string]string
}

// plain is a guest as init.sh leaves it: cgroup2 alone; neither tracefs, bpffs nor securityfs is mounted.
const plain = "plain"

// withMemory is what such a guest does before all tests, not only those of layouts: some limit the memory of a cgroup.
const withMemory = "echo +memory >/sys/fs/cgroup/cgroup.subtree_control\n"

//go:embed cgroups.sh
var cgroupsScript string

// Tests that a layout has to pass where it changes how workloads are told apart, or how programs are run.
var (
	exactness = map[string]string{"profiler/session": "^TestExact(Threads|Processes)$"}
	identity  = map[string]string{
		"profiler":         "^Test(PhasesAreExact|ChildCgroups|Moved|MovesItself|SweepKeeps|ForkBy|BornIn|OddWrites|ClassOfNames|WhoseChildren|LeaderAfter|KnownCgroups)",
		"profiler/session": "^TestExact(Threads|Processes)$|^TestABIs$",
		"cmd/scallop":      "^TestRecordContainers$",
	}
)

var layouts = []layout{
	{Name: "hybrid", Kernels: []string{"5.10", "6.1"}, Setup: cgroupsScript + "hybrid\n", Tests: identity},
	{Name: "v1", Kernels: []string{"5.10", "6.1", "6.12"}, Setup: cgroupsScript + "v1 pids memory cpu,cpuacct devices freezer\n", Tests: identity},
	{Name: "v1-cpu", Kernels: []string{"6.1"}, Setup: cgroupsScript + "v1 cpu,cpuacct\n", Tests: exactness},
	{Name: "no-cgroup", Kernels: []string{"6.1"}, Setup: "umount /sys/fs/cgroup\n"},
	{Name: "no-btf", Kernels: []string{"5.10", "6.12"}, Setup: "cp /sys/kernel/btf/vmlinux /tmp/btf; mount -t tmpfs none /sys/kernel/btf\n"},
	{Name: "mounted", Kernels: []string{"6.12"}, Setup: "mount -t tracefs none /sys/kernel/tracing; mount -t bpf none /sys/fs/bpf; mount -t securityfs none /sys/kernel/security\n"},
	{Name: "integrity", Kernels: []string{"6.1"}, Append: "lsm=lockdown lockdown=integrity", Setup: "mount -t securityfs none /sys/kernel/security\n", Tests: exactness},
	{Name: "confidentiality", Kernels: []string{"6.1"}, Append: "lsm=lockdown lockdown=confidentiality", Setup: "mount -t securityfs none /sys/kernel/security\n"},
	{Name: "unprivileged-bpf", Kernels: []string{"6.1"}, Setup: "echo 0 >/proc/sys/kernel/unprivileged_bpf_disabled\n"},
	{Name: "privileged-bpf", Kernels: []string{"6.1"}, Setup: "echo 1 >/proc/sys/kernel/unprivileged_bpf_disabled\n"},
	{Name: "no-lsm", Kernels: []string{"6.1"}, Append: "lsm="},
	{Name: "preempt-none", Kernels: []string{"6.12"}, Append: "preempt=none", Tests: exactness},
	{Name: "preempt-full", Kernels: []string{"6.12", "7.2"}, Append: "preempt=full", Tests: exactness},
	{Name: "cpus-1", Kernels: []string{"6.1"}, CPUs: 1, Tests: exactness},
	{Name: "cpus-8", Kernels: []string{"6.1"}, CPUs: 8, Tests: exactness},
	{Name: "capabilities", Kernels: []string{"5.10", "6.1", "7.2"}, Setup: "mount -t tracefs none /sys/kernel/tracing; echo 2 >/proc/sys/kernel/perf_event_paranoid\n", Tests: map[string]string{"cmd/scallop": "^Test(Run|Status)?Capabilities|^TestLimit$|^TestService"}},
	{Name: "faults", Kernels: []string{"5.10", "7.2"}, Tests: map[string]string{
		"profiler": "^TestFault", "profiler/session": "^TestFault", "profiler/watch": "^TestFault", "cmd/scallop": "^TestFault",
	}},
	{Name: "hotplug", Kernels: []string{"5.10", "6.12"}, CPUs: 4},
}

// job is one guest: a kernel, in a layout.
type job struct {
	pin
	layout layout
}

// name is what the outcome is called: 6.1, or 6.1/v1.
func (j job) name() string {
	if j.layout.Name == "" {
		return j.pin.Name
	}
	return j.pin.Name + "/" + j.layout.Name
}

// file is the name as one of a file.
func (j job) file() string { return strings.ReplaceAll(j.name(), "/", "-") }

// only are the tests of a binary that run in the layout, if the user names none.
func (l layout) only(b binary) string {
	switch {
	case l.Name == "" || b.Package == layoutTests:
		return b.Only
	case l.Tests[b.Package] == "":
		return "^$"
	default:
		return l.Tests[b.Package]
	}
}

// jobs are the layouts of those names, or all for the name "all", each on its kernels; without a name, the kernels as they are.
func jobs(chosen []pin, names string) ([]job, error) {
	var list []job
	if names == "" {
		for _, p := range chosen {
			list = append(list, job{pin: p, layout: layout{Setup: withMemory}})
		}
		return list, nil
	}
	wanted := strings.Split(names, ",")
	for _, l := range layouts {
		i := slices.Index(wanted, l.Name)
		if i < 0 && names != "all" {
			continue
		}
		if i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		}
		for _, p := range chosen {
			if slices.Contains(l.Kernels, p.Name) {
				list = append(list, job{p, l})
			}
		}
	}
	if names != "all" && len(wanted) > 0 {
		return nil, fmt.Errorf("no layout %q: see cmd/kernels/layouts.go", wanted[0])
	}
	return list, nil
}
