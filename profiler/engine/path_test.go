package engine_test

import (
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
)

const (
	id    = "3f2a9c1b7d44e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70819"
	other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	uid   = "c9a8f2d1-0b7e-4c55-9f3a-1d2e3f405162"
	slice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podc9a8f2d1_0b7e_4c55_9f3a_1d2e3f405162.slice"
)

func TestParsePath(t *testing.T) {
	docker, containerd := engine.Ref{ID: id, Engine: "docker"}, engine.Ref{ID: id, Engine: "containerd"}
	crio, podman := engine.Ref{ID: id, Engine: "cri-o"}, engine.Ref{ID: id, Engine: "podman"}
	inPod := func(ref engine.Ref) engine.Ref { ref.PodUID = uid; return ref }
	monitor := func(ref engine.Ref) engine.Ref { ref.Monitor = true; return ref }
	for _, test := range []struct {
		root, below string // the path is both
		want        engine.Ref
	}{
		{"/system.slice/docker-" + id + ".scope", "", docker},
		{"/system.slice/docker-" + id + ".scope", "/init.scope", docker},
		{"/docker/" + id, "", docker},
		{"docker/" + id, "/", docker},
		{"/custom.slice/custom-parent.slice/docker-" + id + ".scope", "", docker},
		{"/a/b/" + id, "", engine.Ref{ID: id}},
		{"/../../docker/" + id, "", docker},
		{"/system.slice/nerdctl-" + id + ".scope", "", containerd},
		{"/k8s.io/" + id, "", containerd},
		{slice + "/cri-containerd-" + id + ".scope", "", inPod(containerd)},
		{slice + "/docker-" + id + ".scope", "", inPod(docker)},
		{slice + "/crio-" + id + ".scope", "/container", inPod(crio)},
		{slice + "/crio-conmon-" + id + ".scope", "", inPod(monitor(crio))},
		{"/kubelet" + strings.ReplaceAll(slice[1:], "/kube", "/kubelet-kube") + "/cri-containerd-" + id + ".scope", "", inPod(containerd)},
		{"/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" + id + ".scope", "", engine.Ref{
			ID: id, Engine: "containerd", PodUID: "0123456789abcdef0123456789abcdef",
		}},
		{"/kubepods/burstable/pod" + uid + "/" + id, "", inPod(engine.Ref{ID: id})},
		{"/kubepods/besteffort/pod" + uid + "/" + id, "/sub", inPod(engine.Ref{ID: id})},
		{"/kubepods/pod" + uid + "/crio-" + id, "", inPod(crio)},
		{"/system.slice/containerd.service/kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice:cri-containerd:" + id, "", inPod(containerd)},
		{"/machine.slice/libpod-" + id + ".scope", "/container", podman},
		{"/machine.slice/libpod-conmon-" + id + ".scope", "", monitor(podman)},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope", "", podman},
		{"/machine.slice/machine-libpod_pod_" + other + ".slice/libpod-" + id + ".scope", "", podman},
		{"/system.slice/web.service/libpod-payload-" + id, "", podman},
		{"/libpod_parent/libpod-" + id, "", podman},
		{"/libpod_parent/libpod-conmon-" + id, "", monitor(podman)},
		{"/libpod_parent/conmon", "", engine.Ref{Engine: "podman", Monitor: true}},
		{"/libpod_parent/" + other + "/libpod-" + id, "", podman}, // in a pod
		{"/custom/" + other + "/libpod-" + id, "", podman},
		// Containers in containers: the outermost.
		{"/docker/" + id, "/docker/" + other, docker},
		{"/docker/" + id, "/libpod_parent/libpod-" + other, docker},
		{"/docker/" + id, "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" + other + ".scope", docker},
		{"/machine.slice/libpod-" + id + ".scope", "/system.slice/docker-" + other + ".scope", podman},
	} {
		ref, root, ok := engine.ParsePath(test.root + test.below)
		if !ok || ref != test.want || root != test.root {
			t.Errorf("ParsePath(%q) = %+v, %q, %t\nwant %+v, %q", test.root+test.below, ref, root, ok, test.want, test.root)
		}
	}
}

func TestParsePathOfOthers(t *testing.T) {
	for _, path := range []string{
		"", "/", "//", "/system.slice/nginx.service", "/docker", "/docker/abc", "/user.slice",
		"/docker/" + id[:63], "/docker/" + id + "0", "/docker/" + strings.ToUpper(id),
		"/system.slice/docker-" + id[:12] + ".scope", "/system.slice/docker" + id + ".scope", "/system.slice/docker-" + id + ".service",
		"/system.slice/other-" + id + ".scope", "/libpod_parent", "/libpod_parent/" + id, // a pod's
		"/custom/conmon", slice, "/kubepods/burstable/pod" + uid,
		"/a/x.slice:web:" + id, "/a/b:c:d:e",
	} {
		if ref, root, ok := engine.ParsePath(path); ok || root != "" || ref != (engine.Ref{}) {
			t.Errorf("ParsePath(%q) = %+v, %q, %t, want nothing", path, ref, root, ok)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{
		"/docker/" + id, slice + "/cri-containerd-" + id + ".scope", "/libpod_parent/" + other + "/libpod-" + id,
		"/libpod_parent/conmon", "/kubepods/pod" + uid + "/" + id, "x.slice:docker:" + id, "//" + id + "//" + other,
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		ref, root, ok := engine.ParsePath(path)
		if !ok {
			return
		}
		if !strings.HasPrefix(path, root) || ref.ID != "" && !engine.IsID(ref.ID) || ref.ID == "" && !ref.Monitor {
			t.Fatalf("ParsePath(%q) = %+v, %q", path, ref, root)
		}
		if rest := path[len(root):]; rest != "" && rest[0] != '/' {
			t.Fatalf("ParsePath(%q): root %q ends within a name", path, root)
		}
		// Whatever a container makes below its cgroup, it stays the same.
		for _, below := range []string{"", "/", "/sub", "/docker/" + other} {
			again, sameRoot, ok := engine.ParsePath(root + below)
			if !ok || again != ref || sameRoot != root {
				t.Fatalf("ParsePath(%q) = %+v, %q, but below its root %+v, %q", path, ref, root, again, sameRoot)
			}
		}
	})
}
