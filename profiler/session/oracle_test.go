package session_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// strace prints "name(" after the process ID, and "<... name resumed>" for the rest of a
// call that another one interrupted.
var straceCall = regexp.MustCompile(`^\d+ +([a-z_0-9]+)\(`)

// straced runs a command under `strace -f` and returns the names of its calls.
func straced(t *testing.T, during func(), args ...string) []string {
	t.Helper()
	strace := hosttest.Tool(t, "strace", "strace")
	out := filepath.Join(t.TempDir(), "strace")
	// Bounded: a server that nobody could stop must not hold the suite.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, strace, append([]string{"-f", "-qq", "-o", out}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during()
	}
	_ = cmd.Wait()
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var calls []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if match := straceCall.FindStringSubmatch(lines.Text()); match != nil {
			calls = append(calls, match[1])
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// recorded returns the names of a recording's calls. The command's own execve is in setup, and
// nothing else of setup is the command's.
func recorded(r *recording.Recording) []string {
	calls := []string{"execve"}
	for _, s := range r.Syscalls {
		if s.Total > s.Phases[recording.PhaseSetup].Count {
			calls = append(calls, s.Name)
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

func TestSameSetAsStrace(t *testing.T) {
	hosttest.Root(t)
	archive := filepath.Join(t.TempDir(), "etc.tar")
	for name, args := range map[string][]string{
		"ls":       {"ls", "-l", "/"},
		"pipeline": {"sh", "-c", "cat /etc/passwd | sort | grep root | wc -l >/dev/null"},
		"python3":  {hosttest.Tool(t, "python3", "python3"), "-c", "import json, os, subprocess; print(json.dumps(os.listdir('/')))"},
		"tar":      {"tar", "-cf", archive, "-C", "/etc", "passwd", "group", "hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := options(args...)
			r := record(t, opts)
			complete(t, r)
			got, want := recorded(r), straced(t, nil, args...)
			if !slices.Equal(got, want) {
				t.Errorf("recorded and strace differ:\n%v\n%v", got, want)
			}
		})
	}
}

func TestSupersetOfStraceForServers(t *testing.T) {
	hosttest.Root(t)
	for name, server := range map[string]func(*testing.T) (args []string, pidFile string, traffic func() error){
		"nginx": nginx,
		"redis": redis,
	} {
		t.Run(name, func(t *testing.T) {
			// A fresh server for each: what one leaves on disk must not spare the
			// other a call.
			args, drive := driven(t, server)
			traced := straced(t, drive, args...)
			args, drive = driven(t, server)
			done := make(chan struct{})
			go func() {
				defer close(done)
				drive()
			}()
			r := record(t, within(options(args...)))
			<-done
			complete(t, r)
			got := recorded(r)
			if len(traced) < 20 {
				t.Errorf("strace saw %v only: the server did not run", traced)
			}
			for _, call := range traced {
				if !slices.Contains(got, call) {
					t.Errorf("strace saw %s, the recording did not", call)
				}
			}
		})
	}
}

// driven returns a server's command line, and what makes it serve and stop.
func driven(t *testing.T, server func(*testing.T) ([]string, string, func() error)) (args []string, drive func()) {
	t.Helper()
	args, pidFile, traffic := server(t)
	return args, func() {
		if err := retry(traffic); err != nil {
			t.Error(err)
		}
		stopServer(t, pidFile)
	}
}

// stopServer sends SIGTERM to the process that the server's PID file names.
func stopServer(t *testing.T, pidFile string) {
	t.Helper()
	if err := retry(func() error {
		text, err := os.ReadFile(pidFile)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGTERM)
	}); err != nil {
		t.Errorf("stopping the server: %v", err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(servers.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func retry(attempt func() error) error {
	var err error
	for range 100 {
		if err = attempt(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func nginx(t *testing.T) ([]string, string, func() error) {
	t.Helper()
	program := hosttest.Tool(t, "nginx", "nginx-light")
	dir, port := t.TempDir(), freePort(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "nginx-"+port+".conf")
	text := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log %[1]s/error.log; events {}
http { client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi; access_log %[1]s/access.log; server { listen 127.0.0.1:%[2]s; root %[1]s; } }`, dir, port)
	for path, content := range map[string]string{conf: text, filepath.Join(dir, "index.html"): "hello\n"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{program, "-c", conf}, filepath.Join(dir, "pid"), func() error {
		for range 20 {
			answer, err := http.Get("http://127.0.0.1:" + port + "/")
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		return nil
	}
}

func redis(t *testing.T) ([]string, string, func() error) {
	t.Helper()
	program, port := hosttest.Tool(t, "redis-server", "redis-server"), freePort(t)
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	return []string{program, "--save", "", "--dir", dir, "--pidfile", pidFile, "--port", port}, pidFile, func() error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		defer conn.Close()
		answers := bufio.NewReader(conn)
		for i := range 20 {
			if _, err := fmt.Fprintf(conn, "SET key%d value\r\n", i); err != nil {
				return err
			}
			if line, err := answers.ReadString('\n'); err != nil || line != "+OK\r\n" {
				return fmt.Errorf("redis answered %q, %v", line, err)
			}
		}
		return nil
	}
}
