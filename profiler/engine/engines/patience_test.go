package engines_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// busy answers when those who do not wait for an engine have given up.
func busy(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(socket.Timeout + 200*time.Millisecond)
		handler(w, r)
	}
}

// A user who names a container gets it from an engine that is busy.
func TestBusy(t *testing.T) {
	id := testID("abcd")
	for name, endpoint := range map[string]string{
		"docker": fakeDocker(t, map[string]http.HandlerFunc{
			"/containers/json": busy(say(`[{"Id":"` + id + `","Names":["/web"]}]`)),
			containerPath(id):  busy(say(`{"Id":"` + id + `","Name":"/web","State":{"Running":true}}`)),
		}),
		"podman": fakePodman(t, map[string]http.HandlerFunc{
			"/libpod/containers/json":     busy(say(`[{"Id":"` + id + `","Names":["web"]}]`)),
			"/libpod" + containerPath(id): busy(say(`{"Id":"` + id + `","Name":"web","State":{"Running":true}}`)),
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := open(t, endpoint).Find(t.Context(), "web")
			if len(found) != 1 || found[0].ID != id || found[0].Name != "web" {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// Open, too, waits for as long as its caller does.
func TestOpenBusy(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), engine.Patience)
	defer cancel()
	set, errs := engines.Open(ctx, []string{fakePodman(t, map[string]http.HandlerFunc{"/version": busy(say(podmanVersion))})})
	defer set.Close()
	if len(errs) > 0 || len(set.Endpoints()) != 1 {
		t.Errorf("%v, %v", set.Endpoints(), errs)
	}
}
