package verify_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

// server is one whose life is led twice: recorded, and under its own profile.
type server struct {
	name    string
	address string
	flags   []string // readiness and stop, of run and verify
	args    []string
	request func(address string) error
}

func newNginx(t *testing.T, dir string) *server {
	s := &server{name: "nginx", address: servers.FreeAddress(t), request: get}
	conf := filepath.Join(dir, "nginx.conf")
	write(t, conf, servers.NginxConf(dir, s.address, dir))
	s.args = []string{"nginx", "-g", "daemon off;", "-c", conf}
	s.flags = []string{"--ready-http", "http://" + s.address + "/index.html", "--stop-signal", "QUIT,TERM,INT"}
	return s
}

func newRedis(t *testing.T, dir string) *server {
	s := &server{name: "redis", address: servers.FreeAddress(t), request: askRedis}
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.args = []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir}
	s.flags = []string{"--ready-tcp", s.address}
	return s
}

func newPython(t *testing.T, dir string) *server {
	s := &server{name: "http.server", address: servers.FreeAddress(t), request: get}
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.args = []string{"python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", dir, port}
	s.flags = []string{"--ready-http", "http://" + s.address + "/index.html", "--stop-signal", "INT"}
	return s
}

// get asks for what is there and what is not.
func get(address string) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for path, want := range map[string]int{"/index.html": 200, "/missing": 404} {
		answer, err := client.Get("http://" + address + path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		if answer.StatusCode != want {
			return fmt.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	return nil
}

// askRedis reads, writes, and saves to disk.
func askRedis(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for command, want := range map[string]string{"SET a 1": "+OK", "INCR n": ":", "SAVE": "+OK", "DEL b": ":"} {
		if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		if err != nil || !strings.HasPrefix(answer, want) {
			return fmt.Errorf("%s: %q %w", command, answer, err)
		}
	}
	return nil
}

// lead starts the command line, makes requests once the server answers, and waits until it is stopped.
func (s *server) lead(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	served := make(chan error, 1)
	go func() {
		var err error
		for made, until := 0, time.Now().Add(20*time.Second); made < 20 && time.Now().Before(until); {
			if err = s.request(s.address); err == nil {
				made++
			} else {
				time.Sleep(10 * time.Millisecond)
			}
		}
		served <- err
	}()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	if err := <-served; err != nil {
		t.Errorf("the server did not serve: %v", err)
	}
}

// commandLine of run or verify.
func (s *server) commandLine(command string, flags ...string) []string {
	line := append([]string{command, "--stop-after", "1500ms", "--name", s.name}, s.flags...)
	return append(line, flags...)
}

// Servers run under their own profiles through all phases, and nothing is denied.
func TestServers(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "redis-server", "redis-server", "python3", "python3-minimal")
	for name, make := range map[string]func(*testing.T, string) *server{
		"nginx": newNginx, "redis-server": newRedis, "python3 http.server": newPython,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := hosttest.SharedDir(t)
			write(t, filepath.Join(dir, "index.html"), strings.Repeat("x", 2000))
			s := make(t, dir)
			rec := filepath.Join(t.TempDir(), "recording.json")
			s.lead(t, exec.Command(scallop, append(s.commandLine("run", "-q", "-o", rec, "--"), s.args...)...))
			profile := exported(t, rec)
			out := filepath.Join(t.TempDir(), "report.json")
			line := s.commandLine("verify", "--recording", rec, "--output", "json", "-o", out, profile, "--")
			s.lead(t, exec.Command(scallop, append(line, s.args...)...))
			r := readReport(t, out)
			r.nothing(t)
			if phases := strings.Join(r.Phases, " "); phases != "startup steady shutdown" {
				t.Errorf("reached the phases %s: %s", phases, r.End)
			}
			if r.Expected == nil || len(r.Expected.UnreachedPhases) != 0 {
				t.Errorf("compared with the recording: %+v", r.Expected)
			}
			t.Logf("%d denials under a profile of %d calls; not made this time: %v", r.Denied, len(readJSON(t, profile).names()), r.Expected.UnmadeCalls)
		})
	}
}

