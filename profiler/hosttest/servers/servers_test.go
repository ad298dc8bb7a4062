package servers_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

// A life ends at the first step that fails, and the error tells which that was.
func TestLead(t *testing.T) {
	var led []string
	step := func(name string, err error) servers.Step {
		return servers.At(name, func() error { led = append(led, name); return err })
	}
	no := errors.New("no")
	err := servers.Lead(step(servers.Start, nil), servers.At(servers.Enter, nil), step(servers.Work, no), step(servers.Stop, nil))
	if got := strings.Join(led, " "); got != "start serve" || !errors.Is(err, no) || servers.FailedAt(fmt.Errorf("it: %w", err)) != servers.Work {
		t.Errorf("led through %s, failed at %q: %v", got, servers.FailedAt(err), err)
	}
	if servers.FailedAt(nil) != "" || servers.FailedAt(no) != "no" {
		t.Errorf("%q, %q", servers.FailedAt(nil), servers.FailedAt(no))
	}
}

// The test itself is not confined.
func TestConfined(t *testing.T) {
	if err := servers.Confined(os.Getpid(), true, false); err == nil {
		t.Error("the test runs under a filter")
	}
}

// A wrong answer is told from a right one.
func TestNginx(t *testing.T) {
	files := servers.NginxFiles()
	wrong := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		switch {
		case r.Method == http.MethodPost || wrong:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case !ok:
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, r.URL.Path, time.Unix(1_700_000_000, 0), strings.NewReader(text))
		}
	}))
	defer server.Close()
	place := servers.Place{Address: server.Listener.Addr().String(), Patience: time.Minute}
	if err := errors.Join(servers.NginxAnswers(place), servers.ServeNginx(place, 40)); err != nil {
		t.Error(err)
	}
	wrong = true
	if err := servers.ServeNginx(place, 40); err == nil || !strings.Contains(err.Error(), "request 1 of 40: GET /small: status 405") {
		t.Error(err)
	}
}

// An error is one, and so is another answer than the one that is expected.
func TestRedisRefuses(t *testing.T) {
	for answer, want := range map[string]string{"-ERR no\r\n": "PING: ERR no", "+PANG\r\n": `PING: answer "PANG", want "PONG"`, "": "PING: EOF"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 100))
			_, _ = conn.Write([]byte(answer))
			conn.Close()
		}()
		err = servers.RedisAnswers(servers.Place{Address: l.Addr().String(), Patience: time.Minute})
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", answer, err, want)
		}
		l.Close()
	}
}
