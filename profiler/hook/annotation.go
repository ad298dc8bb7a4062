// Package hook holds the pure parts of `scallop hook`: what an OCI runtime tells a hook,
// what the annotation of a container asks for, and how a new profile is merged into an older
// one. Nothing here touches a kernel or a disk.
package hook

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// Annotation of a container that is to be profiled. It and its value are those of
// oci-seccomp-bpf-hook.
const Annotation = "io.containers.trace-syscall"

// Request is what an annotation asks for: absolute paths, empty if not given.
type Request struct {
	Output    string `json:"output"`              // of: where the profile goes
	Input     string `json:"input,omitempty"`     // if: the profile that it extends
	Recording string `json:"recording,omitempty"` // rf: where the recording goes, scallop's own addition
}

// maxPath is the kernel's PATH_MAX, with room for the names of files beside it.
const maxPath = 4096 - 64

// ParseAnnotation takes "of:PATH", "if:PATH;of:PATH" and the like, in any order.
func ParseAnnotation(value string) (Request, error) {
	var r Request
	if strings.TrimSpace(value) == "" {
		return r, fail(value, "it is empty")
	}
	if len(value) > 4*maxPath {
		return r, fmt.Errorf("annotation %s of %d bytes: it is too long: use shorter paths", Annotation, len(value))
	}
	for part := range strings.SplitSeq(value, ";") {
		if err := r.set(value, strings.TrimSpace(part)); err != nil {
			return Request{}, err
		}
	}
	switch {
	case r.Output == "":
		return Request{}, fail(value, "of: is missing")
	case r.Recording == r.Output, r.Recording != "" && r.Recording == r.Input:
		return Request{}, fail(value, "rf: names the same file as of: or if:")
	}
	return r, nil
}

// set takes one part.
func (r *Request) set(value, part string) error {
	prefix, path, _ := strings.Cut(part, ":")
	target := map[string]*string{"of": &r.Output, "if": &r.Input, "rf": &r.Recording}[prefix]
	path = strings.TrimSpace(path)
	switch {
	case part == "":
		return fail(value, "a part is empty")
	case target == nil:
		return fail(value, fmt.Sprintf("%q begins with none of of:, if: and rf:", part))
	case *target != "":
		return fail(value, prefix+": is given twice")
	case path == "":
		return fail(value, prefix+": has no path")
	case !filepath.IsAbs(path):
		return fail(value, fmt.Sprintf("%s: the path %q is not absolute", prefix, path))
	case len(path) > maxPath || strings.ContainsFunc(path, unicode.IsControl):
		return fail(value, prefix+": the path is too long or has control characters")
	case strings.HasSuffix(path, "/") || filepath.Clean(path) == "/":
		return fail(value, fmt.Sprintf("%s: %q is a folder: name a file", prefix, path))
	}
	*target = filepath.Clean(path)
	return nil
}

func fail(value, why string) error {
	return fmt.Errorf("annotation %s=%.200q: %s: write %s=of:/ABSOLUTE/PATH.json, and, to extend a profile, ;if:/ABSOLUTE/PATH.json",
		Annotation, value, why, Annotation)
}
