package engines

import (
	"context"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// hurried is an engine that another user runs and nobody named: it could hang on purpose, so it gets no patience.
type hurried struct{ engine.Client }

func (h hurried) Container(ctx context.Context, id string) (*engine.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, socket.Timeout)
	defer cancel()
	return h.Client.Container(ctx, id)
}

func (h hurried) List(ctx context.Context) ([]engine.Container, error) {
	ctx, cancel := context.WithTimeout(ctx, socket.Timeout)
	defer cancel()
	return h.Client.List(ctx)
}
