package engines_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
)

func open(t *testing.T, endpoints ...string) *engines.Set {
	t.Helper()
	set, errs := engines.Open(t.Context(), endpoints)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// soon is for engines that hang.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// Bad answers about one container, from either REST API.
func TestAnswers(t *testing.T) {
	id := testID("abcd")
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		wrapped error
		text    string
	}{
		"other ID":   {say(`{"Id":"` + testID("ef") + `"}`), nil, "it answers with another one"},
		"no ID":      {say(`{}`), nil, "it answers with another one"},
		"null":       {say(`null`), nil, "it answers with another one"},
		"wrong type": {say(`{"Id":3}`), nil, "cannot unmarshal"},
		"a list":     {say(`[]`), nil, "cannot unmarshal"},
		"half":       {say(`{"Id":"`), nil, "EOF"},
		"deep":       {say(strings.Repeat(`{"State":`, 20_000)), nil, "exceeded max depth"},
		"error": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "{\"message\":\"\x1b[2J\"}", http.StatusInternalServerError)
		}, nil, "asking"},
		"hangs":   {hang, context.DeadlineExceeded, "known by its ID only"},
		"unknown": {nil, engine.ErrNotFound, ""},
	} {
		for kind, endpoint := range map[string]string{
			"docker": fakeDocker(t, map[string]http.HandlerFunc{containerPath(id): test.handler}),
			"podman": fakePodman(t, map[string]http.HandlerFunc{"/libpod" + containerPath(id): test.handler}),
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				set := open(t, endpoint)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				c, err := set.Container(ctx, engine.Ref{ID: id})
				if c != nil || err == nil {
					t.Fatalf("%+v, %v", c, err)
				}
				if errors.Is(err, engine.ErrNotFound) != (test.wrapped == engine.ErrNotFound) || test.wrapped != nil && !errors.Is(err, test.wrapped) {
					t.Errorf("%v should be %v", err, test.wrapped)
				}
				if text := err.Error(); !strings.Contains(text, test.text) || strings.Contains(text, "\x1b") || len(text) > 2000 {
					t.Errorf("%q should tell %q", text, test.text)
				}
			})
		}
	}
}

// However much an engine has to say, a bounded part is read, even if there is time for more.
func TestEndlessAnswers(t *testing.T) {
	const most = 20 << 20 // what is read, and what is on its way
	id := testID("abcd")
	for name, call := range map[string]func(t *testing.T, handler http.HandlerFunc) error{
		"open": func(t *testing.T, handler http.HandlerFunc) error {
			_, errs := engines.Open(t.Context(), []string{fakeDocker(t, map[string]http.HandlerFunc{"/version": handler})})
			return errors.Join(errs...)
		},
		"docker": func(t *testing.T, handler http.HandlerFunc) error {
			return askContainer(t, open(t, fakeDocker(t, map[string]http.HandlerFunc{containerPath(id): handler})), id)
		},
		"podman": func(t *testing.T, handler http.HandlerFunc) error {
			return askContainer(t, open(t, fakePodman(t, map[string]http.HandlerFunc{"/libpod" + containerPath(id): handler})), id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var written atomic.Int64
			if err := call(t, endless(&written)); err == nil || written.Load() > most {
				t.Errorf("%d bytes, %v", written.Load(), err)
			}
		})
	}
}

