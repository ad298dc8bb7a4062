package engines_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
)

// Every call ends by itself, if the caller's context does not.
func TestDeadlines(t *testing.T) {
	id := testID("abcd")
	all := map[string]http.HandlerFunc{
		containerPath(id): hang, "/containers/json": hang,
		"/libpod" + containerPath(id): hang, "/libpod/containers/json": hang,
	}
	hanging := serve(t, func(net.Conn) {})
	for name, call := range map[string]func(t *testing.T) error{
		"open": func(t *testing.T) error {
			_, errs := engines.Open(t.Context(), []string{hanging})
			return errors.Join(errs...)
		},
		"docker": func(t *testing.T) error { return askBoth(t, open(t, fakeDocker(t, all)), id) },
		"podman": func(t *testing.T) error { return askBoth(t, open(t, fakePodman(t, all)), id) },
		"cri":    func(t *testing.T) error { return askContainer(t, open(t, fakeCRI(t, strangeCRI{})), id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := call(t); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
}

func askContainer(t *testing.T, set *engines.Set, id string) error {
	_, err := set.Container(t.Context(), engine.Ref{ID: id})
	return err
}

func askBoth(t *testing.T, set *engines.Set, id string) error {
	listed := make(chan error)
	go func() {
		_, err := set.List(t.Context())
		listed <- err
	}()
	err := askContainer(t, set, id)
	if listErr := <-listed; !errors.Is(listErr, context.DeadlineExceeded) {
		return listErr
	}
	return err
}
