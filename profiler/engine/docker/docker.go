// Package docker asks Docker's daemon for containers.
package docker

import (
	"context"
	"fmt"
	"net"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// Client talks to one daemon, of API 1.40 (Docker 19.03) or later.
type Client struct {
	api    *client.Client
	path   string
	daemon daemon
}

// Open asks the daemon at a socket who it is.
func Open(ctx context.Context, path string) (*Client, error) {
	api, err := client.New(
		client.WithHTTPClient(socket.HTTP(path)),
		client.WithHost("unix://"+path),
		// WithHost sets a dialer of its own, which has no bounds.
		client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.DialBounded(ctx, path) }),
	)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", path, err)
	}
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	c := &Client{api: api, path: path}
	if c.daemon, err = askDaemon(ctx, api); err != nil {
		api.Close()
		return nil, fmt.Errorf("asking Docker at %s for its version: %w", path, socket.Told(err))
	}
	return c, nil
}

// Engine implements engine.Client.
func (c *Client) Engine() string { return engine.Docker }

// Version of the daemon.
func (c *Client) Version() string { return c.daemon.version }

// Endpoint implements engine.Client.
func (c *Client) Endpoint() string { return c.path }

// Close implements engine.Client.
func (c *Client) Close() error { return c.api.Close() }

// Container implements engine.Client.
func (c *Client) Container(ctx context.Context, id string) (*engine.Container, error) {
	if !engine.IsID(id) { // the daemon would take it for a name
		return nil, fmt.Errorf("asking Docker for container %q: not a whole ID: %w", id, engine.ErrNotFound)
	}
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	found, err := c.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("asking Docker at %s for container %s: %w", c.path, id, engine.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("asking Docker at %s for container %s: %w", c.path, id, socket.Told(err))
	}
	if found.Container.ID != id {
		return nil, fmt.Errorf("asking Docker at %s for container %s: it answers with another one, %.64q: is it Docker?", c.path, id, found.Container.ID)
	}
	result := c.daemon.describe(&found.Container)
	if digest := c.digest(ctx, found.Container.Image); digest != "" {
		result.ImageDigest = digest
	}
	engine.Limit(result)
	return result, nil
}

// List implements engine.Client.
func (c *Client) List(ctx context.Context) ([]engine.Container, error) {
	ctx, cancel := socket.Bound(ctx)
	defer cancel()
	found, err := c.api.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, fmt.Errorf("asking Docker at %s for its containers: %w", c.path, socket.Told(err))
	}
	var result []engine.Container
	for _, summary := range found.Items {
		if engine.IsID(summary.ID) {
			result = append(result, *c.daemon.summarize(&summary))
		}
	}
	return result, nil
}

func (d *daemon) summarize(s *container.Summary) *engine.Container {
	c := &engine.Container{
		ID:            s.ID,
		Name:          ownName(s.Names),
		Engine:        engine.Docker,
		EngineVersion: d.version,
		Image:         s.Image,
		Labels:        s.Labels,
		Running:       true,
	}
	fillPod(c)
	engine.Limit(c)
	return c
}