// What is strange but not wrong is taken as it is, within bounds.
func TestStrangeContainer(t *testing.T) {
	id := testID("abcd")
	labels := map[string]string{}
	for i := range 2000 {
		labels[strings.Repeat("x", i)] = strings.Repeat("y", 5000)
	}
	const name = "/../a\nb\x1b[2J"
	config := map[string]any{"Labels": labels, "Healthcheck": map[string]any{"Test": []string{"NONE"}}}
	answer := sayJSON(t, map[string]any{"Id": id, "Name": name, "Config": config, "State": map[string]any{"Pid": -5, "Running": true, "CgroupPath": "/../../etc"}})
	for _, endpoint := range []string{
		fakeDocker(t, map[string]http.HandlerFunc{containerPath(id): answer}),
		fakePodman(t, map[string]http.HandlerFunc{"/libpod" + containerPath(id): answer}),
	} {
		c, err := open(t, endpoint).Container(t.Context(), engine.Ref{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimPrefix(c.Name, "/") != name[1:] || len(c.Labels) != 256 || c.PID != 0 || c.HasHealth || !c.Running || strings.Contains(c.CgroupPath, "..") {
			c.Labels = nil
			t.Errorf("%+v", c)
		}
	}
}

// A container that an engine learns of only now; and one that is not asked for by a part of its ID.
func TestLateContainer(t *testing.T) {
	id := testID("abcd")
	var asked atomic.Int32
	set := open(t, fakeDocker(t, map[string]http.HandlerFunc{containerPath(id): func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			http.Error(w, `{"message":"not yet"}`, http.StatusNotFound)
			return
		}
		say(`{"Id":"`+id+`"}`)(w, nil)
	}}))
	if c, err := set.Container(t.Context(), engine.Ref{ID: id}); err != nil || c.ID != id || asked.Load() != 3 {
		t.Errorf("%+v, %v after %d questions", c, err, asked.Load())
	}
	for _, bad := range []string{"", "abcd", id[:63], "../../images/" + id[:51], strings.ToUpper(id)} {
		if _, err := set.Container(t.Context(), engine.Ref{ID: bad}); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("ID %q: %v", bad, err)
		}
	}
	if asked.Load() != 3 {
		t.Error("asked for what is not an ID")
	}
}

