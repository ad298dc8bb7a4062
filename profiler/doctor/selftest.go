package doctor

import (
	"errors"
	"fmt"

	"github.com/scallop-sec/scallop/profiler"
)

func judgeSelfTest(t SelfTest) Check {
	const next = "see the lines above"
	var host *profiler.HostError
	switch {
	case errors.As(t.Err, &host) && host.Next == profiler.AskDoctor:
		return fail(t.Probe, fmt.Sprintf("self-test: %s: %v", host.Doing, host.Err), next)
	case errors.As(t.Err, &host):
		return fail(t.Probe, fmt.Sprintf("self-test: %s: %v", host.Doing, host.Err), host.Next)
	case t.Err != nil:
		return fail(t.Probe, "self-test: "+t.Err.Error(), next)
	case t.Counted != t.Made || t.Losses > 0:
		return fail(t.Probe, fmt.Sprintf("self-test: %d calls made, %d counted, %d losses", t.Made, t.Counted, t.Losses),
			"please report it, with the output of `scallop doctor --output json`")
	}
	return ok(t.Probe, fmt.Sprintf("self-test: %d calls made, %d counted, losses 0", t.Made, t.Counted))
}
