package engine

import (
	"maps"
	"slices"
)

// What is kept of an answer. Docker and Kubernetes allow more, but people do not use it,
// and a recording keeps all of this.
const (
	maxText   = 4096 // bytes of a string
	maxLabels = 256
	maxJSON   = 1 << 20 // bytes of a profile
)

// Limit cuts what an engine said to a size that a recording can hold. Of too many labels
// it keeps the first ones by name.
func Limit(c *Container) {
	for _, text := range []*string{
		&c.ID, &c.Name, &c.Engine, &c.EngineVersion, &c.Runtime, &c.RuntimeVersion, &c.Image, &c.ImageDigest,
		&c.PodNamespace, &c.PodName, &c.PodUID, &c.ContainerName, &c.StopSignal, &c.Health, &c.Seccomp, &c.SeccompFile, &c.SpecFile, &c.CgroupPath,
	} {
		*text = cut(*text)
	}
	if len(c.SeccompJSON) > maxJSON {
		c.SeccompJSON = "" // a part of it would be another profile
	}
	c.PID = max(0, c.PID)
	c.Labels = limitLabels(c.Labels)
}

func limitLabels(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(labels))
	kept := make(map[string]string, min(len(names), maxLabels))
	for _, name := range names[:min(len(names), maxLabels)] {
		if len(name) <= maxText { // cut, it would be another label
			kept[name] = cut(labels[name])
		}
	}
	return kept
}

func cut(text string) string { return text[:min(len(text), maxText)] }
