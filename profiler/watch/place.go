package watch

import (
	"path"
	"strings"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// shortID is the length of an ID as engines print it.
const shortID = 12

// place is what a workload's root cgroup tells of it.
type place struct {
	path string     // below the cgroup2 mount
	kind string     // as recording.Workload
	ref  engine.Ref // of a container
}

// placeOf a workload. IDs are looked for below base only: what base itself lies in is not asked for.
func placeOf(base, cgroupPath string) place {
	inside := strings.TrimPrefix(cgroupPath, strings.TrimSuffix(base, "/"))
	ref, root, ok := engine.ParsePath(inside)
	p := place{path: cgroupPath, kind: recording.KindCgroup}
	switch {
	case ok && root == inside:
		p.kind, p.ref = recording.KindContainer, ref
		if ref.Monitor {
			p.kind = recording.KindCgroup
		}
	case cgroup.ClassOf(path.Base(cgroupPath)) == cgroup.Unit:
		p.kind = recording.KindUnit
	}
	return p
}

// name of the workload as long as nothing better is known.
func (p *place) name() string {
	if p.kind == recording.KindContainer {
		return p.ref.ID[:min(shortID, len(p.ref.ID))]
	}
	return path.Base(p.path)
}

// within tells whether a cgroup is, or is below, another.
func within(child, parent string) bool {
	return child == parent || parent == "/" || strings.HasPrefix(child, strings.TrimSuffix(parent, "/")+"/")
}
