package ready

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// waits tells whether the check holds now.
func waits(t *testing.T, c Check) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	detail, err := c.Wait(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	return detail, err == nil
}

func TestLog(t *testing.T) {
	for name, test := range map[string]struct {
		writes []string
		ready  bool
		detail string
	}{
		"whole line":      {[]string{"starting\n", "server ready\n"}, true, "server ready"},
		"in pieces":       {[]string{"server re", "ady", "\n"}, true, "server ready"},
		"unfinished":      {[]string{"server ready"}, false, ""},
		"another line":    {[]string{"server is ready to start\n"}, false, ""},
		"many in one":     {[]string{"a\nb\nserver ready\nc\n"}, true, "server ready"},
		"hostile":         {[]string{"\x1b[31mserver ready\n"}, true, `\x1b[31mserver ready`},
		"an endless line": {[]string{strings.Repeat("x", 3*maxLine), "server ready\n", "server ready\n"}, true, "server ready"},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := NewLog("server ready$")
			if err != nil {
				t.Fatal(err)
			}
			var passed bytes.Buffer
			tee := log.Tee(&passed)
			for _, text := range test.writes {
				if n, err := tee.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("wrote %d of %d bytes, %v", n, len(text), err)
				}
			}
			if passed.String() != strings.Join(test.writes, "") {
				t.Error("the output was changed")
			}
			detail, ready := waits(t, log.Check())
			if ready != test.ready || detail != test.detail {
				t.Errorf("ready %v, %q; want %v, %q", ready, detail, test.ready, test.detail)
			}
		})
	}
}

func TestSettle(t *testing.T) {
	var last, clock int64
	now := func() int64 { clock += int64(time.Millisecond); return clock }
	check := Settle(5*time.Millisecond, func() int64 { return last }, now)
	if _, ready := waits(t, check); !ready {
		t.Error("not settled, though no call was ever seen")
	}
	busy := Settle(time.Hour, func() int64 { return clock }, now)
	if _, ready := waits(t, busy); ready {
		t.Error("settled, though a new call was just seen")
	}
}

func TestBadFlags(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:80", "ftp://host/", "http://", "http://[::1"} {
		if _, err := HTTP(url); err == nil {
			t.Errorf("--ready-http %q is accepted", url)
		}
	}
	for _, address := range []string{"", "80", "host", "host:99999"} {
		if _, err := TCP(address); err == nil {
			t.Errorf("--ready-tcp %q is accepted", address)
		}
	}
	if _, err := NewLog("("); err == nil {
		t.Error("--ready-log ( is accepted")
	}
}
