package watch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// tasks does something n times, ten at a time.
func tasks(n int, do func(i int) error) error {
	var failed error
	var mu sync.Mutex
	var all sync.WaitGroup
	room := make(chan struct{}, 10)
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			err := do(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
			}
			<-room
		})
	}
	all.Wait()
	return failed
}

// brief makes a cgroup, lets something live in it, and removes it at once.
func brief(parent *cgroup.Cgroup, name string, live func(c *cgroup.Cgroup) error) error {
	c := &cgroup.Cgroup{Mount: parent.Mount, Path: filepath.Join(parent.Path, name)}
	if err := os.Mkdir(c.Dir(), 0o755); err != nil {
		return err
	}
	if err := live(c); err != nil {
		return err
	}
	return c.Remove()
}

// Ways into a cgroup.
var ways = map[string]func(c *cgroup.Cgroup) error{
	"clone3": func(c *cgroup.Cgroup) error {
		cmd, err := launch.Start(launch.Options{Args: []string{"/bin/true"}, Cgroup: c})
		if err != nil {
			return err
		}
		return cmd.Wait()
	},
	"joins": func(c *cgroup.Cgroup) error {
		return exec.Command("/bin/sh", "-c", `echo $$ >"$1/cgroup.procs"; exec /bin/true`, "sh", c.Dir()).Run()
	},
	"moved": func(c *cgroup.Cgroup) error {
		cmd := exec.Command("/bin/sh", "-c", "echo ready; read go; exec /bin/true")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if _, err := stdout.Read(make([]byte, 10)); err != nil { // it is past its own execve
			return err
		}
		procs, err := os.OpenFile(filepath.Join(c.Dir(), "cgroup.procs"), os.O_WRONLY, 0)
		if err == nil {
			_, err = fmt.Fprintln(procs, cmd.Process.Pid)
			procs.Close()
		}
		_, _ = io.WriteString(stdin, "go\n")
		if err != nil {
			return err
		}
		return cmd.Wait()
	},
}

// Cgroups whose whole life is `true`, ten at a time, removed at once: each has a recording, whole, from its first
// execve to its exit_group, however it was joined.
func TestZeroRace(t *testing.T) {
	for way, live := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const lives = 300
			parent := cgrouptest.New(t)
			r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Sizes: profiler.SizesFor(512)})
			err := tasks(lives, func(i int) error { return brief(parent, fmt.Sprintf("life-%d", i), live) })
			if err != nil {
				t.Error(err)
			}
			all := r.ok().byName()
			if len(all) != lives {
				t.Errorf("%d recordings of %d lives", len(all), lives)
			}
			for _, one := range all {
				checkLife(t, one)
			}
		})
	}
}

func checkLife(t *testing.T, r *recording.Recording) {
	t.Helper()
	lossless(t, r)
	if got := phaseNames(r); got != "setup startup" {
		t.Errorf("%s: phases %s", r.Workload.Name, got)
	}
	if n := count(r, "execve", "setup"); n != 1 {
		t.Errorf("%s: %d execve in setup", r.Workload.Name, n)
	}
	if n := count(r, "exit_group", "startup"); n != 1 {
		t.Errorf("%s: %d exit_group in startup", r.Workload.Name, n)
	}
	if leader := r.Workload.Leader; filepath.Base(leader.Exe) != hosttest.RealName(t, "/bin/true") || leader.ExitCode == nil || *leader.ExitCode != 0 {
		t.Errorf("%s: leader %+v", r.Workload.Name, leader)
	}
}

// The same for containers that runc starts: what runc does itself is in setup and, under the filter, in handover;
// the leader is the workload, and not the copy of runc that runc executes. In a PID namespace of its own, as an engine
// in a container is, runc writes process IDs that mean nothing here: its moves are seen when they are done.
func TestZeroRaceOfRunc(t *testing.T) {
	hosttest.Root(t)
	runc, unshare := hosttest.Tool(t, "runc", "runc"), hosttest.Tool(t, "unshare", "util-linux")
	for where, namespaces := range map[string][]string{
		"on-the-host":        {unshare, "--mount"},
		"in-a-PID-namespace": {unshare, "--mount", "--pid", "--fork", "--mount-proc"},
	} {
		t.Run(where, func(t *testing.T) {
			const lives = 30
			dir := bundle(t)
			parent := cgrouptest.New(t)
			r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Sizes: profiler.SizesFor(512)})
			err := tasks(lives, func(i int) error {
				id := fmt.Sprintf("%012x%052x", i, i)
				return runContainer(append(slices.Clone(namespaces), "sh", "-c", hostOf(parent), "sh", runc), dir, parent, id)
			})
			if err != nil {
				t.Error(err)
			}
			all := r.ok().byName()
			if len(all) != lives {
				t.Errorf("%d recordings of %d containers: %v", len(all), lives, names(all))
			}
			for _, one := range all {
				checkContainer(t, one)
			}
		})
	}
}

// hostOf is a host with one kind of cgroups alone, for runc.
func hostOf(parent *cgroup.Cgroup) string {
	if parent.Mount.Layout == cgroup.V1 {
		return `exec "$@"`
	}
	return `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`
}

func runContainer(runc []string, dir string, parent *cgroup.Cgroup, id string) error {
	config := filepath.Join(dir, id)
	if err := errorsOf(os.Mkdir(config, 0o755), writeSpec(config, filepath.Join(dir, "rootfs"), filepath.Join(parent.Path, id))); err != nil {
		return err
	}
	args := append(slices.Clone(runc), "--root", filepath.Join(dir, "state"), "run", "--bundle", config, id)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("runc: %w: %s", err, out)
	}
	return nil
}

func checkContainer(t *testing.T, r *recording.Recording) {
	t.Helper()
	lossless(t, r)
	if got := phaseNames(r); got != "setup startup" { // handover is a matter of tasks
		t.Errorf("%s: phases %s", r.Workload.Name, got)
	}
	if r.Workload.Kind != recording.KindContainer || r.Workload.Leader.Exe != "/bin/busybox" || r.Workload.Seccomp != 2 {
		t.Errorf("%s: %s, leader %+v, seccomp %d", r.Workload.Name, r.Workload.Kind, r.Workload.Leader, r.Workload.Seccomp)
	}
	if n := count(r, "execve", "handover"); n != 1 {
		t.Errorf("%s: %d execve in handover", r.Workload.Name, n)
	}
	if n := count(r, "mount", "setup"); n == 0 {
		t.Errorf("%s: runc's own mounts are not in setup", r.Workload.Name)
	}
	for _, s := range r.Syscalls {
		for phase, c := range s.Phases {
			if phase == recording.PhaseStartup && strings.Contains(" mount umount2 pivot_root unshare setns sethostname seccomp capset execve clone clone3 ", " "+s.Name+" ") {
				t.Errorf("%s: %d %s in startup, by %s", r.Workload.Name, c.Count, s.Name, c.First.Comm)
			}
		}
	}
}
