package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// pipeline runs the shell parts of docs/ci.md, in a folder that looks like the repository of an application.
type pipeline struct {
	t     *testing.T
	dir   string
	parts map[string]string
}

var shellPart = regexp.MustCompile("(?ms)^```sh ([a-z-]+)\n(.*?)^```$")

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, dir: t.TempDir(), parts: map[string]string{}}
	for _, m := range shellPart.FindAllStringSubmatch(string(text), -1) {
		p.parts[m[1]] = m[2]
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.link("tools/scallop", self)
	p.write("tools/sudo", "#!/bin/sh\nexec \"$@\"\n") // the test is root
	p.application()
	for _, script := range []string{"record", "check-github", "check-gitlab"} {
		p.write("ci/"+script+".sh", p.part(script))
	}
	return p
}

// application is a server of one line a request, and its tests. It makes a symbolic link once feature.on is there.
func (p *pipeline) application() {
	p.write("bin/server", `#!/usr/bin/env python3
import os, signal, socket, sys
def stop(*_):
    os.unlink("server.sock")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
s = socket.socket(socket.AF_UNIX)
s.bind("server.sock")
s.listen()
while True:
    c, _ = s.accept()
    if os.path.exists("feature.on"):
        os.symlink("target", "link")
        os.unlink("link")
    c.sendall(b"hello\n")
    c.close()
`)
	p.write("Makefile", "bin/server:\n\tfalse\n") // it is there
	p.write("test/ready.sh", "#!/bin/sh\ntest -S server.sock\n")
	p.write("test/wait.sh", "#!/bin/sh\nfor i in $(seq 100); do test -S server.sock && exit 0; sleep 0.1; done\nexit 1\n")
	p.write("test/integration.sh", `#!/bin/sh
exec python3 -c 'import socket
for i in range(20):
    s = socket.socket(socket.AF_UNIX); s.connect("server.sock"); assert s.recv(99) == b"hello\n"; s.close()'
`)
}

func (p *pipeline) part(name string) string {
	p.t.Helper()
	if p.parts[name] == "" {
		p.t.Fatalf("docs/ci.md has no shell part named %s", name)
	}
	return p.parts[name]
}

func (p *pipeline) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pipeline) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipeline) link(name, target string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(target, p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// sh runs text as CI systems do, and wants this exit code.
func (p *pipeline) sh(code int, text string) string {
	p.t.Helper()
	cmd := exec.Command("sh", "-e", "-c", text)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PATH="+p.path("tools")+":"+os.Getenv("PATH"), "NO_COLOR=1",
		"GITHUB_STEP_SUMMARY="+p.path("summary.md"))
	out, err := cmd.CombinedOutput()
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if got != code {
		p.t.Fatalf("exit code %d, want %d:\n%s\n%s", got, code, text, out)
	}
	return string(out)
}

// run runs steps one after the other; the last of them ends with the code.
func (p *pipeline) run(code int, steps []string) string {
	p.t.Helper()
	if len(steps) < 2 {
		p.t.Fatalf("steps: %q", steps)
	}
	last := len(steps) - 1
	for _, step := range steps[:last] {
		p.sh(0, step)
	}
	return p.sh(code, steps[last])
}

func (p *pipeline) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *pipeline) wants(text, want string) {
	p.t.Helper()
	if !strings.Contains(text, want) {
		p.t.Errorf("%q is not in\n%s", want, text)
	}
}

// TestPipelinesOfTheDocs: a first profile is made, a pull request that changes nothing passes on both systems, one that
// makes a new call fails with an explanation, and the proposed profile makes it pass.
func TestPipelinesOfTheDocs(t *testing.T) {
	hosttest.Root(t)
	hosttest.Tool(t, "python3", "python3-minimal")
	hosttest.Tool(t, "make", "make")
	p := newPipeline(t)

	p.wants(p.sh(0, p.part("first")), "observed in startup, steady and shutdown")
	github, gitlab := steps(t)
	p.wants(p.run(0, github), "scallop check passed")
	p.wants(p.run(0, gitlab), "passed: the profile allows all")
	if _, err := os.Stat(p.path("proposed.json")); err == nil {
		t.Error("a profile was proposed, though the old one passes")
	}
	p.wants(p.read("summary.md"), "✅ scallop check passed")

	p.write("feature.on", "")
	p.wants(p.run(1, github), "::error file=deploy/seccomp.json,line=1,title=missing call%3A symlink (x86_64)")
	p.wants(p.read("scallop.sarif"), `"scallop/v1": "missing-call/symlink/x86_64"`)
	p.wants(p.read("summary.md"), "<code>symlink (x86&#95;64)</code>")
	p.wants(p.read("proposed.diff.md"), "| added | <code>symlink</code> |")
	p.wants(p.run(1, gitlab), "symlink (x86_64) is denied")
	p.wants(p.read("scallop.junit.xml"), `<failure message="symlink (x86_64) is denied with SCMP_ACT_ERRNO(38): steady `)
	p.wants(p.sh(0, p.part("why")), "no rule names it")
	p.sh(0, p.part("accept"))
	p.sh(0, "./ci/check-github.sh")
	p.sh(0, "./ci/check-gitlab.sh")
}

// steps are the commands of the two YAML files, GitHub's and GitLab's, but for the one that installs
// scallop: the test has it.
func steps(t *testing.T) (github, gitlab []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(files) != 2 {
		t.Fatalf("docs/ci.md has %d YAML files", len(files))
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Run string }
		}
	}
	var jobs map[string]struct{ Script []string }
	if err := errors.Join(yaml.Unmarshal([]byte(files[0][1]), &workflow), yaml.Unmarshal([]byte(files[1][1]), &jobs)); err != nil {
		t.Fatal(err)
	}
	for _, step := range workflow.Jobs["check"].Steps {
		if step.Run != "" && !strings.HasPrefix(step.Run, "go install ") {
			github = append(github, step.Run)
		}
	}
	return github, jobs["seccomp"].Script
}
