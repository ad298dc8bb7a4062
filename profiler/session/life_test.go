package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
)

// server is a shell that is ready with a word on its output, lives on, and ends in
// its SIGTERM handler.
const server = `trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`

// telling is a script that makes the file $0 when its traps are set: a signal before that would end it.
func telling(script string) string { return strings.Replace(script, "while", `: >"$0"; while`, 1) }

// once begins to check when a file is there.
func once(file string, c ready.Check) ready.Check {
	return ready.Check{Kind: c.Kind, Wait: func(ctx context.Context) (string, error) {
		if err := retry(func() error { _, err := os.Stat(file); return err }); err != nil {
			return "", err
		}
		return c.Wait(ctx)
	}}
}

// within gives the session a time after which it stops the command: what fails
// to become ready must not hang.
func within(opts session.Options) session.Options {
	opts.Duration = 20 * time.Second
	return opts
}

func mustCheck(t *testing.T) func(ready.Check, error) ready.Check {
	return func(c ready.Check, err error) ready.Check {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestReadiness(t *testing.T) {
	hosttest.Root(t)
	must := mustCheck(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	refused := 3 // the first answers are not the ready one
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refused--; refused >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	address := listener.Addr().String()
	flag := filepath.Join(t.TempDir(), "flag")
	for kind, prepare := range map[string]func(*testing.T, *session.Options){
		"ready-http": func(_ *testing.T, o *session.Options) {
			o.Checks = append(o.Checks, must(ready.HTTP("http://"+address+"/")))
		},
		"ready-tcp": func(_ *testing.T, o *session.Options) { o.Checks = append(o.Checks, must(ready.TCP(address))) },
		"ready-exec": func(_ *testing.T, o *session.Options) {
			o.Checks = append(o.Checks, ready.Exec("test -e "+flag+" || { touch "+flag+"; false; }", nil))
		},
		"ready-log": func(t *testing.T, o *session.Options) {
			log, err := ready.NewLog("^ready$")
			if err != nil {
				t.Fatal(err)
			}
			o.Launch.Stdout = log.Tee(&bytes.Buffer{})
			o.Checks = append(o.Checks, log.Check())
		},
		"ready-after": func(_ *testing.T, o *session.Options) { o.Checks = append(o.Checks, ready.After(50*time.Millisecond)) },
		"settle":      func(_ *testing.T, o *session.Options) { o.Settle = 200 * time.Millisecond },
		"ready-notify": func(t *testing.T, o *session.Options) {
			o.Notify = true
			o.Launch.Args = []string{hosttest.Tool(t, "python3", "python3"), "-c", notifier}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			trapped := filepath.Join(t.TempDir(), "trapped")
			opts := within(options("sh", "-c", telling(server), trapped))
			opts.StopAfter = 100 * time.Millisecond
			prepare(t, &opts)
			for i, check := range opts.Checks {
				opts.Checks[i] = once(trapped, check)
			}
			r := record(t, opts)
			complete(t, r)
			steady := phase(r, recording.PhaseSteady)
			if steady == nil || steady.Trigger.Kind != kind {
				t.Fatalf("phases %+v, want steady by %s", r.Phases, kind)
			}
			if got := names(r.Phases); !slices.Equal(got, []string{"setup", "startup", "steady", "shutdown"}) {
				t.Errorf("phases %v", got)
			}
			if len(r.Unreached) > 0 {
				t.Errorf("unreached: %v", r.Unreached)
			}
			if end := r.Workload.Leader.End; end != "exited with code 7 after its stop signal" {
				t.Errorf("the command %s", end)
			}
			if trigger := phase(r, recording.PhaseShutdown).Trigger; trigger.Kind != "signal" || !strings.HasPrefix(trigger.Detail, fmt.Sprintf("SIGTERM from pid %d ", os.Getpid())) {
				t.Errorf("shutdown by %+v", trigger)
			}
		})
	}
}

// notifier speaks sd_notify(3) in Python.
const notifier = `
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *a: sys.exit(7))
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"STATUS=almost")
time.sleep(0.1)
s.send(b"MAINPID=1\nREADY=1\n")
while True: time.sleep(0.05)
`

func names(phases []recording.Phase) []string {
	var list []string
	for _, p := range phases {
		list = append(list, p.Name)
	}
	return list
}

func TestCommandThatExitsByItself(t *testing.T) {
	opts := options("sh", "-c", "exit 3")
	r := record(t, opts)
	complete(t, r)
	if got := names(r.Phases); !slices.Equal(got, []string{"setup", "startup"}) {
		t.Errorf("phases %v", got)
	}
	if !slices.Equal(r.Unreached, []string{"steady", "shutdown"}) {
		t.Errorf("unreached %v", r.Unreached)
	}
	if end := r.Workload.Leader; end.End != "exited by itself with code 3: it was never told to stop" || *end.ExitCode != 3 {
		t.Errorf("end %+v", end)
	}
}

func TestKilledLeader(t *testing.T) {
	r := record(t, options("sh", "-c", "kill -KILL $$"))
	complete(t, r)
	leader := r.Workload.Leader
	if leader.Signal != "SIGKILL" || !strings.HasPrefix(leader.End, "was killed by SIGKILL from pid ") {
		t.Errorf("end %+v", leader)
	}
}

// A signal that the command ignores does not stop it, and is not its shutdown.
func TestIgnoredStopSignal(t *testing.T) {
	r := record(t, options("sh", "-c", "trap '' TERM; kill -TERM $$; exit 0"))
	complete(t, r)
	if phase(r, recording.PhaseShutdown) != nil {
		t.Errorf("phases %+v: an ignored signal began shutdown", r.Phases)
	}
}

func TestStopTimeoutKills(t *testing.T) {
	opts := options("sh", "-c", "trap 'echo no' TERM; while :; do sleep 0.05; done")
	opts.Duration, opts.StopTimeout = 300*time.Millisecond, 300*time.Millisecond
	r := record(t, opts)
	complete(t, r)
	if end := r.Workload.Leader; end.Signal != "SIGKILL" || phase(r, recording.PhaseShutdown) == nil {
		t.Errorf("end %+v, phases %v", end, names(r.Phases))
	}
}

// The leader of a daemon ends at once; the recording waits for what it left, and
// stops that.
func TestDaemon(t *testing.T) {
	opts := options("sh", "-c", `sh -c 'trap "umask >/dev/null; exit" TERM; while :; do sleep 0.05; done' & exit 0`)
	opts.Duration = 500 * time.Millisecond
	r := record(t, opts)
	complete(t, r)
	shutdown := phase(r, recording.PhaseShutdown)
	if shutdown == nil || shutdown.Trigger.Kind != "stop" {
		t.Fatalf("phases %+v", r.Phases)
	}
	for _, s := range r.Syscalls {
		if s.Name == "umask" && s.Phases[recording.PhaseShutdown].Count == 0 {
			t.Errorf("umask in %v, want it in shutdown", s.Phases)
		}
	}
	if count(r, native, "umask") == 0 {
		t.Error("the daemon's handler was not recorded")
	}
}

func TestSignalsToScallop(t *testing.T) {
	hosttest.Root(t)
	for name, test := range map[string]struct {
		signals []syscall.Signal
		script  string
		want    string
	}{
		"first stops":  {[]syscall.Signal{syscall.SIGINT}, server, "exited with code 7 after its stop signal"},
		"second kills": {[]syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, "trap '' TERM INT; while :; do sleep 0.05; done", "was killed by SIGKILL"},
		"others pass":  {[]syscall.Signal{syscall.SIGHUP}, "trap 'exit 5' HUP; while :; do sleep 0.05; done", "exited by itself with code 5: it was never told to stop"},
	} {
		t.Run(name, func(t *testing.T) {
			signals := make(chan os.Signal)
			flag := filepath.Join(t.TempDir(), "flag")
			opts := within(options("sh", "-c", telling(test.script), flag))
			opts.Signals = signals
			go func() {
				_ = retry(func() error { _, err := os.Stat(flag); return err })
				for _, s := range test.signals {
					signals <- s
				}
			}()
			r := record(t, opts)
			complete(t, r)
			if !strings.HasPrefix(r.Workload.Leader.End, test.want) {
				t.Errorf("the command %s, want %s", r.Workload.Leader.End, test.want)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	hosttest.Root(t)
	marks := make(chan session.MarkRequest)
	flag := filepath.Join(t.TempDir(), "flag")
	opts := within(options("sh", "-c", telling(`trap 'umask >/dev/null' USR1; trap 'exit 7' TERM; while :; do sleep 0.05; done`), flag))
	opts.Marks = marks
	signals := make(chan os.Signal)
	opts.Signals = signals
	mark := func(phase string) error {
		answer := make(chan error, 1)
		marks <- session.MarkRequest{Phase: phase, Answer: answer}
		return <-answer
	}
	done := make(chan []error, 1)
	go func() {
		_ = retry(func() error { _, err := os.Stat(flag); return err })
		errs := []error{mark("steady"), mark("reload")}
		signals <- syscall.SIGUSR1
		time.Sleep(200 * time.Millisecond)
		errs = append(errs, mark("steady"), mark("setup"), mark("no name"))
		signals <- syscall.SIGTERM
		done <- errs
	}()
	r := record(t, opts)
	complete(t, r)
	errs := <-done
	if err := errors.Join(errs[:3]...); err != nil {
		t.Error(err)
	}
	if errs[3] == nil || errs[4] == nil {
		t.Errorf("marking setup: %v, marking %q: %v: want errors", errs[3], "no name", errs[4])
	}
	if got := names(r.Phases); !slices.Equal(got, []string{"setup", "startup", "steady", "reload", "steady", "shutdown"}) {
		t.Errorf("phases %v", got)
	}
	for _, s := range r.Syscalls {
		if s.Name == "umask" && (len(s.Phases) != 1 || s.Phases["reload"].Count == 0) {
			t.Errorf("umask in %v, want it in reload only", s.Phases)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	var partial []*recording.Recording
	opts := options("sh", "-c", server)
	opts.Duration, opts.Checkpoint = 700*time.Millisecond, 200*time.Millisecond
	opts.Save = func(r *recording.Recording) { partial = append(partial, r) }
	whole := record(t, opts)
	if len(partial) < 2 {
		t.Fatalf("%d checkpoints", len(partial))
	}
	for _, r := range partial {
		if r.Complete || len(r.Incomplete) == 0 || r.ID != whole.ID || len(r.Syscalls) == 0 {
			t.Errorf("checkpoint: complete %v, %v, %d calls", r.Complete, r.Incomplete, len(r.Syscalls))
		}
		if _, err := recording.Encode(r); err != nil {
			t.Error(err)
		}
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	hosttest.Root(t)
	_, err := session.Run(t.Context(), options("/nonexistent/program"))
	var command *launch.CommandError
	if !errors.As(err, &command) {
		t.Errorf("got %v, want a CommandError", err)
	}
}

// The comm and the path of an executable are evidence, whatever bytes they hold.
func TestHostileNames(t *testing.T) {
	hosttest.Root(t)
	name := filepath.Join(t.TempDir(), "x\x1b[31m\n\xff")
	text, err := os.ReadFile(hosttest.Program(t, "kinds", hosttest.Bare...))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o755); err != nil {
		t.Fatal(err)
	}
	opts := options(name)
	r := record(t, opts)
	complete(t, r)
	want := filepath.Dir(name) + `/x\x1b[31m\x0a\xff`
	if r.Workload.Leader.Exe != want {
		t.Errorf("executable %q, want %q", r.Workload.Leader.Exe, want)
	}
	for _, s := range r.Syscalls {
		if s.Name == "umask" && s.Phases["startup"].First.Comm != `x\x1b[31m\x0a\xff` {
			t.Errorf("comm %q", s.Phases["startup"].First.Comm)
		}
	}
}
