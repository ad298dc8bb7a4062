package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestPlaceOf(t *testing.T) {
	for _, test := range []struct{ base, path, kind, name, engine string }{
		{"", "/docker/" + containerID, "container", containerID[:12], "docker"},
		{"", "/system.slice/docker-" + containerID + ".scope", "container", containerID[:12], "docker"},
		{"", "/system.slice/docker-" + containerID + ".scope/init", "cgroup", "init", ""},
		{"", "/machine.slice/libpod-conmon-" + containerID + ".scope", "cgroup", "libpod-conmon-" + containerID + ".scope", "podman"},
		{"", "/system.slice/nginx.service", "unit", "nginx.service", ""},
		{"", "/user.slice/session-3.scope", "unit", "session-3.scope", ""},
		{"", "/system.slice", "cgroup", "system.slice", ""},
		{"", "/", "cgroup", "/", ""},
		// A whole host inside a container: that container is not asked for.
		{"/docker/" + containerID, "/docker/" + containerID + "/web.service", "unit", "web.service", ""},
		{"/docker/" + containerID + "/", "/docker/" + containerID + "/docker/" + containerID, "container", containerID[:12], "docker"},
	} {
		p := placeOf(test.base, test.path)
		if p.kind != test.kind || p.name() != test.name || p.ref.Engine != test.engine || p.path != test.path {
			t.Errorf("%s below %q: %+v, called %s", test.path, test.base, p, p.name())
		}
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		child, parent string
		want          bool
	}{
		{"/a/b", "/a", true}, {"/a", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/a", "/", true}, {"/a/b", "/a/", true}, {"/", "/a", false},
	} {
		if got := within(test.child, test.parent); got != test.want {
			t.Errorf("within(%q, %q) is %v", test.child, test.parent, got)
		}
	}
}

func TestCgroupPath(t *testing.T) {
	mount := cgroup.Mount{Path: "/sys/fs/cgroup"}
	for text, want := range map[string]string{
		"/a/b": "/a/b", "a/b": "/a/b", "a/../../b/": "/b", "/sys/fs/cgroup/a": "/a", "/sys/fs/cgroup": "/", "/sys/fs/cgroupx": "/sys/fs/cgroupx", "/": "/",
		"/sys/fs/cgroup/../../etc": "/sys/etc",
	} {
		if got := cgroupPath(mount, text); got != want {
			t.Errorf("cgroupPath(%q) = %q, want %q", text, got, want)
		}
	}
}

// Who means what: with what the engine knows, and without.
func TestJudge(t *testing.T) {
	shop := &engine.Container{ID: containerID, Name: "web", Labels: map[string]string{"app": "shop"}, PodNamespace: "ns", PodName: "pod", ContainerName: "main"}
	pause := &engine.Container{ID: containerID, Name: "web", Sandbox: true, PodNamespace: "ns", PodName: "pod"}
	container := placeOf("", "/docker/"+containerID)
	unit := placeOf("", "/system.slice/web.service")
	conmon := placeOf("", "/machine.slice/libpod-conmon-"+containerID+".scope")
	labels := map[string]string{"app": "shop"}
	for _, test := range []struct {
		t    Target
		p    place
		c    *engine.Container
		want verdict
	}{
		{Target{Kind: Container, Text: "web"}, container, shop, yes},
		{Target{Kind: Container, Text: "w*"}, container, shop, yes},
		{Target{Kind: Container, Text: "db"}, container, shop, no},
		{Target{Kind: Container, Text: "web"}, container, pause, no},
		{Target{Kind: Container, Text: "web"}, container, nil, unknown},
		{Target{Kind: Container, Text: containerID[:12]}, container, nil, yes},
		{Target{Kind: Container, Text: containerID[:12], Labels: labels}, container, nil, unknown},
		{Target{Kind: Container, Text: "web"}, unit, nil, no},
		{Target{Kind: Container, Text: "web", Labels: labels}, container, shop, yes},
		{Target{Kind: Container, Text: "web", Labels: map[string]string{"app": "x"}}, container, shop, no},
		{Target{Kind: Labelled, Labels: labels}, container, shop, yes},
		{Target{Kind: Labelled, Labels: labels}, container, nil, unknown},
		{Target{Kind: Pod, Text: "ns/pod"}, container, shop, yes},
		{Target{Kind: Pod, Text: "ns/pod"}, container, pause, no},
		{Target{Kind: Pod, Text: "ns/pod/main"}, container, shop, yes},
		{Target{Kind: Pod, Text: "ns/pod/side"}, container, shop, no},
		{Target{Kind: Unit, Text: "web"}, unit, nil, yes},
		{Target{Kind: Unit, Text: "web.service"}, unit, nil, yes},
		{Target{Kind: Unit, Text: "w*"}, unit, nil, yes},
		{Target{Kind: Unit, Text: "web"}, container, shop, no},
		{Target{Kind: Cgroup, Text: "/docker"}, container, nil, yes},
		{Target{Kind: Cgroup, Text: "/other"}, container, nil, no},
		{Target{Kind: All}, container, shop, yes},
		{Target{Kind: All}, container, nil, yes},
		{Target{Kind: All}, container, pause, no},
		{Target{Kind: All}, conmon, nil, no},
		{Target{Kind: All}, unit, nil, yes},
	} {
		resolved := &target{Target: test.t, path: test.t.Text}
		if got := resolved.judge(test.p, test.c); got != test.want {
			t.Errorf("%s of %s (known: %v): %d, want %d", &test.t, test.p.path, test.c != nil, got, test.want)
		}
	}
}

func TestExcluded(t *testing.T) {
	c := &engine.Container{Name: "shop_web_1", ContainerName: "web"}
	p := placeOf("", "/docker/"+containerID)
	for glob, want := range map[string]bool{
		"shop_*": true, "web": true, containerID: true, containerID[:12]: true, containerID[:4] + "*": true, "/docker/*": true, "/docker": true, "/dock": false, "/": false, "/docker/*/*": false, "*.service": false, "[": false,
	} {
		if got := excluded([]string{"nothing", glob}, p, c); got != want {
			t.Errorf("%q: %v", glob, got)
		}
	}
}

// The comm is the process's own choice.
func TestParseStat(t *testing.T) {
	rest := " S 17 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"
	for _, comm := range []string{"sh", "a b", ") R 1 2 3 (", "\n)", ""} {
		if parent, started := parseStat([]byte("12 (" + comm + ")" + rest)); parent != 17 || started != 4242 {
			t.Errorf("%q: parent %d, started %d", comm, parent, started)
		}
	}
	for _, text := range []string{"", "12", "12 (sh) S 1", ")", "12 (sh"} {
		if parent, started := parseStat([]byte(text)); parent != 0 || started != 0 {
			t.Errorf("%q: parent %d, started %d", text, parent, started)
		}
	}
}

func TestReadProcess(t *testing.T) {
	if p := readProcess(os.Getpid()); p == nil || p.parent != os.Getppid() || p.exe == "" || p.started == 0 {
		t.Errorf("this process: %+v", p)
	}
	if !descendsFrom(os.Getpid(), os.Getppid()) || descendsFrom(os.Getppid(), os.Getpid()) {
		t.Error("who descends from whom")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (sh) S 17 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		parseStat(text)
	})
}

