// Package audittest tells tests what seccomp filters killed for or logged anywhere on the host, from the
// kernel's audit records: an oracle that knows nothing of scallop's own programs in the kernel.
package audittest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/audit/multicast"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Denial is one record. The kernel writes one for every call that a filter kills for or logs, but none for
// SCMP_ACT_ERRNO.
type Denial struct{ *audit.Record }

func (d Denial) String() string {
	return fmt.Sprintf("%s by %s (pid %d)", d.Name(), d.Comm, d.PID)
}

// Name is the call's, or its number.
func (d Denial) Name() string {
	if name, ok := syscalls.Name(d.ABI, d.Nr); ok {
		return name
	}
	return fmt.Sprintf("call %d", d.Nr)
}

// Names are the distinct names of the denied calls, sorted.
func Names(list []Denial) []string {
	var names []string
	for _, d := range list {
		names = append(names, d.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Watch hears all denials of the host until the test ends.
type Watch struct {
	listener *multicast.Listener

	mu      sync.Mutex
	records []Denial
	failed  error
}

// Start begins to hear.
func Start(t testing.TB) *Watch {
	t.Helper()
	requireLogged(t)
	listener, err := multicast.Listen()
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	w := &Watch{listener: listener}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.hear(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		listener.Close()
	})
	return w
}

// requireLogged: an administrator may have switched these records off.
func requireLogged(t testing.TB) {
	t.Helper()
	silent, err := multicast.Silent()
	if err != nil {
		hosttest.Lack(t, fmt.Sprintf("logged seccomp actions: %v", err))
	}
	for _, action := range []string{"kill_process", "log"} {
		if slices.Contains(silent, action) {
			hosttest.Lack(t, action+" in "+multicast.ActionsLogged)
		}
	}
}

func (w *Watch) hear(ctx context.Context) {
	for {
		r, err := w.listener.Next(ctx)
		w.mu.Lock()
		if err != nil {
			w.failed = err
		} else {
			w.records = append(w.records, Denial{r})
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// patience is for emulated machines, too.
const patience = time.Minute

// Of returns the denials of all processes with the login uid, but for the first so many. It makes one denial of its own
// and waits for its record: that proves that the watch sees denials, and that it has seen all earlier ones.
func (w *Watch) Of(t testing.TB, loginuid, first int) []Denial {
	t.Helper()
	nr := DenyOneCall(t)
	for deadline := time.Now().Add(patience); !w.heard(t, nr); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no audit record of a call that was denied on purpose: the watch is blind")
		}
	}
	if losses := w.listener.Losses(); losses.Missing > 0 || losses.Overflows > 0 || losses.Unread > 0 {
		t.Fatalf("audit records were lost: %+v", losses)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.records), func(d Denial) bool { return d.LoginUID != loginuid })[first:]
}

func (w *Watch) heard(t testing.TB, nr int) bool {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		t.Fatal(w.failed)
	}
	return slices.ContainsFunc(w.records, func(d Denial) bool { return d.PID == os.Getpid() && d.Nr == nr })
}
