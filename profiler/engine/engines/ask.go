package engines

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/cri"
	"github.com/scallop-sec/scallop/profiler/engine/docker"
	"github.com/scallop-sec/scallop/profiler/engine/podman"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

func openOne(ctx context.Context, path string, implicit bool) (*member, error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return nil, failure(path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fmt.Errorf("opening the container engine at %s: not a socket: name the engine's socket", path)
	}
	anothers := implicit && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
	if anothers {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, socket.Timeout)
		defer cancel()
	}
	client, err := ask(ctx, path)
	if err != nil {
		return nil, failure(path, err)
	}
	if anothers {
		client = hurried{client}
	}
	return &member{Client: client, system: stat.Uid == 0}, nil
}

func failure(path string, err error) error {
	if errors.Is(err, cri.ErrNoCRI) {
		return fmt.Errorf("opening the container engine at %s: %w: if it is containerd, take cri out of disabled_plugins in its config.toml", path, cri.ErrNoCRI)
	}
	return fmt.Errorf("opening the container engine at %s: %w: %s", path, err, socket.NextStep(err))
}

// ask finds out what listens at a socket by speaking both languages at once: an engine refuses the one that it
// does not know, but something that hangs would take its time for each.
func ask(ctx context.Context, path string) (engine.Client, error) {
	ctx, understood := context.WithCancel(ctx)
	defer understood()
	var rest, grpc engine.Client
	var restErr, grpcErr error
	var asking sync.WaitGroup
	asking.Go(func() {
		if rest, restErr = openREST(ctx, path); restErr == nil {
			understood()
		}
	})
	asking.Go(func() {
		var client *cri.Client
		if client, grpcErr = cri.Open(ctx, path); grpcErr == nil {
			grpc = client
			understood()
		}
	})
	asking.Wait()
	switch {
	case restErr == nil:
		if grpcErr == nil {
			grpc.Close()
		}
		return rest, nil
	case grpcErr == nil:
		return grpc, nil
	}
	return nil, worse(restErr, grpcErr)
}

// openREST: Podman answers Docker's questions too, but not the other way round.
func openREST(ctx context.Context, path string) (engine.Client, error) {
	client, err := podman.Open(ctx, path)
	if errors.Is(err, podman.ErrOther) {
		return docker.Open(ctx, path)
	}
	return client, err
}

// worse returns what tells most of two errors of one socket.
func worse(rest, grpc error) error {
	// gRPC does not pass on what happened to its connection, and tells nothing new then.
	op, ok := errors.AsType[*net.OpError](rest)
	if ok && op.Op == "dial" || errors.Is(rest, context.DeadlineExceeded) {
		return rest
	}
	return fmt.Errorf("%w; %w", rest, grpc)
}
