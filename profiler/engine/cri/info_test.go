package cri

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// What engines add to their answers, in the words of containerd 1.6 and 2.0 and CRI-O 1.30.
func TestInfo(t *testing.T) {
	for name, test := range map[string]struct {
		info string
		want engine.Container
	}{
		"nothing": {``, engine.Container{}},
		"containerd": {`{"sandboxID":"x","pid":42,"runtimeType":"io.containerd.runc.v2","runtimeOptions":{"binary_name":"/usr/bin/crun"},
			"config":{"metadata":{"name":"web"},"linux":{"security_context":{"seccomp":{"profile_type":2,"localhost_ref":"profiles/web.json"}}}},
			"runtimeSpec":{"process":{"noNewPrivileges":true},"linux":{"cgroupsPath":"kubepods-pod1.slice:cri-containerd:abc","seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}}}`,
			engine.Container{PID: 42, Runtime: "crun", NoNewPrivs: new(true), Seccomp: "profiles/web.json", SeccompJSON: `{"defaultAction":"SCMP_ACT_ERRNO"}`,
				CgroupPath: "/kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope"}},
		"containerd, defaults": {`{"pid":42,"runtimeType":"io.containerd.kata.v2","runtimeSpec":{"process":{},"linux":{"cgroupsPath":"/k8s.io/abc"}}}`,
			engine.Container{PID: 42, Runtime: "kata", NoNewPrivs: new(false), Seccomp: "unconfined", CgroupPath: "/k8s.io/abc"}},
		"CRI-O": {`{"sandboxID":"x","pid":42,"privileged":false,"runtimeSpec":{"annotations":{"io.kubernetes.cri-o.SeccompProfilePath":"runtime/default"},
			"process":{"noNewPrivileges":false},"linux":{"cgroupsPath":"system.slice:crio:abc","seccomp":{}}}}`,
			engine.Container{PID: 42, NoNewPrivs: new(false), Seccomp: "default", SeccompJSON: "{}", CgroupPath: "/system.slice/crio-abc.scope"}},
		"CRI-O, profile": {`{"runtimeSpec":{"annotations":{"io.kubernetes.cri-o.SeccompProfilePath":"localhost/web.json"},"linux":{"seccomp":{}}}}`,
			engine.Container{Seccomp: "web.json", SeccompJSON: "{}"}},
		"a file": {`{"config":{"linux":{"security_context":{"seccomp":{"localhost_ref":"/var/lib/kubelet/seccomp/web.json"}}}},"runtimeSpec":{"linux":{"seccomp":{}}}}`,
			engine.Container{Seccomp: "/var/lib/kubelet/seccomp/web.json", SeccompFile: "/var/lib/kubelet/seccomp/web.json", SeccompJSON: "{}"}},
		"no filter":        {`{"runtimeSpec":{"linux":{"seccomp":null}}}`, engine.Container{Seccomp: "unconfined"}},
		"one strange part": {`{"pid":"42","runtimeHandler":"crun"}`, engine.Container{Runtime: "crun"}},
	} {
		var got engine.Container
		i := parseInfo(map[string]string{"info": test.info})
		i.fill(&got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestImageInfo(t *testing.T) {
	i := parseInfo(map[string]string{"info": `{"chainID":"x","imageSpec":{"config":{"Cmd":["nginx"],"StopSignal":"SIGQUIT"}}}`})
	if got := i.ImageSpec.Config.StopSignal; got != "SIGQUIT" {
		t.Errorf("stop signal %q", got)
	}
}

func TestCgroupPath(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"/a/b":                              "/a/b",
		"/../../etc":                        "/etc",
		"a/b":                               "",
		"-.slice:crio:1":                    "/crio-1.scope",
		"a.slice:docker:1":                  "/a.slice/docker-1.scope",
		"a-b-c.slice:docker:1":              "/a.slice/a-b.slice/a-b-c.slice/docker-1.scope",
		"../..:docker:1":                    "",
		"a:b":                               "",
		strings.Repeat("-", 1<<20) + ":a:b": "",
	} {
		if got := cgroupPath(text); got != want {
			t.Errorf("cgroupPath(%.40q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzInfo(f *testing.F) {
	f.Add(`{"pid":1,"runtimeType":"io.containerd.runc.v2","runtimeSpec":{"linux":{"cgroupsPath":"a-b.slice:x:y"}}}`)
	f.Add(`{"runtimeSpec":{"linux":{"cgroupsPath":"/../.."}},"runtimeOptions":{"BinaryName":"../.."}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var c engine.Container
		i := parseInfo(map[string]string{"info": text})
		i.fill(&c)
		engine.Limit(&c)
		if c.CgroupPath != "" && (c.CgroupPath[0] != '/' || path.Clean(c.CgroupPath) != c.CgroupPath) && len(c.CgroupPath) < 4096 {
			t.Errorf("cgroup path %q", c.CgroupPath)
		}
	})
}

func TestDescribe(t *testing.T) {
	got := describe(&runtime.ContainerStatus{
		Image:      &runtime.ImageSpec{Image: "sha256:0", UserSpecifiedImage: "nginx:1"},
		ImageRef:   "docker.io/library/nginx@sha256:abc",
		StopSignal: runtime.Signal_SIGNAL_SIGUSR1,
	}, info{})
	if got.Image != "nginx:1" || got.ImageDigest != "sha256:abc" || got.StopSignal != "SIGUSR1" {
		t.Errorf("%+v", got)
	}
	if got := describe(nil, info{}); got.ID != "" || got.StopSignal != "" { // nothing is said
		t.Errorf("%+v", got)
	}
}
