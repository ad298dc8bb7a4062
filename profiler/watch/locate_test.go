package watch

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestRootOf(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for in, want := range map[string]string{
		"/":                                "/",
		"/jobs":                            "/jobs",
		"/jobs/one":                        "/jobs/one",
		"/system.slice/web.service/worker": "/system.slice/web.service",
		"/system.slice/docker-" + id + ".scope/init.scope": "/system.slice/docker-" + id + ".scope",
		"/docker/" + id + "/docker/" + id:                  "/docker/" + id,
		"/user.slice/user-0.slice/session-1.scope":         "/user.slice/user-0.slice/session-1.scope",
	} {
		if got := rootOf(in); got != want {
			t.Errorf("%s is in %s, not %s", in, got, want)
		}
	}
}

func TestLocator(t *testing.T) {
	hosttest.Root(t)
	mount, err := cgroup.FindMount()
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	c, err := cgroup.Create(mount, "docker-"+strings.Repeat("0b", 32)+".scope")
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := c.Remove(); err != nil {
			t.Error(err)
		}
	})
	pid := cmd.Process.Pid
	if err := os.WriteFile(filepath.Join(c.Dir(), "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
	l := NewLocator(func() Engines { return nil }, t.Logf)
	about, ok := l.Of(context.Background(), pid, time.Now(), "")
	if !ok || about.Kind != recording.KindContainer || about.Cgroup != c.Path || about.Container == nil || about.Container.ID != strings.Repeat("0b", 32) {
		t.Errorf("%+v, %v", about, ok)
	}
	if _, ok := l.Of(context.Background(), pid, time.Now().Add(-time.Hour), ""); ok {
		t.Error("it was not born then: another process had the PID")
	}
	if _, ok := l.Of(context.Background(), pid, time.Now(), "/usr/sbin/nginx"); ok {
		t.Error("it is another program")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if _, ok := l.Of(context.Background(), pid, time.Now(), ""); ok {
		t.Error("it is gone")
	}
}
