package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// inOwnCgroup starts a program that says "ready" in a cgroup that ends with the test.
func inOwnCgroup(t *testing.T, args ...string) (*cgroup.Cgroup, *exec.Cmd) {
	t.Helper()
	cgroup2(t)
	c := cgrouptest.New(t)
	stdin, give, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	take, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := launch.Start(launch.Options{Args: args, Env: os.Environ(), Stdin: stdin, Stdout: stdout, Cgroup: c})
	stdin.Close()
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { give.Close(); _ = cmd.Wait(); take.Close() })
	if line, err := bufio.NewReader(take).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return c, cmd
}

// script says "ready" and waits for the end of its input.
var script = []string{"/bin/sh", "-c", "echo ready; read x"}

func (p *place) status(code int, args ...string) statusReport {
	p.t.Helper()
	o := p.run(nil, nil, append([]string{"status", "--output", "json"}, args...)...)
	var r statusReport
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || o.code != code || r.Kind != "StatusReport" || r.APIVersion != "scallop/v1" {
		p.t.Fatalf("code %d, want %d, %v: %s%s", o.code, code, err, o.stdout, o.stderr)
	}
	return r
}

// A process without a filter is a finding where it was named, and not where everything was.
func TestStatusUnconfined(t *testing.T) {
	c, cmd := inOwnCgroup(t, script...)
	p := newPlace(t)
	for _, target := range [][]string{{"--cgroup", c.Path}, {"--pid", fmt.Sprint(cmd.Process.Pid)}} {
		r := p.status(exitFinding, target...)
		w := r.Workloads[0]
		if r.Findings != 1 || len(w.Processes) != 1 || w.Findings[0].Kind != "unconfined-process" || w.Findings[0].PID != cmd.Process.Pid || w.Processes[0].Threads[0].Seccomp != 0 {
			t.Errorf("%s: %+v", target, r)
		}
	}
	if r := p.status(exitOK, "--all", "--root", filepath.Dir(c.Path)); r.Findings != 0 || !slices.ContainsFunc(r.Workloads, func(w statusWorkload) bool { return w.Cgroup == c.Path }) {
		t.Errorf("%+v", r)
	}
}

// Threads that a filter was not synchronized to are findings, however they are found.
func TestStatusUnsynced(t *testing.T) {
	c, cmd := inOwnCgroup(t, hosttest.Program(t, "unsynced", "-static", "-pthread"), "1")
	p := newPlace(t)
	for _, target := range [][]string{{"--cgroup", c.Path}, {"--all", "--root", filepath.Dir(c.Path)}} {
		var w *statusWorkload
		for _, one := range p.status(exitFinding, target...).Workloads {
			if one.Cgroup == c.Path {
				w = &one
			}
		}
		if w == nil || len(w.Findings) != 1 || w.Findings[0].Kind != "unfiltered-thread" || w.Findings[0].PID != cmd.Process.Pid || w.Findings[0].TID == cmd.Process.Pid {
			t.Fatalf("%s: %+v", target, w)
		}
	}
	if o := p.run(nil, nil, "status", "--cgroup", c.Path); !strings.Contains(o.stdout, fmt.Sprintf("of process %d has no filter", cmd.Process.Pid)) {
		t.Errorf("%s", o.stdout)
	}
}

// underProfile starts a process that `scallop verify` confines until the test ends, and returns its number and its input: it calls umask
// for each line.
func (p *place) underProfile(profile string) (pid string, input io.Writer) {
	p.t.Helper()
	hosttest.Root(p.t)
	cmd := exec.Command(p.program, "verify", "-q", "-o", "report", "--name", p.workload, "--runtime", "crun", profile, "--", "/bin/sh", "-c", "echo $$; while read x; do umask 0; done")
	cmd.Dir, cmd.Env = p.work, append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets)
	give, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	take, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { give.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(take).ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(line), give
}

