package exporter

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// TestMergedIsTheSame: to export a merged recording is to export its parts, of whichever architectures.
func TestMergedIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		recs := rapid.SliceOfN(drawn(t), 1, 4).Draw(rt, "recordings")
		for i, r := range recs {
			r.ID = fmt.Sprintf("%032x", i)
		}
		merged, err := recording.Merge(recs)
		if err != nil {
			rt.Fatal(err)
		}
		one, err := Build([]*recording.Recording{merged}, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		all, err := Build(recs, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(all.Archs, one.Archs); diff != "" {
			rt.Fatal(diff)
		}
		if x, y := mustRender(rt, "docker", all), mustRender(rt, "docker", one); !bytes.Equal(x, y) {
			rt.Fatal(cmp.Diff(string(x), string(y)))
		}
	})
}
