package engines

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// What another user runs holds up nobody who waits for an engine, unless it was named.
func TestAnothersEngine(t *testing.T) {
	t.Parallel()
	hosttest.Root(t)
	dir, err := os.MkdirTemp("", "scallop-hurried-") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path) // accepts nobody
	if err == nil {
		defer listener.Close()
		err = os.Chown(path, 65534, 65534)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), engine.Patience)
	t.Cleanup(cancel) // after the last of the calls below
	if _, err := openOne(ctx, path, true); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("%v, while the caller: %v", err, ctx.Err())
	}
	for name, call := range map[string]func(c engine.Client) error{
		"container": func(c engine.Client) error { _, err := c.Container(ctx, ""); return err },
		"list":      func(c engine.Client) error { _, err := c.List(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := call(hurried{hanging{}}); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				t.Errorf("%v, while the caller: %v", err, ctx.Err())
			}
		})
	}
}

// hanging is an engine that never answers.
type hanging struct{ engine.Client }

func (hanging) Container(ctx context.Context, _ string) (*engine.Container, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) List(ctx context.Context) ([]engine.Container, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
