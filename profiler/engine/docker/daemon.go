package docker

import (
	"context"
	"path"
	"strings"

	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// daemon is what holds for all containers of a daemon. It is asked once: connections end with the
// daemon, but nobody upgrades it in the middle of a recording.
type daemon struct {
	version     string
	runtimes    map[string]string // name → path of its program
	ociVersions map[string]string // name of a runtime → its version
	seccomp     string            // of containers that choose none
	noNewPrivs  *bool             // for containers that do not choose; nil if unknown
}

// tellsNoNewPrivs is the first API that documents no-new-privileges as a security option of the
// daemon.
const tellsNoNewPrivs = "1.43"

// askDaemon gets the version, or fails; the rest is of use, but not needed.
func askDaemon(ctx context.Context, api *client.Client) (daemon, error) {
	version, err := api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return daemon{}, err
	}
	d := daemon{version: version.Version, runtimes: map[string]string{}, ociVersions: map[string]string{}}
	for _, component := range version.Components {
		d.ociVersions[component.Name] = component.Version
	}
	info, err := api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return d, nil
	}
	for name, runtime := range info.Info.Runtimes {
		d.runtimes[name] = runtime.Path
	}
	d.seccomp = engine.Unconfined // unless an option tells of a default
	if !versions.LessThan(version.APIVersion, tellsNoNewPrivs) {
		d.noNewPrivs = new(false)
	}
	for _, option := range info.Info.SecurityOptions {
		d.addOption(option)
	}
	return d, nil
}

// addOption takes one security option, for example "name=seccomp,profile=builtin".
func (d *daemon) addOption(option string) {
	fields := strings.Split(option, ",")
	switch fields[0] {
	case "name=no-new-privileges":
		d.noNewPrivs = new(true)
	case "name=seccomp":
		d.seccomp = "default"
		for _, field := range fields[1:] {
			if profile, ok := strings.CutPrefix(field, "profile="); ok && profile != "builtin" {
				d.seccomp = profile
			}
		}
	}
}

// runtime returns the name of the OCI runtime behind a name that the daemon uses for it, and its
// version if the daemon tells. scallop runs no program that an API names, to ask for more.
func (d *daemon) runtime(name string) (string, string) {
	version := d.ociVersions[name]
	if program := d.runtimes[name]; program != "" {
		return path.Base(program), version
	}
	// A shim of containerd: io.containerd.runc.v2
	if shim, ok := strings.CutPrefix(name, "io.containerd."); ok {
		short, _, _ := strings.Cut(shim, ".")
		return short, d.ociVersions[short]
	}
	return name, version
}