// one is a workload as far as names go.
func one(kind, name string, c *recording.Container, ref engine.Ref) *workload {
	about := recording.Workload{Kind: kind, Name: name, Container: c}
	return &workload{cgroup: 77, state: wanted, place: place{kind: kind, ref: ref}, life: &life.Life{Options: life.Options{About: about}}}
}

func TestFilename(t *testing.T) {
	ref := engine.Ref{ID: containerID}
	id := containerID[:12]
	for _, test := range []struct {
		one  *workload
		want Filename
	}{
		{one("container", "web", &recording.Container{Engine: "docker"}, ref), Filename("docker-web-" + id)},
		{one("container", id, &recording.Container{Engine: "docker"}, ref), Filename("docker-" + id)},
		{one("container", "web", &recording.Container{}, ref), Filename("container-web-" + id)},
		{one("container", "main", &recording.Container{Engine: "containerd", Pod: &recording.Pod{Name: "cart-0"}}, ref), Filename("containerd-cart-0-main-" + id)},
		{one("unit", "nginx.service", nil, engine.Ref{}), "systemd-nginx.service"},
		{one("cgroup", "web", nil, engine.Ref{}), "cgroup-web-77"},
		{one("cgroup", "/", nil, engine.Ref{}), "cgroup-_-77"},
		{one("container", "../../etc/passwd", &recording.Container{Engine: "../x"}, ref), Filename("_x-_.._etc_passwd-" + id)},
		{one("container", "ü\x1b\n", &recording.Container{Engine: "docker"}, ref), Filename("docker-___-" + id)},
	} {
		got := filename(test.one)
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.one.life.About.Name, got, test.want)
		}
		if filepath.Base(string(got)) != string(got) || strings.HasPrefix(string(got), ".") {
			t.Errorf("%q is no name of a file", got)
		}
	}
}

