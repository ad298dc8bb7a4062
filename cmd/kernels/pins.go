package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed pins.tsv
var pinned string

// busybox is the name of the pins of a guest's shell.
const busybox = "busybox"

// pin is a Debian package by exact version and checksum.
type pin struct {
	Name    string // 5.10, 6.12-arm64; busybox; crun-1.21
	Arch    string // Debian's word, and Go's: amd64, arm64
	Suite   string
	Package string
	Version string
	SHA256  string // hexadecimal, of the .deb
}

// line is the pin as it stands in pins.tsv.
func (p pin) line() string {
	return strings.Join([]string{p.Name, p.Arch, p.Suite, p.Package, p.Version, p.SHA256}, "\t")
}

// isKernel: the other packages are what guests have beside one.
func (p pin) isKernel() bool { return strings.HasPrefix(p.Package, "linux-") }

// fileName is apt's name for the package: a colon would end a host's name there.
func (p pin) fileName() string {
	return fmt.Sprintf("%s_%s_%s.deb", p.Package, strings.ReplaceAll(p.Version, ":", "%3a"), p.Arch)
}

// versionInName is what changes in a kernel package's name from one version to the next.
var versionInName = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+([-+][0-9a-z]+)?-cloud`)

// successors is an expression for the names of packages that may take the pin's place: kernels of the same series.
func (p pin) successors() string {
	place := versionInName.FindStringIndex(p.Package)
	if place == nil {
		return "^" + regexp.QuoteMeta(p.Package) + "$"
	}
	series, _, _ := strings.Cut(p.Name, "-")
	return "^" + p.Package[:place[0]] + regexp.QuoteMeta(series) + `\..*-cloud` + p.Package[place[1]:] + "$"
}

// parsePins reads lines of six fields; those that begin with # say nothing.
func parsePins(text string) ([]pin, error) {
	var pins []pin
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("pins.tsv:%d: %d fields, want 6: name, architecture, suite, package, version, SHA-256", n+1, len(f))
		}
		p := pin{f[0], f[1], f[2], f[3], f[4], f[5]}
		if _, ok := machines[p.Arch]; !ok {
			return nil, fmt.Errorf("pins.tsv:%d: architecture %q: want amd64 or arm64", n+1, p.Arch)
		}
		pins = append(pins, p)
	}
	return pins, nil
}

// kernels are the pins of those names, or of all, in the order of the file.
func kernels(pins []pin, names []string) ([]pin, error) {
	var chosen []pin
	known := map[string]bool{}
	for _, p := range pins {
		if !p.isKernel() {
			continue
		}
		known[p.Name] = true
		if len(names) == 0 || slices.Contains(names, p.Name) {
			chosen = append(chosen, p)
		}
	}
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("no kernel %q: see cmd/kernels/pins.tsv", name)
		}
	}
	return chosen, nil
}

// find is the pin of that name, for an architecture.
func find(pins []pin, name, arch string) (pin, error) {
	for _, p := range pins {
		if p.Name == name && p.Arch == arch {
			return p, nil
		}
	}
	return pin{}, fmt.Errorf("no %s for %s: add it to cmd/kernels/pins.tsv", name, arch)
}
