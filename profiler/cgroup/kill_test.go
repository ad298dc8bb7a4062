package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// Both ways to kill leave nobody: cgroup.kill, and one by one as before Linux 5.14.
func TestKill(t *testing.T) {
	hosttest.Root(t)
	for name, kill := range map[string]func(*Cgroup) error{"Kill": (*Cgroup).Kill, "killEach": (*Cgroup).killEach} {
		t.Run(name, func(t *testing.T) {
			mount, err := FindMount()
			if err != nil {
				t.Fatal(err)
			}
			c, err := Create(mount, fmt.Sprintf("scallop-test-%d-%s", os.Getpid(), name))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", "-c", "trap '' TERM; read line; sleep 60 & sleep 60 & wait")
			inside, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.Put(cmd.Process.Pid), inside.Close()); err != nil {
				t.Fatal(err)
			}
			if err := kill(c); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait()
			if err := c.WaitEmpty(t.Context()); err != nil {
				t.Error(err)
			}
			if err := c.Remove(); err != nil {
				t.Error(err)
			}
		})
	}
}
