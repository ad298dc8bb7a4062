package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestJobs(t *testing.T) {
	pins, err := parsePins(pinned)
	if err != nil {
		t.Fatal(err)
	}
	all, err := kernels(pins, nil)
	if err != nil {
		t.Fatal(err)
	}
	for names, want := range map[string][]string{
		"":                  {"5.10", "6.1", "6.12", "7.2", "6.12-arm64"},
		"cpus-1,v1-cpu":     {"6.1/v1-cpu", "6.1/cpus-1"},
		"hotplug":           {"5.10/hotplug", "6.12/hotplug"},
		"nonsense":          nil,
		"v1,":               nil,
		"preempt-full,none": nil,
	} {
		list, err := jobs(all, names)
		var got []string
		for _, j := range list {
			got = append(got, j.name())
		}
		if !slices.Equal(got, want) || (err != nil) != (want == nil) {
			t.Errorf("%q: %v, %v", names, got, err)
		}
	}
	list, err := jobs(all, "all")
	if err != nil || len(list) < len(layouts) {
		t.Errorf("%d guests of %d layouts: %v", len(list), len(layouts), err)
	}
}

// Every layout names kernels, packages and tests that there are.
func TestLayouts(t *testing.T) {
	for _, l := range layouts {
		for _, name := range l.Kernels {
			if !strings.Contains(pinned, "\n"+name+"\t") {
				t.Errorf("%s: no kernel %s", l.Name, name)
			}
		}
		for pkg, tests := range l.Tests {
			if !slices.ContainsFunc(binaries, func(b binary) bool { return b.Package == pkg }) {
				t.Errorf("%s: no binary of %s", l.Name, pkg)
			}
			if _, err := regexp.Compile(tests); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
	}
}

func TestLayoutScript(t *testing.T) {
	list, err := jobs([]pin{{Name: "6.1"}}, "no-cgroup")
	if err != nil {
		t.Fatal(err)
	}
	script := testScript("", list[0].layout)
	for _, want := range []string{"SCALLOP_TEST_LAYOUT='no-cgroup'", "umount /sys/fs/cgroup\n", "profiler.test -test.v -test.parallel 1 -test.timeout 600s -test.run '^$'\n", "layout_test.test -test.v -test.parallel 1 -test.timeout 600s -test.run ''\n"} {
		if !strings.Contains(script, want) {
			t.Errorf("no %q in\n%s", want, script)
		}
	}
}
