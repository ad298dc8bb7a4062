package hook

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestReadState(t *testing.T) {
	const whole = `{"ociVersion":"1.0.2","id":"web","status":"creating","pid":712,"bundle":"/b","annotations":{"a":"b"},"more":1}`
	state, err := ReadState(strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.State{Version: "1.0.2", ID: "web", Status: specs.StateCreating, Pid: 712, Bundle: "/b", Annotations: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ text, why string }{
		{"", "no container's state"},
		{"\n", "no container's state"},
		{"hello", "is no JSON"},
		{"[]", "is no JSON"},
		{whole + whole, "is no JSON"},
		{`{"id":"web","pid":"712"}`, "is no JSON"},
		{`null`, "no usable id"},
		{`{"pid":712}`, "no usable id"},
		{`{"id":"web"}`, "has pid 0"},
		{`{"id":"web","pid":-3}`, "has pid -3"},
		{`{"id":"web","pid":3,"status":"running"}`, "is running already"},
		{`{"id":"web","pid":0,"status":"stopped"}`, "is stopped already"},
		{`{"id":"` + strings.Repeat("a", 5<<20) + `"}`, "larger than"},
	} {
		if _, err := ReadState(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.80s: %v, want an error with %q", c.text, err, c.why)
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add(`{"id":"web","pid":3,"annotations":{"io.containers.trace-syscall/web":"of:/x"}}`)
	f.Add(`{"id":"\u0000","pid":3,"status":"created"}`)
	f.Fuzz(func(t *testing.T, text string) {
		state, err := ReadState(strings.NewReader(text))
		if err != nil {
			return
		}
		_, _, _ = Find(state)
		for _, s := range StopSignals(state) {
			if s < 1 || s > 64 {
				t.Fatalf("stop signal %d", s)
			}
		}
		for _, name := range []string{Name(state), Container(state).ID, Container(state).Image} {
			if name != recording.CleanString(name) {
				t.Fatalf("%q is not clean", name)
			}
		}
	})
}

func TestFind(t *testing.T) {
	const key = "io.containers.trace-syscall"
	crio := func(name string, more ...string) map[string]string {
		return annotations(append(more, "io.kubernetes.container.name", name)...)
	}
	for _, c := range []struct {
		name        string
		annotations map[string]string
		value       string
		found, fail bool
	}{
		{"none", nil, "", false, false},
		{"plain", annotations(key, "of:/a"), "of:/a", true, false},
		{"empty", annotations(key, ""), "", true, false},
		{"plain in a pod", crio("web", key, "of:/a"), "of:/a", true, false},
		{"its own", crio("web", key+"/web", "of:/a", key+"/db", "of:/b"), "of:/a", true, false},
		{"its own before the plain one", crio("web", key+"/web", "of:/a", key, "of:/b"), "of:/a", true, false},
		{"another's", crio("sidecar", key+"/web", "of:/a"), "", false, false},
		{"containerd", annotations("io.kubernetes.cri.container-name", "web", key+"/web", "of:/a"), "of:/a", true, false},
		{"the pod's sandbox", annotations("io.kubernetes.cri-o.ContainerType", "sandbox", key, "of:/a"), "", false, false},
		{"containerd's sandbox", annotations("io.kubernetes.cri.container-type", "sandbox", key, "of:/a"), "", false, false},
		{"a container's, of nobody", annotations(key+"/web", "of:/a"), "", false, true},
		{"another key", annotations(key+"s", "of:/a"), "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			value, found, err := Find(&specs.State{ID: "id", Annotations: c.annotations})
			if value != c.value || found != c.found || (err != nil) != c.fail {
				t.Errorf("%q, %v, %v, want %q, %v, error: %v", value, found, err, c.value, c.found, c.fail)
			}
		})
	}
}

func annotations(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func TestContainer(t *testing.T) {
	id := strings.Repeat("3f2a9c1b", 8)
	for _, c := range []struct {
		annotations map[string]string
		name        string
		want        recording.Container
	}{
		{nil, "3f2a9c1b3f2a", recording.Container{ID: id}},
		{annotations("io.container.manager", "libpod"), "3f2a9c1b3f2a", recording.Container{ID: id, Engine: "podman"}},
		{annotations("io.container.manager", "cri-o", "io.kubernetes.container.name", "we\nb", "io.kubernetes.pod.name", "shop-0",
			"io.kubernetes.pod.namespace", "shop", "io.kubernetes.pod.uid", "u", "io.kubernetes.cri-o.ImageName", "nginx"),
			`we\x0ab`, recording.Container{ID: id, Engine: "cri-o", Image: "nginx", Pod: &recording.Pod{Namespace: "shop", Name: "shop-0", UID: "u"}}},
		{annotations("io.kubernetes.cri.container-type", "container", "io.kubernetes.cri.container-name", "web"),
			"web", recording.Container{ID: id, Engine: "containerd"}},
	} {
		state := &specs.State{ID: id, Annotations: c.annotations}
		if got := Name(state); got != c.name {
			t.Errorf("name %q, want %q", got, c.name)
		}
		if diff := cmp.Diff(&c.want, Container(state)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRuntime(t *testing.T) {
	for exe, want := range map[string]string{
		"/usr/sbin/runc": "runc", "/usr/bin/crun": "crun", "/memfd:crun (deleted)": "crun", "/usr/bin/runc (deleted)": "runc",
		"": "", "/": "", "/opt/My Runtime": "", "/tmp/a\nb": "",
	} {
		if got := Runtime(exe); got != want {
			t.Errorf("%q: %q, want %q", exe, got, want)
		}
	}
}

func TestStopSignals(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"": 0, "15": syscall.SIGTERM, "3": syscall.SIGQUIT, "SIGINT": syscall.SIGINT, "quit": syscall.SIGQUIT,
		"0": 0, "99": 0, "-3": 0, "hello": 0, "37": 37,
	} {
		state := &specs.State{Annotations: annotations("org.opencontainers.image.stopSignal", text)}
		got := StopSignals(state)
		if (want == 0) != (got == nil) || (got != nil && got[0] != want) {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestOwnCgroup(t *testing.T) {
	for _, c := range []struct {
		container, hook string
		own             bool
	}{
		{"/libpod_parent/libpod-3f", "/libpod_parent/conmon", true},
		{"/machine.slice/libpod-3f.scope/container", "/machine.slice/libpod-conmon-3f.scope", true},
		{"/user.slice/libpod-3f", "/user.slice", true},
		{"/a", "/ab", true},
		{"/", "/", false},
		{"", "/x", false},
		{"/x", "/x", false},
		{"/x", "/x/y", false},
		{"/x/", "/x", false},
	} {
		if err := OwnCgroup(c.container, c.hook); (err == nil) != c.own {
			t.Errorf("%q beside %q: %v", c.container, c.hook, err)
		}
	}
}