// An engine that hangs holds up nobody, and is no proof that a container does not exist.
func TestOneHangs(t *testing.T) {
	id := testID("abcd")
	hanging := map[string]http.HandlerFunc{"/libpod" + containerPath(id): hang, "/libpod/containers/json": hang}
	knows := map[string]http.HandlerFunc{
		containerPath(id):  say(`{"Id":"` + id + `","Name":"/web"}`),
		"/containers/json": say(`[{"Id":"` + id + `","Names":["/web"]}]`),
	}
	set := open(t, fakePodman(t, hanging), fakeDocker(t, knows))
	c, err := set.Container(t.Context(), engine.Ref{ID: id})
	if err != nil || c.Name != "web" {
		t.Errorf("%+v, %v", c, err)
	}
	found, err := set.Find(soon(t), "web")
	if len(found) != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v, %v", found, err)
	}

	set = open(t, fakePodman(t, hanging), fakeDocker(t, nil))
	if _, err := set.Container(soon(t), engine.Ref{ID: id}); errors.Is(err, engine.ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := set.Find(soon(t), "web"); errors.Is(err, engine.ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A user may have an engine, and make it say what they like of root's containers.
func TestUsersEngine(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a socket to a user")
	}
	id, own := testID("abcd"), testID("ef01")
	answers := func(name string, delay time.Duration, ids ...string) string {
		handlers, list := map[string]http.HandlerFunc{}, []map[string]any{}
		for _, id := range ids {
			handlers["/libpod"+containerPath(id)] = func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(delay)
				say(`{"Id":"`+id+`","Name":"`+name+`"}`)(w, nil)
			}
			list = append(list, map[string]any{"Id": id, "Names": []string{name}})
		}
		handlers["/libpod/containers/json"] = sayJSON(t, list)
		return fakePodman(t, handlers)
	}
	users, system := answers("forged", 0, id, own), answers("true", 50*time.Millisecond, id)
	if err := os.Chown(users, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	set := open(t, users, system)
	for want, id := range map[string]string{"true": id, "forged": own} {
		if c, err := set.Container(t.Context(), engine.Ref{ID: id, Engine: "podman"}); err != nil || c.Name != want {
			t.Errorf("%+v, %v", c, err)
		}
	}
	found, err := set.Find(t.Context(), "*")
	if err != nil || len(found) != 2 || found[0].ID != own || found[1].Name != "true" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestFind(t *testing.T) {
	first, second, dying := testID("abcd1"), testID("abcd2"), testID("f00d")
	set := open(t, fakeDocker(t, map[string]http.HandlerFunc{
		"/containers/json": sayJSON(t, []map[string]any{
			{"Id": first, "Names": []string{"/db/alias", "/web"}},
			{"Id": second, "Names": []string{"/abcd1"}}, // another's ID begins so
			{"Id": dying, "Names": []string{"/dying"}},
			{"Id": "../../etc", "Names": []string{"/bad"}},
		}),
		containerPath(first):  say(`{"Id":"` + first + `","Name":"/web"}`),
		containerPath(second): say(`{"Id":"` + second + `","Name":"/abcd1"}`),
	}))
	for pattern, want := range map[string]string{
		"web": first, "abcd1": second, "abcd2": second, first: first, "w*": first, first[:8]: first,
		"abcd": "2 running containers", "abc": "no such container", "alias": "no such container",
		"dying": "no such container", "f00d": "no such container", "bad": "no such container",
		"[": "close its brackets", "": "empty",
	} {
		found, err := set.Find(t.Context(), pattern)
		if engine.IsID(want) {
			if err != nil || len(found) != 1 || found[0].ID != want {
				t.Errorf("%q: %+v, %v", pattern, found, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) || len(found) > 0 {
			t.Errorf("%q: %+v, %v, want an error that tells %q", pattern, found, err, want)
		}
	}
	if found, err := set.Find(t.Context(), "*"); err != nil || len(found) != 2 {
		t.Errorf("all: %+v, %v", found, err)
	}
}

// strangeCRI is an engine of which every answer is strange.
type strangeCRI struct {
	runtime.UnimplementedRuntimeServiceServer
	status *runtime.ContainerStatusResponse
	err    error
}

func (strangeCRI) Version(context.Context, *runtime.VersionRequest) (*runtime.VersionResponse, error) {
	return &runtime.VersionResponse{RuntimeName: "cri-o", RuntimeVersion: "1.30.0"}, nil
}

func (s strangeCRI) ContainerStatus(ctx context.Context, _ *runtime.ContainerStatusRequest) (*runtime.ContainerStatusResponse, error) {
	if s.status == nil && s.err == nil {
		<-ctx.Done()
	}
	return s.status, s.err
}

func TestCRIAnswers(t *testing.T) {
	id := testID("abcd")
	of := func(id string, info string) *runtime.ContainerStatusResponse {
		return &runtime.ContainerStatusResponse{Status: &runtime.ContainerStatus{Id: id}, Info: map[string]string{"info": info}}
	}
	for name, test := range map[string]struct {
		api     strangeCRI
		wrapped error
		text    string // "" if it is no error
	}{
		"other ID":   {strangeCRI{status: of(testID("ef"), "{}")}, nil, "it answers with another one"},
		"empty":      {strangeCRI{status: &runtime.ContainerStatusResponse{}}, nil, "it answers with another one"},
		"too long":   {strangeCRI{status: of(id, strings.Repeat("x", 17<<20))}, nil, "larger than max"},
		"hangs":      {strangeCRI{}, context.DeadlineExceeded, "known by its ID only"},
		"error":      {strangeCRI{err: status.Error(codes.Internal, strings.Repeat("\x1b[2J", 10_000))}, nil, "Internal"},
		"no info":    {strangeCRI{status: of(id, "")}, nil, ""},
		"bad info":   {strangeCRI{status: of(id, `{"pid":`)}, nil, ""},
		"wrong info": {strangeCRI{status: of(id, `{"pid":"x","sandboxID":[],"runtimeSpec":{"linux":3,"process":{"noNewPrivileges":"y"}},"config":null}`)}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			c, err := open(t, fakeCRI(t, test.api)).Container(ctx, engine.Ref{ID: id, Engine: "cri-o"})
			if test.text == "" {
				if err != nil || c.ID != id || c.Engine != "cri-o" {
					t.Errorf("%+v, %v", c, err)
				}
				return
			}
			if err == nil || test.wrapped != nil && !errors.Is(err, test.wrapped) || errors.Is(err, engine.ErrNotFound) {
				t.Fatalf("%+v, %v", c, err)
			}
			if text := err.Error(); !strings.Contains(text, test.text) || strings.Contains(text, "\x1b") || len(text) > 2000 {
				t.Errorf("%q should tell %q", text, test.text)
			}
		})
	}
}
