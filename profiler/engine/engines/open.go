// Package engines opens the container engines of a host, and finds containers in all of them.
package engines

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/cri"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// wellKnown are the sockets of the engines as distributions set them up, and patterns of those that
// users have for engines of their own.
var wellKnown = []string{
	"/var/run/docker.sock",
	"/run/docker.sock",
	"/run/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/run/k3s/containerd/containerd.sock",
	"/run/k0s/containerd.sock",
	"/var/snap/microk8s/common/run/containerd.sock",
	"/run/podman/podman.sock",
	"/run/user/*/docker.sock",
	"/run/user/*/podman/podman.sock",
}

// Set is the engines that were found. Its methods may be called at the same time.
type Set struct {
	members []member
}

// member is one engine, and who owns its socket.
type member struct {
	engine.Client
	system bool // root's: it knows the containers of a host
}

// Open connects to the engines at the endpoints, or at the well-known sockets that exist, each within seconds or
// until the deadline of the context. An endpoint that does not answer is an error of its own, and no reason to go
// without the others: the set may be empty.
func Open(ctx context.Context, endpoints []string) (*Set, []error) {
	paths, errs := named(endpoints)
	implicit := len(endpoints) == 0
	if implicit {
		paths = present(wellKnown)
	}
	members, failures := make([]*member, len(paths)), make([]error, len(paths))
	var opening sync.WaitGroup
	for i, path := range paths {
		opening.Go(func() { members[i], failures[i] = openOne(ctx, path, implicit) })
	}
	opening.Wait()
	set := &Set{}
	for i, m := range members {
		switch err := failures[i]; {
		case err == nil:
			set.members = append(set.members, *m)
		case implicit && errors.Is(err, cri.ErrNoCRI): // the containerd below Docker
		default:
			errs = append(errs, err)
		}
	}
	// What root's engines say goes before what a user's do.
	slices.SortStableFunc(set.members, func(a, b member) int {
		if a.system == b.system {
			return 0
		}
		if a.system {
			return -1
		}
		return 1
	})
	return set, errs
}

// named returns the paths of the endpoints, each once.
func named(endpoints []string) ([]string, []error) {
	var paths []string
	var errs []error
	for _, endpoint := range endpoints {
		path, err := socket.Path(endpoint)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths, errs
}

// present returns the sockets that exist, each once: /var/run is often a link to /run.
func present(patterns []string) []string {
	var paths []string
	var infos []os.FileInfo
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // the patterns are ours, and correct
		for _, path := range found {
			info, err := os.Stat(path)
			same := func(other os.FileInfo) bool { return os.SameFile(info, other) }
			if err != nil || info.Mode()&os.ModeSocket == 0 || slices.ContainsFunc(infos, same) {
				continue
			}
			paths, infos = append(paths, path), append(infos, info)
		}
	}
	return paths
}