// --attach compares the live filter with a profile, and says what it needs for that.
func TestStatusAttach(t *testing.T) {
	profile := func(names string) string {
		return `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[{"names":[` + names + `],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`
	}
	p := newPlace(t)
	for name, text := range map[string]string{"same.json": profile(`"swapon","reboot"`), "more.json": profile(`"swapon"`)} {
		if err := os.WriteFile(filepath.Join(p.work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pid, _ := p.underProfile("same.json")
	target := []string{"--pid", pid, "--attach", "--profile"}
	if live := p.status(exitOK, append(target, "same.json")...).Workloads[0].Processes[0].Live; live == nil || !live.Same {
		t.Errorf("%+v", live)
	}
	want := []string{"reboot of x86_64: EPERM, not allow", "reboot of x86: EPERM, not allow", "reboot of x32: EPERM, not allow"}
	r := p.status(exitFinding, append(target, "more.json")...)
	if live := r.Workloads[0].Processes[0].Live; live == nil || live.Same || !slices.Equal(live.Differences, want) || r.Workloads[0].Findings[0].Kind != "other-verdicts" {
		t.Errorf("%+v", live)
	}
	for _, missing := range []string{"sys_admin", "sys_ptrace"} {
		rest := slices.DeleteFunc([]string{"dac_override", "sys_admin", "sys_ptrace"}, func(name string) bool { return name == missing })
		o := p.run(onlyCapabilities(t, rest...), nil, append([]string{"status"}, append(target, "same.json")...)...)
		if o.code != exitHost || !strings.Contains(o.stdout, "cap_"+missing) {
			t.Errorf("without %s: code %d: %s%s", missing, o.code, o.stdout, o.stderr)
		}
	}
}

// The name of a container comes from an engine that takes longer than those have who record.
func TestStatusBusyEngine(t *testing.T) {
	s := newScene(t)
	s.group(scope(1), server...)
	answer := container(t, id(1), "web", nil)
	busy := fakeDocker(t, map[string]http.HandlerFunc{id(1): func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(engine.Patience / 4)
		answer(w, r)
	}})
	r := s.status(exitOK, "--all", "--root", s.top.Path, "--runtime-endpoint", busy)
	if len(r.Workloads) != 1 || r.Workloads[0].Name != "web" {
		t.Errorf("%+v", r.Workloads)
	}
}

// A cgroup that is closed to scallop needs the one capability that status needs always.
func TestStatusCapabilities(t *testing.T) {
	args := []string{"status", "--cgroup", closedCgroup(t)}
	if o := newPlace(t).run(onlyCapabilities(t, alwaysNeeded(t, "status")...), nil, args...); o.code != exitFinding || o.stderr != "" {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	p := newPlace(t)
	p.wantError(p.run(onlyCapabilities(t), nil, args...), exitHost, "permission denied: run as root with cap_dac_override")
}

// A process that ends between the list and the look is counted, and no finding.
func TestStatusVanished(t *testing.T) {
	c, cmd := inOwnCgroup(t, script...)
	look := &statusLook{proc: fstest.MapFS{}}
	r, err := look.report(t.Context(), []watch.Found{{Name: "web", Kind: recording.KindCgroup, Root: *c}})
	if err != nil || r.Vanished != 1 || r.Findings != 0 || len(r.Workloads) != 1 || len(r.Workloads[0].Processes) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := unix.Kill(cmd.Process.Pid, 0); err != nil {
		t.Error(err)
	}
}

func TestStatusUsage(t *testing.T) {
	p := newPlace(t)
	p.wantError(p.run(nil, nil, "status"), exitUsage, "no target")
	p.wantError(p.run(nil, nil, "status", "--all", "--attach"), exitUsage, "--profile")
	p.wantError(p.run(nil, nil, "status", "--all", "--output", "xml"), exitUsage, "xml")
	p.wantError(p.run(nil, nil, "status", "--all", "--profile", "none.json"), exitUsage, "none.json")
	cgroup2(t)
	if o := p.run(nil, nil, "status", "--pid", "4194304"); o.code != exitUsage || !strings.Contains(o.stderr, "no such process") || strings.Contains(o.stderr, "--wait") {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
}

// What a person sees; nothing of a workload's reaches the terminal as it is.
func TestStatusTable(t *testing.T) {
	thread := func(tid, mode, filters int, comm string) statusThread {
		return statusThread{TID: tid, Comm: clean(comm), Seccomp: mode, Filters: new(filters)}
	}
	r := &statusReport{Processes: 2, Findings: 2, Vanished: 1, Workloads: []statusWorkload{{
		Name: "web", Kind: "container", Cgroup: "/docker/x",
		Container: &statusContainer{ID: strings.Repeat("ab", 32), Engine: "docker", Profile: "custom", Given: &comparison{With: "web.json", Same: true}},
		Processes: []statusProcess{
			{PID: 812, Threads: []statusThread{thread(812, 2, 1, "nginx")}, Live: &comparison{With: "web.json", Differences: []string{"uname of x86_64: EPERM, not allow"}, Unnamed: 2}},
			{PID: 900, Threads: []statusThread{thread(900, 2, 1, "app"), thread(901, 2, 1, "app"), thread(903, 0, 0, "wor\x1b[2Jker")}},
		},
		Findings: []statusFinding{{Kind: "unfiltered-thread", PID: 900, TID: 903, Text: "has no filter"}, {Kind: "other-verdicts", PID: 812, Text: "its filters are not web.json"}},
	}}}
	var out strings.Builder
	r.writeTable(&out, terminal{})
	want := `web: container abababababab of docker, with profile custom
  given by docker: the verdicts of web.json
  PID  TID  COMM           THREADS  SECCOMP  FILTERS  NO_NEW_PRIVS
  812       nginx          1        filter   1        no
  900       app            2        filter   1        no
       903  wor\x1b[2Jker           none     0        no
  live in 812: other verdicts than web.json: uname of x86_64: EPERM, not allow; 2 more numbers
  thread 903 of process 900 has no filter
  process 812: its filters are not web.json

1 process ended while being read.
2 findings in 2 processes of 1 workload.
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}
