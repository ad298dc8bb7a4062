package main

import (
	"os"
	"strings"
	"testing"
)

func TestPins(t *testing.T) {
	pins, err := parsePins(pinned)
	if err != nil {
		t.Fatal(err)
	}
	all, err := kernels(pins, nil)
	if err != nil || len(all) < 5 {
		t.Errorf("%d kernels, %v", len(all), err)
	}
	seen := map[string]bool{}
	for _, p := range pins {
		if len(p.SHA256) != 64 || seen[p.Name+p.Arch] {
			t.Errorf("twice, or no checksum: %+v", p)
		}
		seen[p.Name+p.Arch] = true
		if _, err := find(pins, busybox, p.Arch); err != nil {
			t.Error(err)
		}
	}
	one, err := kernels(pins, []string{"5.10"})
	if err != nil || len(one) != 1 || one[0].Name != "5.10" {
		t.Errorf("%v, %v", one, err)
	}
	for _, name := range []string{"4.19", busybox, "crun-1.21"} {
		if _, err := kernels(pins, []string{name}); err == nil {
			t.Errorf("%s is taken for a kernel", name)
		}
	}
}

func TestBadPins(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\n":                    "pins.tsv:1: 2 fields",
		"# x\n\n1\tz80\t3\t4\t5\t6": "pins.tsv:3: architecture",
	} {
		if _, err := parsePins(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// What came in place of a version that has left the archive, from the text of `apt-cache show`.
func TestNewest(t *testing.T) {
	text, err := os.ReadFile("testdata/apt-cache-show.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := pin{Name: "7.2", Arch: "amd64", Suite: "sid", Package: "linux-binary-unsigned-7.2.9+deb14-cloud-amd64", Version: "7.2.9-1"}
	got, err := newest(string(text), p)
	want := "7.2\tamd64\tsid\tlinux-binary-unsigned-7.2.13+deb14-cloud-amd64\t7.2.13-1\t" + strings.Repeat("36", 32)
	if err != nil || got.line() != want {
		t.Errorf("%q, %v", got.line(), err)
	}
	if _, err := newest("", p); err == nil {
		t.Error("of nothing, something is the newest")
	}
}

func TestPatternOfSuccessors(t *testing.T) {
	for p, want := range map[pin]string{
		{Name: "7.2", Package: "linux-binary-unsigned-7.2.13+deb14-cloud-amd64"}:         `^linux-binary-unsigned-7\.2\..*-cloud-amd64$`,
		{Name: "6.1", Package: "linux-image-6.1.0-50-cloud-amd64-unsigned"}:              `^linux-image-6\.1\..*-cloud-amd64-unsigned$`,
		{Name: "6.12-arm64", Package: "linux-image-6.12.117+deb13-cloud-arm64-unsigned"}: `^linux-image-6\.12\..*-cloud-arm64-unsigned$`,
		{Name: busybox, Package: "busybox-static"}:                                       `^busybox-static$`,
	} {
		if got := p.successors(); got != want {
			t.Errorf("%s: %s, want %s", p.Package, got, want)
		}
	}
}
