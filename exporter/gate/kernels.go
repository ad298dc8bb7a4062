package gate

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Kernels are the releases of the hosts by their native ABI, the oldest where there are several.
func (e *Evidence) Kernels() map[string]string { return maps.Clone(e.kernels) }

// Kernels are the releases of the hosts of one recording, which is of several if it is a merged one.
func Kernels(rec *recording.Recording) map[string]string {
	kernels := map[string]string{}
	noteKernels(kernels, rec)
	return kernels
}

func noteKernels(kernels map[string]string, rec *recording.Recording) {
	if len(rec.Parts) == 0 {
		noteKernel(kernels, rec.Host.Architecture, rec.Host.Kernel)
	}
	for i := range rec.Parts {
		noteKernel(kernels, rec.Parts[i].Host.Architecture, rec.Parts[i].Host.Kernel)
	}
}

func noteKernel(kernels map[string]string, arch, kernel string) {
	if have, ok := kernels[arch]; !ok || older(kernel, have) {
		kernels[arch] = kernel
	}
}

// older compares releases like 6.1.0-13-amd64, and those that are none as text.
func older(a, b string) bool {
	x, y := release(a), release(b)
	return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), strings.Compare(a, b)) < 0
}

func release(s string) (v [2]int) {
	_, _ = fmt.Sscanf(s, "%d.%d", &v[0], &v[1]) // zeros are older than all
	return v
}
