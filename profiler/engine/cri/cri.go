// Package cri asks containerd and CRI-O for containers, through the Container Runtime Interface of
// Kubernetes.
package cri

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// ErrNoCRI tells of a containerd whose CRI plugin is switched off, as it is where only Docker
// uses it.
var ErrNoCRI = errors.New("it does not serve the Container Runtime Interface (runtime.v1)")

// Client talks to one engine.
type Client struct {
	conn    *grpc.ClientConn
	runtime runtime.RuntimeServiceClient
	images  runtime.ImageServiceClient
	path    string
	engine  string
	version string
}

// again is how soon an engine that was restarted is reached: gRPC's own pauses grow to two minutes, and whatever starts
// meanwhile would have no name.
var again = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: engine.Patience,
}

// Open asks the engine at a socket who it is.
func Open(ctx context.Context, path string) (*Client, error) {
	conn, err := grpc.NewClient("passthrough:///localhost",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return socket.Dial(ctx, path) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(socket.MaxAnswer)),
		grpc.WithConnectParams(again), grpc.WithNoProxy(), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", path, err)
	}
	c := &Client{conn: conn, runtime: runtime.NewRuntimeServiceClient(conn), images: runtime.NewImageServiceClient(conn), path: path}
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	answer, err := c.runtime.Version(ctx, &runtime.VersionRequest{})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("asking %s for the version of its CRI: %w", path, plain(err))
	}
	c.engine, c.version = short(answer.RuntimeName), short(answer.RuntimeVersion)
	return c, nil
}

// plain turns the errors of gRPC that callers look for into Go's.
func plain(err error) error {
	switch status.Code(err) {
	case codes.NotFound:
		return engine.ErrNotFound
	case codes.Unimplemented:
		return ErrNoCRI
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	}
	return socket.Told(err)
}

// short: names and versions are in every message.
func short(text string) string { return text[:min(len(text), maxName)] }

// Engine is containerd or cri-o, or what another one calls itself.
func (c *Client) Engine() string { return c.engine }

// Version of the engine.
func (c *Client) Version() string { return c.version }

// Endpoint implements engine.Client.
func (c *Client) Endpoint() string { return c.path }

// Close implements engine.Client.
func (c *Client) Close() error { return c.conn.Close() }

// Container implements engine.Client. The ID may be a pod sandbox's, too.
func (c *Client) Container(ctx context.Context, id string) (*engine.Container, error) {
	if !engine.IsID(id) { // containerd would take it for the begin of an ID
		return nil, fmt.Errorf("asking %s for container %q: not a whole ID: %w", c.engine, id, engine.ErrNotFound)
	}
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	found, err := c.container(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		found, err = c.sandbox(ctx, id)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s at %s for container %s: %w", c.engine, c.path, id, err)
	}
	if found.ID != id {
		return nil, fmt.Errorf("asking %s at %s for container %s: it answers with another one, %.64q: is it a container engine?", c.engine, c.path, id, found.ID)
	}
	found.Engine, found.EngineVersion = c.engine, c.version
	engine.Limit(found)
	return found, nil
}

func (c *Client) container(ctx context.Context, id string) (*engine.Container, error) {
	answer, err := c.runtime.ContainerStatus(ctx, &runtime.ContainerStatusRequest{ContainerId: id, Verbose: true})
	if err != nil {
		return nil, plain(err)
	}
	info := parseInfo(answer.Info)
	result := describe(answer.Status, info)
	if result.StopSignal == "" {
		result.StopSignal = c.stopSignal(ctx, answer.Status.GetImageRef())
	}
	if sandbox := c.sandboxOf(ctx, id, info); engine.IsID(sandbox) {
		if pod, err := c.sandbox(ctx, sandbox); err == nil && pod.ID == sandbox {
			joinPod(result, pod)
		}
	}
	engine.FillPod(result)
	result.Name = fullName(result)
	return result, nil
}

// sandboxOf returns the ID of the container's sandbox.
func (c *Client) sandboxOf(ctx context.Context, id string, info info) string {
	if info.SandboxID != "" {
		return info.SandboxID
	}
	answer, err := c.runtime.ListContainers(ctx, &runtime.ListContainersRequest{Filter: &runtime.ContainerFilter{Id: id}})
	if err != nil || len(answer.Containers) != 1 {
		return "" // then the labels tell of the pod
	}
	return answer.Containers[0].PodSandboxId
}

func (c *Client) sandbox(ctx context.Context, id string) (*engine.Container, error) {
	answer, err := c.runtime.PodSandboxStatus(ctx, &runtime.PodSandboxStatusRequest{PodSandboxId: id, Verbose: true})
	if err != nil {
		return nil, plain(err)
	}
	return describeSandbox(answer.Status, parseInfo(answer.Info)), nil
}

// stopSignal of an image, which containers inherit.
func (c *Client) stopSignal(ctx context.Context, image string) string {
	if image == "" {
		return ""
	}
	answer, err := c.images.ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: image}, Verbose: true})
	if err != nil {
		return "" // of use, but not needed
	}
	return parseInfo(answer.Info).ImageSpec.Config.StopSignal
}

// List implements engine.Client. It has sandboxes, too.
func (c *Client) List(ctx context.Context) ([]engine.Container, error) {
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	pods, err := c.runtime.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{Filter: &runtime.PodSandboxFilter{
		State: &runtime.PodSandboxStateValue{State: runtime.PodSandboxState_SANDBOX_READY}}})
	if err != nil {
		return nil, fmt.Errorf("asking %s at %s for its pods: %w", c.engine, c.path, plain(err))
	}
	found, err := c.runtime.ListContainers(ctx, &runtime.ListContainersRequest{Filter: &runtime.ContainerFilter{
		State: &runtime.ContainerStateValue{State: runtime.ContainerState_CONTAINER_RUNNING}}})
	if err != nil {
		return nil, fmt.Errorf("asking %s at %s for its containers: %w", c.engine, c.path, plain(err))
	}
	result := summarize(pods.Items, found.Containers)
	for i := range result {
		result[i].Engine, result[i].EngineVersion = c.engine, c.version
		engine.Limit(&result[i])
	}
	return result, nil
}
