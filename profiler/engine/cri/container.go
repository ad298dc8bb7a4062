package cri

import (
	"strings"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// describe turns what the engine said of one container into our words. All of it may be missing:
// the getters of the API allow that.
func describe(status *runtime.ContainerStatus, info info) *engine.Container {
	c := &engine.Container{
		ID:            status.GetId(),
		ContainerName: status.GetMetadata().GetName(),
		Image:         status.GetImage().GetUserSpecifiedImage(),
		ImageDigest:   digest(status.GetImageRef()),
		Labels:        status.GetLabels(),
		Running:       status.GetState() == runtime.ContainerState_CONTAINER_RUNNING,
		StopSignal:    signalName(status.GetStopSignal()),
	}
	if c.Image == "" {
		c.Image = status.GetImage().GetImage()
	}
	info.fill(c)
	return c
}

func describeSandbox(status *runtime.PodSandboxStatus, info info) *engine.Container {
	c := &engine.Container{
		ID:      status.GetId(),
		Labels:  status.GetLabels(),
		Sandbox: true,
		Running: status.GetState() == runtime.PodSandboxState_SANDBOX_READY,
	}
	fillPod(c, status.GetMetadata())
	info.fill(c)
	if c.Runtime == "" {
		c.Runtime = status.GetRuntimeHandler()
	}
	return c
}

func fillPod(c *engine.Container, pod *runtime.PodSandboxMetadata) {
	c.PodName, c.PodNamespace, c.PodUID = pod.GetName(), pod.GetNamespace(), pod.GetUid()
	c.Name = fullName(c)
}

// joinPod takes what the sandbox of a container tells of both.
func joinPod(c, pod *engine.Container) {
	c.PodName, c.PodNamespace, c.PodUID = pod.PodName, pod.PodNamespace, pod.PodUID
	if c.Runtime == "" {
		c.Runtime = pod.Runtime
	}
}

// fullName is unique on a node, as far as people name things: of the pod, its namespace and the
// container, as the kubelet names log files.
func fullName(c *engine.Container) string {
	var parts []string
	for _, part := range []string{c.PodName, c.PodNamespace, c.ContainerName} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "_")
}

// digest of "name@sha256:…" or "sha256:…".
func digest(ref string) string {
	if _, digest, ok := strings.Cut(ref, "@"); ok {
		return digest
	}
	if engine.IsID(ref) { // CRI-O's image IDs
		return "sha256:" + ref
	}
	return ref
}

// signalName of a signal that the pod's author chose.
func signalName(signal runtime.Signal) string {
	if signal == runtime.Signal_SIGNAL_RUNTIME_DEFAULT {
		return ""
	}
	return strings.TrimPrefix(signal.String(), "SIGNAL_")
}

func summarize(pods []*runtime.PodSandbox, containers []*runtime.Container) []engine.Container {
	var result []engine.Container
	byID := map[string]*runtime.PodSandboxMetadata{}
	for _, pod := range pods {
		byID[pod.GetId()] = pod.GetMetadata()
		c := engine.Container{ID: pod.GetId(), Labels: pod.GetLabels(), Sandbox: true, Running: true}
		fillPod(&c, pod.GetMetadata())
		if engine.IsID(c.ID) {
			result = append(result, c)
		}
	}
	for _, from := range containers {
		c := engine.Container{
			ID:            from.GetId(),
			ContainerName: from.GetMetadata().GetName(),
			Image:         from.GetImage().GetImage(),
			Labels:        from.GetLabels(),
			Running:       true,
		}
		fillPod(&c, byID[from.GetPodSandboxId()])
		engine.FillPod(&c)
		c.Name = fullName(&c)
		if engine.IsID(c.ID) {
			result = append(result, c)
		}
	}
	return result
}
