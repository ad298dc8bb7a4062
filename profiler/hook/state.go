package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxState bounds what a runtime may say. Kubernetes lets the annotations of a pod be 256 KiB.
const maxState = 4 << 20

// ReadState reads what a runtime writes to a hook's standard input
// (github.com/opencontainers/runtime-spec/blob/main/runtime.md#state).
func ReadState(r io.Reader) (*specs.State, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("reading the container's state from standard input: %w", err)
	}
	if len(data) > maxState {
		return nil, fmt.Errorf("the container's state on standard input is larger than %d bytes: give it smaller annotations", maxState)
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		return nil, errors.New("no container's state on standard input: `scallop hook` is for OCI runtimes: install it with `scallop hook --print-config`")
	}
	var state specs.State
	if err := json.Unmarshal(data, &state); err != nil {
		return nil, fmt.Errorf("the container's state on standard input is no JSON of the OCI runtime specification: %w: `scallop hook` is for OCI runtimes", err)
	}
	return &state, checkState(&state)
}

func checkState(s *specs.State) error {
	switch {
	case s.ID == "" || len(s.ID) > 1024:
		return errors.New("the container's state has no usable id: is the hook called by an OCI runtime?")
	case s.Status == specs.StateRunning || s.Status == specs.StateStopped:
		return fmt.Errorf("container %.64q is %s already: let the hook run at the stage prestart or createRuntime", s.ID, s.Status)
	case s.Pid <= 0:
		return fmt.Errorf("container %.64q has pid %d, and a process is what a hook can record: let the hook run at the stage prestart or createRuntime", s.ID, s.Pid)
	}
	return nil
}

// Annotations that tell of the container; what they say differs by engine.
var (
	nameKeys = []string{"io.kubernetes.container.name", "io.kubernetes.cri.container-name"}
	typeKeys = []string{"io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type"}
)

// firstOf is the first annotation that is there.
func firstOf(annotations map[string]string, keys ...string) string {
	for _, key := range keys {
		if value := annotations[key]; value != "" {
			return value
		}
	}
	return ""
}

// Find returns the value of the annotation for this container; false: nobody asks to record it.
// The key may end with /NAME: then it is for that container of a pod alone.
func Find(s *specs.State) (string, bool, error) {
	if firstOf(s.Annotations, typeKeys...) == "sandbox" {
		return "", false, nil // holds the pod's namespaces; the annotation is meant for the others
	}
	name := firstOf(s.Annotations, nameKeys...)
	if name != "" {
		if value, ok := s.Annotations[Annotation+"/"+name]; ok {
			return value, true, nil
		}
	}
	if value, ok := s.Annotations[Annotation]; ok {
		return value, true, nil
	}
	if name != "" {
		return "", false, nil
	}
	for key := range s.Annotations {
		if strings.HasPrefix(key, Annotation+"/") {
			return "", false, fmt.Errorf("annotation %.128q is for one container of a pod, but nothing names container %.64q: use %s alone", key, s.ID, Annotation)
		}
	}
	return "", false, nil
}
