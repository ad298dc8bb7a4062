package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// view is a list of sources of its own: apt's state on this host stays as it is.
type view struct {
	dir     string
	options []string
}

// newView reads the lists of one suite, for one architecture, from the mirror that this host uses.
func newView(ctx context.Context, p pin) (*view, error) {
	mirror, err := debianMirror(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", p.Package, err)
	}
	dir, err := os.MkdirTemp("", "scallop-apt-")
	if err != nil {
		return nil, err
	}
	v := &view{dir: dir, options: aptOptions(dir, p.Arch)}
	source := fmt.Sprintf("deb [arch=%s signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", p.Arch, mirror, p.Suite)
	err = errors.Join(os.WriteFile(dir+"/sources.list", []byte(source), 0o644),
		os.MkdirAll(dir+"/lists/partial", 0o755), os.MkdirAll(dir+"/cache/archives/partial", 0o755))
	if err == nil {
		_, err = output(ctx, "", "apt-get", append(v.options, "update")...)
	}
	if err != nil {
		v.close()
		return nil, fmt.Errorf("reading what Debian's %s has: %w: is there a network?", p.Suite, err)
	}
	return v, nil
}

// aptOptions keep apt away from the host's own state.
func aptOptions(dir, arch string) []string {
	options := []string{"-qq"}
	for _, option := range []string{
		"Dir::Etc::sourcelist=" + dir + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::State::status=/dev/null",
		"Dir::State::lists=" + dir + "/lists", "Dir::Cache=" + dir + "/cache", "APT::Sandbox::User=root",
		"APT::Architecture=" + arch, "APT::Architectures=" + arch,
		"Acquire::Languages=none", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
	} {
		options = append(options, "-o", option)
	}
	return options
}

func (v *view) close() { os.RemoveAll(v.dir) }

// download fetches the package, or says what the archive has instead.
func (v *view) download(ctx context.Context, p pin) (string, error) {
	_, err := output(ctx, v.dir, "apt-get", append(v.options, "download", p.Package+":"+p.Arch+"="+p.Version)...)
	if err == nil {
		return filepath.Join(v.dir, p.fileName()), nil
	}
	now, listErr := v.successor(ctx, p)
	if listErr != nil || now == p {
		return "", fmt.Errorf("fetching %s %s: %w: try again", p.Package, p.Version, err)
	}
	return "", fmt.Errorf("%s %s has left Debian's %s: put this line into cmd/kernels/pins.tsv:\n%s", p.Package, p.Version, p.Suite, now.line())
}

// successor is the newest package of that kind.
func (v *view) successor(ctx context.Context, p pin) (pin, error) {
	names, err := output(ctx, "", "apt-cache", append(v.options, "search", "--names-only", p.successors())...)
	if err != nil {
		return pin{}, err
	}
	packages := []string{"show", "--no-all-versions"}
	for line := range strings.Lines(names) {
		name, _, _ := strings.Cut(line, " ")
		packages = append(packages, strings.TrimSpace(name)+":"+p.Arch)
	}
	text, err := output(ctx, "", "apt-cache", append(v.options, packages...)...)
	if err != nil {
		return pin{}, err
	}
	return newest(text, p)
}

// newest picks the highest version from the text of `apt-cache show`.
func newest(text string, p pin) (pin, error) {
	var best pin
	for stanza := range strings.SplitSeq(text, "\n\n") {
		next := pin{Name: p.Name, Arch: p.Arch, Suite: p.Suite}
		for line := range strings.Lines(stanza) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "Package":
				next.Package = value
			case "Version":
				next.Version = value
			case "SHA256":
				next.SHA256 = value
			}
		}
		if next.SHA256 != "" && (best.SHA256 == "" || newer(next.Version, best.Version)) {
			best = next
		}
	}
	if best.SHA256 == "" {
		return pin{}, fmt.Errorf("no package like %s in Debian's %s", p.Package, p.Suite)
	}
	return best, nil
}

// newer compares as Debian does.
func newer(a, b string) bool {
	return exec.Command("dpkg", "--compare-versions", a, "gt", b).Run() == nil
}

// debianMirror is the first of this host's sources that looks like Debian's main archive.
func debianMirror(ctx context.Context) (string, error) {
	text, err := output(ctx, "", "apt-get", "indextargets", "--format", "$(REPO_URI)")
	if err != nil {
		return "", fmt.Errorf("%w: kernels come from Debian's packages, by apt", err)
	}
	for uri := range strings.FieldsSeq(text) {
		if strings.HasSuffix(strings.TrimRight(uri, "/"), "/debian") {
			return uri, nil
		}
	}
	return "", errors.New("this host has no Debian mirror: add one to apt's sources")
}

// output runs a program to its end. Its errors carry the last line that it wrote.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("%s: %w: %s", name, err, lines[len(lines)-1])
	}
	return string(out), nil
}
