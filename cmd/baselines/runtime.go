package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// program is the container runtime that is measured.
type program struct {
	path    string
	family  string // runc, crun
	version string // as baselines.Baseline has it
	build   []string
	origin  string
}

// findProgram also looks where root's PATH may not.
func findProgram(ctx context.Context, name, origin string) (*program, error) {
	path, err := exec.LookPath(name)
	if err != nil && !strings.Contains(name, "/") {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		return nil, fmt.Errorf("find the runtime %s: %w: install it, or give its path with --runtime", name, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("find the runtime %s: %w", name, err)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w: check that it runs", path, err)
	}
	p, err := parseVersion(string(out))
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", path, err)
	}
	p.path, p.origin = path, origin
	if origin == "" {
		p.origin = debianPackage(ctx, path)
	}
	return p, nil
}

// firstLine is e.g. "runc version 1.0.0~rc93+ds1" or "crun version 1.8.1".
var firstLine = regexp.MustCompile(`^([a-z][a-z0-9]*) version v?([0-9]+(?:\.[0-9]+)+)(?:[-~]((?:rc|alpha|beta)[.0-9]*))?`)

// parseVersion takes what `RUNTIME --version` prints. What a distribution adds (+ds1) goes.
func parseVersion(out string) (*program, error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	m := firstLine.FindStringSubmatch(lines[0])
	if m == nil {
		return nil, fmt.Errorf("the line %q does not begin with a name and a version: give the path of a runtime like runc or crun", lines[0])
	}
	p := &program{family: m[1], version: m[2]}
	if m[3] != "" {
		p.version += "-" + m[3]
	}
	for _, line := range lines[1:] {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "go:") || strings.HasPrefix(line, "libseccomp:") || strings.HasPrefix(line, "libpathrs") || strings.HasPrefix(line, "+") {
			p.build = append(p.build, line)
		}
	}
	return p, nil
}

// debianPackage is e.g. "Debian package runc 1.1.5+ds1-1+deb12u1".
func debianPackage(ctx context.Context, path string) string {
	const unknown = "unknown"
	for _, file := range []string{path, strings.TrimPrefix(path, "/usr")} {
		owner, err := exec.CommandContext(ctx, "dpkg-query", "-S", file).Output()
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(string(owner), ":")
		version, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
		if err == nil {
			return fmt.Sprintf("Debian package %s %s", name, version)
		}
	}
	return unknown
}
