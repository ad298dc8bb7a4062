package hook

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Name of the container for people: its own in a pod, or the begin of its ID.
func Name(s *specs.State) string {
	if name := firstOf(s.Annotations, nameKeys...); name != "" {
		return recording.CleanString(name)
	}
	return recording.CleanString(s.ID[:min(len(s.ID), 12)])
}

// Container is what the state tells of the container's identity.
func Container(s *specs.State) *recording.Container {
	text := func(keys ...string) string { return recording.CleanString(firstOf(s.Annotations, keys...)) }
	c := &recording.Container{
		ID:     recording.CleanString(s.ID),
		Engine: engine(s.Annotations),
		Image:  text("io.kubernetes.cri-o.ImageName", "io.kubernetes.cri.image-name"),
	}
	pod := recording.Pod{
		Namespace: text("io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"),
		Name:      text("io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"),
		UID:       text("io.kubernetes.pod.uid", "io.kubernetes.cri.sandbox-uid"),
	}
	if pod != (recording.Pod{}) {
		c.Pod = &pod
	}
	return c
}

// engine is told by the annotations that it adds itself.
func engine(annotations map[string]string) string {
	switch {
	case annotations["io.container.manager"] == "libpod":
		return "podman"
	case annotations["io.container.manager"] == "cri-o", annotations["io.kubernetes.cri-o.ContainerType"] != "":
		return "cri-o"
	case annotations["io.kubernetes.cri.container-type"] != "":
		return "containerd"
	}
	return ""
}

// Runtime names the OCI runtime by its program, which called the hook, as /proc/PID/exe shows it. Some
// run from a sealed copy in memory.
func Runtime(exe string) string {
	name := strings.TrimPrefix(path.Base(strings.TrimSuffix(exe, " (deleted)")), "memfd:")
	odd := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) }
	if name == "." || strings.ContainsFunc(name, odd) {
		return ""
	}
	return name
}

// StopSignals are what the image's STOPSIGNAL says, as a name or a number, and SIGTERM; none if nothing
// does.
func StopSignals(s *specs.State) []syscall.Signal {
	text := strings.ToUpper(s.Annotations["org.opencontainers.image.stopSignal"])
	signal := unix.SignalNum("SIG" + strings.TrimPrefix(text, "SIG"))
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 64 {
		signal = syscall.Signal(n)
	}
	if signal == 0 {
		return nil
	}
	return []syscall.Signal{signal, syscall.SIGTERM}
}

// OwnCgroup checks that a container's cgroup is its own. Both are paths below the cgroup2 mount:
// of the container's process, and of the hook's, which is the engine's.
func OwnCgroup(container, hook string) error {
	container, hook = path.Clean("/"+container), path.Clean("/"+hook)
	if container == "/" || hook == container || strings.HasPrefix(hook, container+"/") {
		return fmt.Errorf("the container has no cgroup of its own: it is in %s, with others: let the engine make one (Podman: not --cgroups=disabled)", container)
	}
	return nil
}
