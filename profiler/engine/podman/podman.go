// Package podman asks Podman for containers, through its REST API. The few fields that
// are needed do not justify Podman's own bindings, which link hundreds of packages.
package podman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// Client talks to one `podman system service`, of Podman 3 or later.
type Client struct {
	http    *http.Client
	path    string
	base    string // of all requests: they carry a version
	version string
	runtime ociRuntime
}

// ociRuntime is the one that containers get by default.
type ociRuntime struct{ name, version string }

// component is the name of Podman in its answer to /version.
const component = "Podman Engine"

// The version becomes a part of paths.
var validVersion = regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}`)

// ErrOther tells of a service that answers as Docker does, but is not Podman.
var ErrOther = errors.New("the answer does not name Podman")

type versionAnswer struct {
	Components []struct {
		Name, Version string
		Details       struct{ APIVersion string }
	}
}

// Open asks the service at a socket who it is. It fails at Docker's.
func Open(ctx context.Context, path string) (*Client, error) {
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	c := &Client{http: socket.HTTP(path), path: path}
	var answer versionAnswer
	if err := socket.Get(ctx, c.http, "/version", &answer); err != nil {
		return nil, fmt.Errorf("asking Podman at %s for its version: %w", path, socket.Told(err))
	}
	for _, part := range answer.Components {
		if part.Name != component {
			continue
		}
		api := validVersion.FindString(part.Details.APIVersion)
		if api == "" {
			return nil, fmt.Errorf("asking Podman at %s for its version: its API has version %.64q, which is none", path, part.Details.APIVersion)
		}
		c.version, c.base = part.Version, "/v"+api+"/libpod"
		c.runtime = c.askRuntime(ctx)
		return c, nil
	}
	return nil, fmt.Errorf("asking Podman at %s for its version: %w", path, ErrOther)
}

// askRuntime may fail: the version of the runtime is of use, but not needed.
func (c *Client) askRuntime(ctx context.Context) ociRuntime {
	var info struct {
		Host struct {
			OCIRuntime struct{ Name, Version string }
		}
	}
	if err := socket.Get(ctx, c.http, c.base+"/info", &info); err != nil {
		return ociRuntime{}
	}
	runtime := info.Host.OCIRuntime
	return ociRuntime{runtime.Name, runtimeVersion(runtime.Name, runtime.Version)}
}

// Engine implements engine.Client.
func (c *Client) Engine() string { return engine.Podman }

// Version of Podman.
func (c *Client) Version() string { return c.version }

// Endpoint implements engine.Client.
func (c *Client) Endpoint() string { return c.path }

// Close implements engine.Client.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Container implements engine.Client.
func (c *Client) Container(ctx context.Context, id string) (*engine.Container, error) {
	if !engine.IsID(id) { // the service would take it for a name
		return nil, fmt.Errorf("asking Podman for container %q: not a whole ID: %w", id, engine.ErrNotFound)
	}
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	var found inspected
	err := socket.Get(ctx, c.http, c.base+"/containers/"+id+"/json", &found)
	if status, ok := errors.AsType[*socket.StatusError](err); ok && status.Code == http.StatusNotFound {
		err = engine.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("asking Podman at %s for container %s: %w", c.path, id, socket.Told(err))
	}
	if found.ID != id {
		return nil, fmt.Errorf("asking Podman at %s for container %s: it answers with another one, %.64q: is it Podman?", c.path, id, found.ID)
	}
	return c.describe(&found), nil
}

// List implements engine.Client.
func (c *Client) List(ctx context.Context) ([]engine.Container, error) {
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	var found []listed
	if err := socket.Get(ctx, c.http, c.base+"/containers/json", &found); err != nil {
		return nil, fmt.Errorf("asking Podman at %s for its containers: %w", c.path, socket.Told(err))
	}
	var result []engine.Container
	for _, container := range found {
		if engine.IsID(container.ID) {
			result = append(result, *c.summarize(&container))
		}
	}
	return result, nil
}
