package cri

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// info is what is read of the JSON that engines add to their answers if asked for more. It is no
// part of the API: whatever is missing or of another type is unknown.
type info struct {
	SandboxID      string
	PID            int
	RuntimeType    string         // containerd: io.containerd.runc.v2
	RuntimeHandler string         // CRI-O
	RuntimeOptions runtimeOptions // containerd
	Config         struct {       // containerd: what the kubelet asked for
		Linux struct {
			SecurityContext struct {
				Seccomp struct {
					LocalhostRef string `json:"localhost_ref"`
				}
			} `json:"security_context"`
		}
	}
	RuntimeSpec spec
	ImageSpec   struct { // of images
		Config struct{ StopSignal string }
	}
}

type runtimeOptions struct {
	BinaryName    string `json:"binary_name"`
	BinaryNameOld string `json:"BinaryName"`
}

// spec is the part of the OCI runtime's configuration that matters here.
type spec struct {
	Annotations map[string]string
	Process     *struct{ NoNewPrivileges bool }
	Linux       *struct {
		CgroupsPath string
		Seccomp     json.RawMessage
	}
}

// seccompAnnotation is where CRI-O keeps the name of the profile.
const seccompAnnotation = "io.kubernetes.cri-o.SeccompProfilePath"

// parseInfo reads each part alone, so that one of a strange type does not hide the others.
func parseInfo(answer map[string]string) info {
	var parts map[string]json.RawMessage
	if json.Unmarshal([]byte(answer["info"]), &parts) != nil {
		return info{}
	}
	var i info
	for name, into := range map[string]any{
		"sandboxID":      &i.SandboxID,
		"pid":            &i.PID,
		"runtimeType":    &i.RuntimeType,
		"runtimeHandler": &i.RuntimeHandler,
		"runtimeOptions": &i.RuntimeOptions,
		"config":         &i.Config,
		"runtimeSpec":    &i.RuntimeSpec,
		"imageSpec":      &i.ImageSpec,
	} {
		_ = json.Unmarshal(parts[name], into) // unknown then
	}
	return i
}

func (i *info) fill(c *engine.Container) {
	c.PID = i.PID
	c.Runtime = i.runtime()
	if process := i.RuntimeSpec.Process; process != nil {
		c.NoNewPrivs = new(process.NoNewPrivileges)
	}
	if linux := i.RuntimeSpec.Linux; linux != nil {
		c.CgroupPath = cgroupPath(linux.CgroupsPath)
		c.Seccomp = i.seccomp()
		if c.Seccomp != engine.Unconfined {
			c.SeccompJSON = string(linux.Seccomp)
		}
		if path.IsAbs(c.Seccomp) {
			c.SeccompFile = c.Seccomp
		}
	}
}

// runtime is the name of the OCI runtime. Which version it has, no engine tells; and scallop runs
// no program that an API names, to ask for it.
func (i *info) runtime() string {
	for _, program := range []string{i.RuntimeOptions.BinaryName, i.RuntimeOptions.BinaryNameOld} {
		if program != "" {
			return path.Base(program)
		}
	}
	if shim, ok := strings.CutPrefix(i.RuntimeType, "io.containerd."); ok {
		name, _, _ := strings.Cut(shim, ".")
		return name
	}
	return i.RuntimeHandler
}

func (i *info) seccomp() string {
	if given := i.RuntimeSpec.Linux.Seccomp; len(given) == 0 || string(given) == "null" {
		return engine.Unconfined
	}
	for _, name := range []string{
		i.Config.Linux.SecurityContext.Seccomp.LocalhostRef,
		strings.TrimPrefix(i.RuntimeSpec.Annotations[seccompAnnotation], "localhost/"),
	} {
		if name != "" && name != "runtime/default" {
			return name
		}
	}
	return "default"
}

const maxName = 255 // bytes of a file name

// cgroupPath is where the OCI runtime makes the cgroup: a path, or for systemd
// "SLICE:PREFIX:ID". It does not go up.
func cgroupPath(text string) string {
	if strings.HasPrefix(text, "/") {
		return path.Clean(text)
	}
	parts := strings.Split(text, ":")
	if len(parts) != 3 || len(text) > maxName || strings.Contains(text, "/") {
		return ""
	}
	return path.Join(expandSlice(parts[0]), parts[1]+"-"+parts[2]+".scope")
}

// expandSlice: systemd has "a-b.slice" in "a.slice", see systemd.slice(5).
func expandSlice(slice string) string {
	name := strings.TrimSuffix(slice, ".slice")
	result := "/"
	if name == "-" {
		return result
	}
	for i := range len(name) {
		if name[i] == '-' {
			result = path.Join(result, name[:i]+".slice")
		}
	}
	return path.Join(result, slice)
}