func FuzzSafe(f *testing.F) {
	for _, name := range []string{"web", "..", ".hidden", "-rf", "a/b", "\x00", strings.Repeat("ü", 100)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := safe(name)
		if got == "" || len(got) > 64 || strings.ContainsAny(got, "/\x00\n\x1b ") || got[0] == '.' || got[0] == '-' || filepath.Base(got) != got {
			t.Errorf("safe(%q) = %q", name, got)
		}
	})
}

func TestByName(t *testing.T) {
	w := &watch{workloads: map[int]*workload{
		1: one("container", "web", &recording.Container{Engine: "docker"}, engine.Ref{ID: containerID}),
		2: one("container", "web", &recording.Container{Engine: "podman"}, engine.Ref{ID: "ffff" + containerID[4:]}),
		3: one("unit", "db.service", nil, engine.Ref{}),
		4: one("unit", "hidden.service", nil, engine.Ref{}),
	}}
	w.workloads[4].state = undecided
	for name, want := range map[string]int{
		"db.service": 3, "systemd-db.service": 3, containerID: 1, containerID[:4]: 1, "ffff": 2, "docker-web-" + containerID[:12]: 1,
		"web": 0, "fff": 0, "nothing": 0, "hidden.service": 0, "": 0,
	} {
		found, err := w.byName(name)
		if want == 0 && err == nil || want > 0 && found != w.workloads[want] {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestStopSignals(t *testing.T) {
	usual := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}
	for configured, want := range map[string][]syscall.Signal{
		"":            usual,
		"SIGQUIT":     {syscall.SIGQUIT, syscall.SIGTERM},
		"QUIT":        {syscall.SIGQUIT, syscall.SIGTERM},
		"sigint":      {syscall.SIGINT, syscall.SIGTERM},
		"3":           {syscall.SIGQUIT, syscall.SIGTERM},
		"SIGTERM":     {syscall.SIGTERM},
		"SIGRTMIN+3":  {37, syscall.SIGTERM},
		"RTMIN":       {34, syscall.SIGTERM},
		"SIGRTMAX-1":  {63, syscall.SIGTERM},
		"SIGRTMIN+99": usual,
		"SIGNOPE":     usual,
		"0":           usual,
		"65":          usual,
		"-1":          usual,
		"SIGRTMIN+":   {34, syscall.SIGTERM},
		"RTMAX+1":     usual,
		"RTMIN-1":     usual,
	} {
		w := &watch{}
		if got := w.stopSignals(&engine.Container{StopSignal: configured}); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", configured, got, want)
		}
	}
	w := &watch{opts: Options{StopSignals: []syscall.Signal{syscall.SIGUSR1}}}
	if got := fmt.Sprint(w.stopSignals(&engine.Container{StopSignal: "SIGQUIT"})); got != fmt.Sprint([]syscall.Signal{syscall.SIGUSR1}) {
		t.Errorf("what the user said does not count: %s", got)
	}
}
