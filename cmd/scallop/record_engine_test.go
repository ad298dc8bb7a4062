package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// socket is short enough for one, which t.TempDir's may not be.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// fakeDocker answers as Docker's daemon does, with these containers, whose names may be
// anything; what it says of one is up to the test. Those that run already are listed, as JSON. It returns its socket.
func fakeDocker(t *testing.T, containers map[string]http.HandlerFunc, running ...string) string {
	t.Helper()
	listener, err := net.Listen("unix", socket(t))
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	version := regexp.MustCompile(`^/v[0-9.]+`)
	mux := map[string]http.HandlerFunc{
		"/_ping":           func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") },
		"/version":         say(`{"Version":"20.10.0","ApiVersion":"1.41","Components":[{"Name":"Engine","Version":"20.10.0"}]}`),
		"/info":            say(`{}`),
		"/containers/json": say("[" + strings.Join(running, ",") + "]"),
	}
	for id, handler := range containers {
		mux["/containers/"+id+"/json"] = handler
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := mux[version.ReplaceAllString(r.URL.Path, "")]; handler != nil {
			handler(w, r)
			return
		}
		http.Error(w, `{"message":"nothing there"}`, http.StatusNotFound)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// container is what Docker says of a running one.
func container(t *testing.T, id, name string, labels map[string]string) http.HandlerFunc {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"Id": id, "Name": "/" + name, "Image": "sha256:" + strings.Repeat("a", 64), "State": map[string]any{"Running": true, "Status": "running"},
		"Config": map[string]any{"Image": "image\x1b[31m\n", "Labels": labels, "StopSignal": "SIGQUIT"}, "HostConfig": map[string]any{"Runtime": "runc"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func garbage(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "\x00\xff{]<html>\x1b[31m")
}

func id(n int) string { return fmt.Sprintf("%012x%052x", n, n) }

func scope(n int) string { return "docker-" + id(n) + ".scope" }

// Names that containers' owners chose lead to no other folder and to no other line, and do not paint terminals.
func TestRecordHostileNames(t *testing.T) {
	s := newScene(t)
	names := []string{"../../../../tmp/evil", "a\nscallop: fake line", "\x1b[2J\x1b[31mred", "..", "", "/etc/passwd", "-rf", "\u202egnp.exe", strings.Repeat("n", 5000), "nul\x00", "good"}
	handlers := map[string]http.HandlerFunc{}
	for i, name := range names {
		handlers[id(i)] = container(t, id(i), name, map[string]string{"k\x1b[31m": "v\n"})
	}
	r := s.record("--all", "--runtime-endpoint", fakeDocker(t, handlers), "-o", "out")
	for i := range names {
		s.brief(scope(i))
	}
	s.want(r.stop(), exitOK)
	files := s.files("out") // valid, or it fails
	if len(files) != len(names) {
		t.Errorf("%d files of %d containers: %q", len(files), len(names), list(t, filepath.Join(s.work, "out")))
	}
	clean := regexp.MustCompile(`^docker-[A-Za-z0-9._-]{1,100}\.json$`)
	for name, one := range files {
		if !clean.MatchString(name) || !one.Complete || one.Workload.Container == nil || one.Workload.Container.Engine != "docker" {
			t.Errorf("%q: %+v", name, one.Workload)
		}
	}
	if files["docker-good-00000000000a.json"] == nil {
		t.Errorf("files %q", list(t, filepath.Join(s.work, "out")))
	}
	s.wantOnly("out")
	// For people, on a terminal, the same names are escaped: those of the log are clean.
	for _, e := range r.events {
		if strings.ContainsAny(e.Workload+e.Cgroup+e.File+e.Comm, "\x1b\n\x00\u202e") {
			t.Errorf("event %+v", e)
		}
	}
}

// wantOnly checks that nothing else is in the work folder.
func (s *scene) wantOnly(names ...string) {
	s.t.Helper()
	if got := list(s.t, s.work); !slices.Equal(got, names) {
		s.t.Errorf("the work folder holds %q", got)
	}
	if got := list(s.t, s.temp); len(got) > 0 {
		s.t.Errorf("the temporary folder holds %q", got)
	}
}

// Containers in cgroups as Docker's own driver makes them, in any hierarchy: one runs already, one is born later.
func TestRecordContainers(t *testing.T) {
	s := newScene(t)
	endpoint := fakeDocker(t, map[string]http.HandlerFunc{id(1): container(t, id(1), "web", nil), id(2): container(t, id(2), "job", nil)},
		fmt.Sprintf(`{"Id":%q,"Names":["/web"],"State":"running"}`, id(1)))
	s.group("docker")
	s.group("docker/"+id(1), server...)
	r := s.record("--container", "web", "--container", "job", "--wait", "--runtime-endpoint", endpoint, "-o", "out")
	r.untilCall("web")
	s.brief("docker/" + id(2))
	s.want(r.stop(), exitOK)
	if got := s.workloads("out"); got != "job web" {
		t.Fatalf("recordings of %s", got)
	}
	for name, one := range s.files("out") {
		about := one.Workload
		if !one.Complete || about.Kind != recording.KindContainer || about.Container == nil || about.Container.Engine != "docker" || filepath.Base(about.Cgroup) != about.Container.ID {
			t.Errorf("%s: complete %t, %+v", name, one.Complete, about)
		}
		if about.Name == "job" {
			checkTrue(t, name, one)
		} else if !recording.Reached(one, recording.PhaseSteady) {
			t.Errorf("%s: phases %+v", name, one.Phases)
		}
	}
}

// Labels and globs choose among what the engine knows; what is gone before it could be named is under its ID.
func TestRecordLabels(t *testing.T) {
	s := newScene(t)
	endpoint := fakeDocker(t, map[string]http.HandlerFunc{
		id(1): container(t, id(1), "web-1", map[string]string{"app": "shop", "tier": "web"}),
		id(2): container(t, id(2), "web-2", map[string]string{"app": "blog", "tier": "web"}),
		id(3): container(t, id(3), "db-1", map[string]string{"app": "shop", "tier": "db"}),
		id(5): func(w http.ResponseWriter, r *http.Request) { // it dies while the engine looks it up
			time.Sleep(200 * time.Millisecond)
			http.NotFound(w, r)
		},
	})
	byLabel := s.record("--label", "app=shop", "--label", "tier=db", "--wait", "--runtime-endpoint", endpoint, "-o", "label")
	byGlob := s.record("--container", "web-*", "--wait", "--runtime-endpoint", endpoint, "-o", "glob")
	for i := range 3 {
		s.brief(scope(i + 1))
	}
	s.brief(scope(4)) // the engine does not know it any more
	s.brief(scope(5))
	gone := []string{"container 000000000004 was gone before it could be named", "container 000000000005 was gone before it could be named"}
	s.want(byLabel.stop(), exitOK, gone...)
	s.want(byGlob.stop(), exitOK, gone...)
	if got := s.workloads("label"); got != "000000000004 000000000005 db-1" {
		t.Errorf("by label: %s", got)
	}
	if got := s.workloads("glob"); got != "000000000004 000000000005 web-1 web-2" {
		t.Errorf("by glob: %s", got)
	}
}

// Endpoints that do not answer, or with nonsense, are said so in time, and other targets are recorded.
func TestRecordBadEngines(t *testing.T) {
	s := newScene(t)
	dead := socket(t)
	listener, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	silent := socket(t)
	if listener, err = net.Listen("unix", silent); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s.want(s.run(nil, nil, "record", "--container", "web", "--runtime-endpoint", dead), exitUsage, "nobody listens at it: start the engine")
	s.want(s.run(nil, nil, "record", "--container", "web", "--runtime-endpoint", "http://x"), exitUsage, "not a Unix socket")

	good := fakeDocker(t, map[string]http.HandlerFunc{id(1): container(t, id(1), "web", nil), id(2): garbage, id(3): hang})
	s.group("there", server...)
	began := time.Now()
	r := s.record("--all", "--cgroup", s.top.Path+"/there", "--runtime-endpoint", good, "--runtime-endpoint", dead, "--runtime-endpoint", silent, "-o", "out")
	r.untilCall("there")
	for i := range 3 {
		s.brief(scope(i + 1))
	}
	o := r.stop()
	s.want(o, exitOK, dead, silent, "container 000000000002 is recorded under its ID", "container 000000000003 is recorded under its ID")
	if got := s.workloads("out"); got != "000000000002 000000000003 there web" {
		t.Errorf("recordings of %s", got)
	}
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("it took %s", took)
	}
}

// An engine that hangs holds up the end of a recording; who presses Ctrl-C again does not want to wait for names.
func TestRecordInterruptedTwice(t *testing.T) {
	s := newScene(t)
	const containers = 40
	handlers := map[string]http.HandlerFunc{}
	for i := range containers {
		handlers[id(i)] = hang
	}
	r := s.record("--all", "--runtime-endpoint", fakeDocker(t, handlers), "-o", "out")
	for i := range containers {
		s.brief(scope(i))
	}
	began := time.Now()
	if err := r.cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	o := r.stop()
	if o.code != exitOK {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	if took := time.Since(began); took > 10*time.Second { // one by one, the names would take 30
		t.Errorf("it took %s after the second Ctrl-C", took)
	}
	if files := s.files("out"); len(files) != containers {
		t.Errorf("%d files of %d containers", len(files), containers)
	}
}
