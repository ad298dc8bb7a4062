package podman

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// inspected is what is read of the answer about one container.
type inspected struct {
	ID          string `json:"Id"`
	Name        string
	Image       string // ID
	ImageName   string
	ImageDigest string
	OCIRuntime  string // a name, or a path
	// OCIConfigPath is the config.json that the OCI runtime was given.
	OCIConfigPath string
	IsInfra       bool
	State         struct {
		Pid        int
		Running    bool
		CgroupPath string
		Health     *struct{ Status string }
		// Before 4.0
		Healthcheck *struct{ Status string }
	}
	Config struct {
		Labels      map[string]string
		StopSignal  json.RawMessage // a number before 5.0, then a name
		Healthcheck *struct{ Test []string }
	}
	HostConfig struct {
		Privileged  bool
		SecurityOpt []string
	}
}

// listed is what is read of one container in a list.
type listed struct {
	ID      string `json:"Id"`
	Names   []string
	Image   string
	Labels  map[string]string
	Pid     int
	IsInfra bool
}

func (c *Client) describe(from *inspected) *engine.Container {
	result := &engine.Container{
		ID:            from.ID,
		Name:          from.Name,
		Engine:        engine.Podman,
		EngineVersion: c.version,
		Image:         from.ImageName,
		ImageDigest:   from.ImageDigest,
		Labels:        from.Config.Labels,
		Sandbox:       from.IsInfra,
		PID:           from.State.Pid,
		Running:       from.State.Running,
		StopSignal:    stopSignal(from.Config.StopSignal),
		CgroupPath:    cgroupPath(from.State.CgroupPath),
	}
	result.Runtime, result.RuntimeVersion = c.runtimeOf(from.OCIRuntime)
	result.HasHealth, result.Health = health(from)
	result.NoNewPrivs, result.Seccomp = confinement(from)
	if result.SpecFile = from.OCIConfigPath; path.IsAbs(result.Seccomp) {
		result.SeccompFile = result.Seccomp
	}
	engine.FillPod(result)
	engine.Limit(result)
	return result
}

func (c *Client) summarize(from *listed) *engine.Container {
	result := &engine.Container{
		ID:            from.ID,
		Engine:        engine.Podman,
		EngineVersion: c.version,
		Image:         from.Image,
		Labels:        from.Labels,
		Sandbox:       from.IsInfra,
		PID:           from.Pid,
		Running:       true,
	}
	if len(from.Names) > 0 {
		result.Name = from.Names[0]
	}
	engine.FillPod(result)
	engine.Limit(result)
	return result
}

// runtimeOf knows the version of the default runtime only. scallop runs no program that an API
// names, to ask for more.
func (c *Client) runtimeOf(name string) (string, string) {
	if name == "" {
		return "", ""
	}
	base := path.Base(name)
	if base != c.runtime.name {
		return base, ""
	}
	return base, c.runtime.version
}

// runtimeVersion takes the number out of what the runtime prints, "runc version 1.1.5\ncommit: …".
func runtimeVersion(name, text string) string {
	line, _, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(line, name+" version ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(version)
}

func health(from *inspected) (bool, string) {
	state := from.State.Health
	if state == nil {
		state = from.State.Healthcheck
	}
	check := from.Config.Healthcheck
	if check == nil || len(check.Test) == 0 || check.Test[0] == "NONE" || state == nil {
		return check != nil && len(check.Test) > 0 && check.Test[0] != "NONE", ""
	}
	return true, state.Status
}

// confinement: Podman lists what differs from its defaults.
func confinement(from *inspected) (*bool, string) {
	noNewPrivs, seccomp := false, "default"
	if from.HostConfig.Privileged {
		seccomp = engine.Unconfined
	}
	for _, option := range from.HostConfig.SecurityOpt {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "no-new-privileges":
			noNewPrivs = value != "false"
		case "seccomp":
			seccomp = value
		}
	}
	return &noNewPrivs, seccomp
}

// stopSignal returns the name of a signal that Podman gives as a number or as a name.
func stopSignal(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	if number, err := strconv.Atoi(text); err == nil {
		return unix.SignalName(unix.Signal(number)) // "" for 0
	}
	if text == "null" {
		return ""
	}
	return text
}

// cgroupPath refuses to go up.
func cgroupPath(text string) string {
	if !strings.HasPrefix(text, "/") {
		return ""
	}
	return path.Clean(text)
}