// What a run did not reach is said, though nothing was denied.
func TestShallow(t *testing.T) {
	hosttest.Tools(t)
	rec := recorded(t, "--ready-after", "50ms", "--stop-after", "100ms", "--", "sh", "-c", "trap 'uname; exit' TERM; while :; do sleep 0.05; done")
	r := verify(t, "--recording", rec, exported(t, rec), "--", "sh", "-c", "sleep 0.05")
	r.nothing(t)
	if r.Expected == nil || strings.Join(r.Expected.UnreachedPhases, " ") != "steady shutdown" {
		t.Errorf("%+v", r.Expected)
	}
	if !strings.Contains(strings.Join(r.Expected.UnmadeCalls, " "), "uname") {
		t.Errorf("calls that were not made: %v", r.Expected.UnmadeCalls)
	}
}

// Docker's and Podman's own profiles let ordinary programs run, and deny what containers may not do.
func TestEngineDefaults(t *testing.T) {
	hosttest.Tools(t)
	for _, profile := range []string{"docker-default", "podman-default"} {
		verify(t, append([]string{profile, "--"}, small...)...).nothing(t)
		if profile == "podman-default" {
			continue // which allows namespaces
		}
		r := verify(t, profile, "--", "unshare", "--mount", "true")
		if len(r.Denials) != 1 || r.Denials[0].Name != "unshare" || r.Denials[0].Errno != "EPERM" || r.code != 1 {
			t.Errorf("%s, unshare: %s", profile, r)
		}
		verify(t, "--cap-add", "SYS_ADMIN", profile, "--", "unshare", "--mount", "true").nothing(t)
	}
}

// Both formats of a profile mean the same.
func TestOCIFormat(t *testing.T) {
	hosttest.Tools(t)
	profile := exported(t, recorded(t, append([]string{"--"}, small...)...), "--format", "oci")
	verify(t, append([]string{profile, "--"}, small...)...).nothing(t)
	r := verify(t, profile, "--", "unshare", "--mount", "true")
	if len(r.of("unshare")) != 1 || r.code != 1 {
		t.Errorf("unshare: %s", r)
	}
}

// What a rule answers with ENOSYS on purpose is no denial, unless it is asked for or the workload was seen to
// make the call.
func TestAnswered(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc")
	threads := hosttest.Program(t, "calls", "-pthread")
	r := verify(t, "docker-default", "--", threads, "2", "10")
	r.nothing(t)
	if len(r.Answered) != 1 || r.Answered[0].Name != "clone3" || r.Answered[0].Count != 2 {
		t.Errorf("the program starts 2 threads: %+v", r.Answered)
	}
	rec := recorded(t, "--", threads, "2", "10")
	for _, flags := range [][]string{{"--strict"}, {"--recording", rec}} {
		r := verify(t, append(flags, "docker-default", "--", threads, "2", "10")...)
		if r.code != 1 || len(r.of("clone3")) != 1 || len(r.Answered) != 0 {
			t.Errorf("%v: %s", flags, r)
		}
	}
	withoutClone := written(t, `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}`)
	if r := verify(t, withoutClone, "--", threads, "2", "10"); r.code != 1 || len(r.of("clone3")) != 1 {
		t.Errorf("EPERM: %s", r)
	}
}

// A filter that the command loads itself denies, too: that is told apart, and found all the same.
func TestOwnFilter(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc")
	r := verify(t, "docker-default", "--", hosttest.Program(t, "denied", "-static", "-pthread"), "errno", "2", "2", "50")
	list := slices.DeleteFunc(r.of("getppid"), func(d denial) bool { return d.ABI != "x86_64" })
	if r.code != 1 || len(list) != 1 || list[0].Count != 200 || !strings.Contains(list[0].Note, "not by this profile") {
		t.Errorf("%s", r)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
