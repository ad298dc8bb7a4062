package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// lacking writes Docker's default profile without some calls.
func (p *place) lacking(names ...string) string {
	p.t.Helper()
	d, err := policy.Default("docker")
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range d.Rules {
		d.Rules[i].Names = slices.DeleteFunc(d.Rules[i].Names, func(name string) bool { return slices.Contains(names, name) })
	}
	data, err := d.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.work, "lacking.json")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// wouldLines are the events of a rehearsal, as they are written.
type wouldLines struct{ process.Text }

func (l *wouldLines) events(t *testing.T) (list []wouldEvent) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var e wouldEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.APIVersion != "scallop/v1" {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// await waits for an event, and returns how many there are of it.
func (l *wouldLines) await(t *testing.T, event string, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found := 0
		for _, e := range l.events(t) {
			if e.Event == event {
				found++
			}
		}
		if found >= n {
			return
		}
	}
	t.Fatalf("not %d %q in: %s", n, event, l)
}

const benchRequests = 3000

// A server that runs already, under load, and a profile that lacks two of its calls: both are found while it goes on, with
// their counts, and nothing else.
func TestWould(t *testing.T) {
	t.Parallel()
	server, bench := hosttest.Tool(t, "redis-server", "redis-server"), hosttest.Tool(t, "redis-benchmark", "redis-tools")
	p := newPlace(t)
	socket := filepath.Join(p.sockets, "redis")
	c, _ := inOwnCgroup(t, "/bin/sh", "-c", server+` --port 0 --save "" --unixsocket "$0" --daemonize yes >/dev/null; until [ -S "$0" ]; do sleep 0.05; done; echo ready; read x`, socket)
	var lines wouldLines
	cmd := exec.Command(p.program, "denials", "--would", p.lacking("read", "epoll_wait"), "--cgroup", c.Path, "--output", "json")
	cmd.Dir, cmd.Env = p.work, append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets)
	cmd.Stdout, cmd.Stderr = &lines, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	lines.await(t, eventWatching, 1)
	if out, err := exec.Command(bench, "-s", socket, "-q", "-t", "set,get", "-n", "3000", "-c", "4").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines.await(t, eventWould, 2) // live, before the end
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	if ended = true; cmd.ProcessState.ExitCode() != exitFinding {
		t.Errorf("code %d", cmd.ProcessState.ExitCode())
	}
	told, counts := []string{}, map[string]uint64{}
	for _, e := range lines.events(t) {
		switch e.Event {
		case eventWould:
			told = append(told, e.Answer+" "+e.Name+" "+e.Gets)
		case eventWouldTotal:
			counts[e.Name] = e.Count
		}
	}
	slices.Sort(told)
	if want := []string{"deny epoll_wait EPERM", "deny read EPERM"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
	if len(counts) != 2 || counts["read"] < 2*benchRequests || counts["epoll_wait"] == 0 {
		t.Errorf("%v, of %d requests", counts, 2*benchRequests)
	}
	if out, err := exec.Command(bench, "-s", socket, "-q", "-t", "get", "-n", "10").CombinedOutput(); err != nil {
		t.Errorf("the server was disturbed: %v: %s", err, out)
	}
}

func TestWouldUsage(t *testing.T) {
	p := newPlace(t)
	p.wantError(p.run(nil, nil, "denials", "--would", "none.json", "--all"), exitUsage, "none.json")
	p.wantError(p.run(nil, nil, "denials", "--would", "docker-default"), exitUsage, "no target")
	p.wantError(p.run(nil, nil, "denials", "--would", "docker-default", "--all", "--stack"), exitUsage, "--stack")
	p.wantError(p.run(nil, nil, "denials", "--would", "", "--all"), exitUsage, "--would")
}

// judgeOf is Docker's default on x86_64, with one call more that is denied for some arguments.
func judgeOf(t *testing.T) *wouldJudge {
	t.Helper()
	f := &denialsFlags{would: "docker-default"}
	j, err := newWouldJudge(&env{stderr: os.Stderr}, f)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// What only the number decides, what arguments decide, and what is answered on purpose.
func TestWouldJudge(t *testing.T) {
	j := judgeOf(t)
	for call, want := range map[[2]int]string{
		{0, 0}:    "allow ",
		{175, 0}:  "deny EPERM", // init_module
		{56, 0}:   "depends EPERM",
		{435, 0}:  "answered ENOSYS", // clone3
		{1000, 0}: "deny ENOSYS",
	} {
		answer, gets := j.judge("x86_64", call[0])
		if got := answer + " " + gets; got != want {
			t.Errorf("%d: %q, want %q", call[0], got, want)
		}
	}
}

// Calls of setup are before the filter would be there, and counts are of the rest.
func TestWouldCount(t *testing.T) {
	count := func(n uint64, at int64, comm string) recording.PhaseCount {
		return recording.PhaseCount{Count: n, First: recording.FirstCall{OffsetNs: at, Comm: comm}}
	}
	r := newRehearsal(judgeOf(t), &wouldLog{})
	_, err := r.save("", &recording.Recording{Workload: recording.Workload{Name: "we\x1b[2Jb"}, Syscalls: []recording.Syscall{
		{ABI: "x86_64", Nr: 165, Name: "mount", Phases: map[string]recording.PhaseCount{"setup": count(9, 1, "runc")}},
		{ABI: "x86_64", Nr: 175, Name: "init_module", Phases: map[string]recording.PhaseCount{"setup": count(1, 1, "runc"), "steady": count(2, 30, "b"), "startup": count(3, 20, "a")}},
		{ABI: "x86_64", Nr: 56, Name: "clone", Phases: map[string]recording.PhaseCount{"startup": count(4, 5, "sh")}},
	}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r.writeTable(&out, terminal{})
	want := `WORKLOAD    CALL         WOULD GET  COUNT  PHASES               FIRST BY
we\x1b[2Jb  init_module  EPERM      5      startup 3, steady 2  a
docker-default would deny 5 calls of 1 kind.
Arguments decide about clone, and a recorder does not see them: scallop verify --log-only does.
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}
