// Package engine gives containers their identity: an ID from the path of a cgroup, and all else
// from the container engine that made it. Its subpackages talk to the engines; this one does not
// touch the host.
package engine

import (
	"context"
	"errors"
	"time"
)

// Names of engines, as in Ref and Container.
const (
	Docker     = "docker"
	Containerd = "containerd"
	CRIO       = "cri-o"
	Podman     = "podman"
)

// Unconfined is what Container.Seccomp says of one without a filter.
const Unconfined = "unconfined"

// ErrNotFound tells that an engine answered, and has no such container.
var ErrNotFound = errors.New("no such container")

// Container is what an engine knows of a container. Strings are as the engine gave them, only
// bounded in length (see Limit): they may hold anything.
type Container struct {
	ID             string
	Name           string // as the engine's command line shows it; of CRI, Pod_Namespace_Container
	Engine         string // docker, containerd, cri-o, podman
	EngineVersion  string
	Runtime        string // OCI runtime: runc, crun, …
	RuntimeVersion string // empty if the engine does not tell
	Image          string // as named by the user
	ImageDigest    string // sha256:… of the manifest; of the image's configuration if it never was in a registry
	Labels         map[string]string
	PodNamespace   string
	PodName        string
	PodUID         string
	ContainerName  string // within its pod
	Sandbox        bool   // holds the namespaces of a pod, and runs nothing of the user's
	PID            int    // of the leader; 0 if it does not run
	Running        bool
	StopSignal     string // as configured, e.g. SIGQUIT; empty if the engine does not tell
	HasHealth      bool
	Health         string // "", starting, healthy, unhealthy
	NoNewPrivs     *bool  // nil if the engine does not tell
	Seccomp        string // unconfined, default, a profile's name, or empty if the engine does not tell
	SeccompFile    string // that the profile was read from when the container was made
	SeccompJSON    string // what was read, as a profile or as the OCI runtime got it
	SpecFile       string // the OCI runtime's configuration, which has the same; empty unless the engine tells
	CgroupPath     string // below the cgroup mount, if the engine tells
}

// Patience is how long a user waits for an engine of a busy host, which may take many seconds: a deadline for
// contexts of calls.
const Patience = 15 * time.Second

// Client asks one engine. A call whose context has no deadline ends within a few seconds.
type Client interface {
	Engine() string   // one of the names above, or what the engine calls itself
	Version() string  // of the engine
	Endpoint() string // path of its socket
	// Container returns ErrNotFound if the engine does not know the ID, which must be complete.
	Container(ctx context.Context, id string) (*Container, error)
	// List returns the running containers, with less detail than Container.
	List(ctx context.Context) ([]Container, error)
	Close() error
}

// Labels that the kubelet gives to containers of every engine.
const (
	labelPodName       = "io.kubernetes.pod.name"
	labelPodNamespace  = "io.kubernetes.pod.namespace"
	labelPodUID        = "io.kubernetes.pod.uid"
	labelContainerName = "io.kubernetes.container.name"
)

// FillPod takes from the labels what the engine itself does not tell of the pod.
func FillPod(c *Container) {
	for _, field := range []struct {
		value *string
		label string
	}{
		{&c.PodName, labelPodName},
		{&c.PodNamespace, labelPodNamespace},
		{&c.PodUID, labelPodUID},
		{&c.ContainerName, labelContainerName},
	} {
		if *field.value == "" {
			*field.value = c.Labels[field.label]
		}
	}
}
