package status

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestMain(m *testing.M) { hosttest.Main(m) }

// unsynced is a process whose main thread alone has a filter.
func unsynced(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(hosttest.Program(t, "unsynced", "-static", "-pthread"), "2")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil { // it was not disturbed
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return cmd.Process.Pid
}

func TestUnsynced(t *testing.T) {
	pid := unsynced(t)
	p, err := Read(os.DirFS("/proc"), pid)
	if err != nil {
		t.Fatal(err)
	}
	findings := Judge(p, true)
	if len(p.Threads) != 3 || len(findings) != 2 {
		t.Fatalf("%+v: %+v", p, findings)
	}
	for i, f := range findings {
		if f.Kind != UnfilteredThread || f.TID != p.Threads[i+1].TID {
			t.Errorf("%+v", f)
		}
	}
	if main := p.Threads[0]; main.Filters != 1 || main.Seccomp != Filter || !main.NoNewPrivs {
		t.Errorf("%+v", main)
	}
}

// Every process of a storm of short-lived ones is there or gone, and nothing else.
func TestReadStorm(t *testing.T) {
	read, vanished := 0, 0
	for deadline := time.Now().Add(time.Minute); (read < 20 || vanished < 20) && time.Now().Before(deadline); {
		cmd := exec.Command("/bin/true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		go func() { waited <- cmd.Wait() }()
		for {
			_, err := Read(os.DirFS("/proc"), cmd.Process.Pid)
			if errors.Is(err, ErrGone) {
				vanished++
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			read++
		}
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
	}
	if read == 0 || vanished == 0 {
		t.Errorf("%d read, %d vanished", read, vanished)
	}
}

// A thread's filters come back as they were loaded, and the process goes on as if nothing had been.
func TestFilters(t *testing.T) {
	hosttest.Root(t)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: 4242},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	cmd := exec.Command("/bin/cat")
	var out bytes.Buffer
	cmd.Stdout = &out
	give, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	handover, err := confine.Prepare(cmd, &confine.Filter{Program: program})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cmd.Start(), handover.Await(nil)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		got, err := Filters(cmd.Process.Pid)
		if err != nil || !reflect.DeepEqual(got, [][]unix.SockFilter{program}) {
			t.Fatalf("%v, %v", got, err)
		}
	}
	fmt.Fprint(give, "still here")
	give.Close()
	if err := cmd.Wait(); err != nil || out.String() != "still here" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := Filters(cmd.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("of a process that is gone: %v", err)
	}
}

// One that is traced already is left alone.
func TestFiltersOfTraced(t *testing.T) {
	hosttest.Root(t)
	strace := hosttest.Tool(t, "strace", "strace")
	pid := unsynced(t)
	cmd := exec.Command(strace, "-o", "/dev/null", "-p", itoa(pid))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		if profiler.StatusField(text, "TracerPid") != "0" {
			break
		}
	}
	if _, err := Filters(pid); !errors.Is(err, unix.EPERM) {
		t.Errorf("%v", err)
	}
}
