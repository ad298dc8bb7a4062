package recorded_test

import (
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
)

// Lines come in pieces, and one that is none is told of.
func TestLog(t *testing.T) {
	var log recorded.Log
	write := func(text string) {
		if n, err := log.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	write(`{"event":"recording"}` + "\n" + `{"event":"phase","ph`)
	if _, err := log.Find("phase", "steady"); err == nil {
		t.Error("found what is not there yet")
	}
	write(`ase":"steady","workload":"web"}` + "\n")
	if e, err := log.Find("phase", "steady"); err != nil || e.Workload != "web" {
		t.Errorf("%+v, %v", e, err)
	}
	write("scallop: oh\n")
	if _, err := log.Find("recording", ""); err == nil || !strings.Contains(err.Error(), "scallop: oh") {
		t.Error(err)
	}
}
