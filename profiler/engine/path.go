package engine

import (
	"iter"
	"strings"
)

// Ref is what the path of a cgroup tells of the container that lives in it.
type Ref struct {
	ID      string // 64 hexadecimal digits; empty only for a monitor
	Engine  string // docker, containerd, cri-o, podman; empty if the path does not tell
	PodUID  string // of Kubernetes
	Monitor bool   // the cgroup of conmon, which looks after the container: not the container
}

const idLength = 64

// IsID tells whether text is a whole container ID.
func IsID(text string) bool { return len(text) == idLength && isHex(text) }

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// ParsePath finds the container in the path of a cgroup below its mount. Root is the path's
// begin that is the container's own cgroup. Where containers are nested, the outermost one
// is meant: it is the workload, and the others are what it does.
func ParsePath(path string) (ref Ref, root string, ok bool) {
	parent, podUID := "", ""
	for begin, end := range components(path) {
		name := path[begin:end]
		next, _, _ := strings.Cut(strings.TrimLeft(path[end:], "/"), "/")
		if uid := parsePod(name, parent); uid != "" {
			podUID = uid
		}
		if ref, ok := parseComponent(name, parent, next); ok {
			if ref.PodUID == "" {
				ref.PodUID = podUID
			}
			return ref, path[:end], true
		}
		parent = name
	}
	return Ref{}, "", false
}

// components yields where each component of a path begins and ends.
func components(path string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for begin := 0; begin < len(path); begin++ {
			end := begin
			for end < len(path) && path[end] != '/' {
				end++
			}
			if end > begin && !yield(begin, end) {
				return
			}
			begin = end
		}
	}
}

// prefixes name what an engine puts before the ID, in scopes of systemd and in plain cgroups. Longer
// ones come first.
var prefixes = []struct {
	text, engine string
	monitor      bool
}{
	{"docker", Docker, false},
	{"cri-containerd", Containerd, false},
	{"nerdctl", Containerd, false},
	{"crio-conmon", CRIO, true},
	{"crio", CRIO, false},
	{"libpod-conmon", Podman, true},
	{"libpod-payload", Podman, false}, // podman run --cgroups=split, which Quadlet uses
	{"libpod", Podman, false},
}

// libpodParent holds all containers of Podman without systemd.
const libpodParent = "libpod_parent"

func parseComponent(name, parent, next string) (Ref, bool) {
	if ref, ok := parsePrefixed(name); ok {
		return ref, true
	}
	if ref, ok := parseUnexpanded(name); ok {
		return ref, true
	}
	if name == "conmon" && parent == libpodParent { // of all containers: no ID
		return Ref{Engine: Podman, Monitor: true}, true
	}
	if !IsID(name) || isLibpodPod(parent, next) {
		return Ref{}, false
	}
	switch parent {
	case "docker":
		return Ref{ID: name, Engine: Docker}, true
	case "k8s.io":
		return Ref{ID: name, Engine: Containerd}, true
	}
	return Ref{ID: name}, true
}

// parsePrefixed knows "docker-ID.scope" and "libpod-ID".
func parsePrefixed(name string) (Ref, bool) {
	name = strings.TrimSuffix(name, ".scope")
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(name, prefix.text)
		if id, dash := strings.CutPrefix(rest, "-"); ok && dash && IsID(id) {
			return Ref{ID: id, Engine: prefix.engine, Monitor: prefix.monitor}, true
		}
	}
	return Ref{}, false
}

// parseUnexpanded knows "SLICE:PREFIX:ID": a path for systemd that an OCI runtime took as
// it was, because it was not told to use systemd.
func parseUnexpanded(name string) (Ref, bool) {
	parts := strings.Split(name, ":")
	if len(parts) != 3 {
		return Ref{}, false
	}
	ref, ok := parsePrefixed(parts[1] + "-" + parts[2])
	ref.PodUID = parsePod(parts[0], "")
	return ref, ok
}

// isLibpodPod: Podman without systemd gives a pod a cgroup that is named like a container of
// others, and its containers live below.
func isLibpodPod(parent, next string) bool {
	ref, ok := parsePrefixed(next)
	return parent == libpodParent || ok && ref.Engine == Podman
}

// parsePod knows the pods of the kubelet: "kubepods-burstable-podUID.slice" with the
// dashes of the UID as underscores, or "podUID" below "kubepods", "burstable" or "besteffort".
func parsePod(name, parent string) string {
	if slice, ok := strings.CutSuffix(name, ".slice"); ok {
		at := strings.LastIndex(slice, "-pod")
		if at < 0 || !strings.Contains(slice[:at], "kubepods") {
			return ""
		}
		return podUID(strings.ReplaceAll(slice[at+len("-pod"):], "_", "-"))
	}
	uid, ok := strings.CutPrefix(name, "pod")
	if !ok || parent != "kubepods" && parent != "burstable" && parent != "besteffort" {
		return ""
	}
	return podUID(uid)
}

// podUID: a UUID, or 32 hexadecimal digits for a pod of a node's own.
func podUID(text string) string {
	if len(text) < 32 || len(text) > 36 || !isHex(strings.ReplaceAll(text, "-", "")) {
		return ""
	}
	return text
}
