package docker

import (
	"context"
	"strings"

	"github.com/moby/moby/api/types/container"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// describe turns what the daemon said of one container into our words. Any part of it may be
// missing.
func (d *daemon) describe(from *container.InspectResponse) *engine.Container {
	c := &engine.Container{
		ID:            from.ID,
		Name:          strings.TrimPrefix(from.Name, "/"),
		Engine:        engine.Docker,
		EngineVersion: d.version,
		ImageDigest:   from.Image,
	}
	if config := from.Config; config != nil {
		c.Image, c.Labels, c.StopSignal = config.Image, config.Labels, config.StopSignal
		c.HasHealth = hasHealth(config)
	}
	if state := from.State; state != nil {
		c.PID, c.Running = state.Pid, state.Running
		if state.Health != nil && state.Health.Status != container.NoHealthcheck {
			c.HasHealth, c.Health = true, string(state.Health.Status)
		}
	}
	if host := from.HostConfig; host != nil {
		c.Runtime, c.RuntimeVersion = d.runtime(host.Runtime)
		c.NoNewPrivs, c.Seccomp, c.SeccompJSON = d.confinement(host)
		if strings.HasPrefix(c.Seccomp, "/") {
			c.SeccompFile = c.Seccomp
		}
	}
	fillPod(c)
	return c
}

// hasHealth: the only word NONE switches off what the image has.
func hasHealth(config *container.Config) bool {
	check := config.Healthcheck
	return check != nil && len(check.Test) > 0 && check.Test[0] != "NONE"
}

// confinement reads the security options of a container, "key", "key=value" or, in old
// configurations, "key:value". What is not among them is as the daemon's default. Profile is the text of one that was
// sent whole.
func (d *daemon) confinement(host *container.HostConfig) (noNewPrivs *bool, seccomp, profile string) {
	noNewPrivs, seccomp = d.noNewPrivs, d.seccomp
	if host.Privileged {
		seccomp = engine.Unconfined
	}
	for _, option := range host.SecurityOpt {
		key, value := option, ""
		if at := strings.IndexAny(option, "=:"); at >= 0 {
			key, value = option[:at], option[at+1:]
		}
		switch key {
		case "no-new-privileges":
			noNewPrivs = new(value != "false")
		case "seccomp":
			seccomp, profile = profileName(value), ""
			if seccomp == customProfile {
				profile = value
			}
		}
	}
	return noNewPrivs, seccomp, profile
}

// customProfile is what a profile without a name is called.
const customProfile = "custom"

// profileName: the command line sends a profile's content, so that its name is not known.
func profileName(value string) string {
	switch {
	case value == "builtin":
		return "default"
	case strings.HasPrefix(strings.TrimSpace(value), "{"):
		return customProfile
	}
	return value
}

// ownName: others are aliases, "/other/alias".
func ownName(names []string) string {
	for _, name := range names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

// fillPod knows the containers of cri-dockerd, which has Docker run Kubernetes' pods.
func fillPod(c *engine.Container) {
	engine.FillPod(c)
	c.Sandbox = c.Labels["io.kubernetes.docker.type"] == "podsandbox"
}

// digest of an image as a registry knows it, or "".
func (c *Client) digest(ctx context.Context, image string) string {
	if id, ok := strings.CutPrefix(image, "sha256:"); !ok || !engine.IsID(id) {
		return ""
	}
	found, err := c.api.ImageInspect(ctx, image)
	if err != nil {
		return "" // removed by force, or too late: the ID of the image does
	}
	for _, name := range found.RepoDigests {
		if _, digest, ok := strings.Cut(name, "@"); ok {
			return digest
		}
	}
	return ""
}
