package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// targetFlags say which workloads that others start are meant.
type targetFlags struct {
	set                     *pflag.FlagSet // that these are of
	containers, pods, units []string
	cgroups                 []string
	pids                    []int
	labels                  []string
	all, wait               bool
	root                    string
	exclude                 []string
	endpoints               []string
	maxWorkloads            int
}

const (
	defaultWorkloads    = 64
	defaultWorkloadsAll = 512
)

// add is for commands that go on watching.
func (f *targetFlags) add(flags *pflag.FlagSet) {
	f.addNow(flags)
	flags.BoolVar(&f.wait, "wait", false, "wait for targets that do not exist yet, and record them from their birth")
	flags.IntVar(&f.maxWorkloads, "max-workloads", 0, fmt.Sprintf("room for `N` workloads at a time (default %d, with --all or --wait %d)", defaultWorkloads, defaultWorkloadsAll))
}

// addNow is for commands that look at what there is now.
func (f *targetFlags) addNow(flags *pflag.FlagSet) {
	f.set = flags
	flags.StringArrayVar(&f.containers, "container", nil, "the container `NAME|ID`, or a glob of names; repeatable, as all targets")
	flags.StringArrayVar(&f.pods, "pod", nil, "the containers of pod `NAMESPACE/NAME`, or NAMESPACE/NAME/CONTAINER")
	flags.StringArrayVar(&f.units, "unit", nil, "the systemd unit `NAME`, or a glob")
	flags.StringArrayVar(&f.cgroups, "cgroup", nil, "the cgroup `PATH`, below the cgroup2 mount, with all below it (of / its own processes only)")
	flags.IntSliceVar(&f.pids, "pid", nil, "the cgroup of process `PID`, with all below it")
	flags.StringArrayVar(&f.labels, "label", nil, "containers with the label `KEY=VALUE`; with --container or --pod, of those only")
	flags.BoolVar(&f.all, "all", false, "every workload, also those that begin later")
	flags.StringVar(&f.root, "root", "", "look for --all, --unit, --container and --pod below this cgroup `PATH` only")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out what this `GLOB` of names, IDs or cgroup paths means, of a path with all below it")
	flags.StringArrayVar(&f.endpoints, "runtime-endpoint", nil, "ask the container engine at this `SOCKET` (default: those that are there)")
}

// apply checks the targets and puts them into opts. command is the one whose flags these are.
func (f *targetFlags) apply(opts *watch.Options, command string) error {
	if err := f.check(); err != nil {
		return err
	}
	var err error
	opts.Targets, err = f.targets(command)
	opts.Root, opts.Exclude, opts.Wait = cleanRoot(f.root), f.exclude, f.wait
	opts.Sizes = profiler.SizesFor(f.workloads())
	return err
}

func (f *targetFlags) check() error {
	if err := notEmpty(f.set, "root"); err != nil {
		return err
	}
	for _, glob := range f.exclude {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return fmt.Errorf("--exclude %q: no glob: close its brackets, or put a backslash before them", glob)
		}
	}
	if f.maxWorkloads < 0 || f.maxWorkloads > 1<<16-1 {
		return fmt.Errorf("--max-workloads %d: give 1 to %d", f.maxWorkloads, 1<<16-1)
	}
	return nil
}

func (f *targetFlags) workloads() int {
	switch {
	case f.maxWorkloads > 0:
		return f.maxWorkloads
	case f.all || f.wait:
		return defaultWorkloadsAll
	default:
		return defaultWorkloads
	}
}

func cleanRoot(root string) string {
	if root = path.Clean("/" + root); root == "/" {
		return ""
	}
	return root
}

// targets are checked one by one; labels restrict those of containers, or are one themselves.
func (f *targetFlags) targets(command string) ([]watch.Target, error) {
	labels, err := parseLabels(f.labels)
	if err != nil {
		return nil, err
	}
	var targets []watch.Target
	add := func(kind watch.Kind, texts []string) {
		for _, text := range texts {
			targets = append(targets, watch.Target{Kind: kind, Text: text, Labels: labels})
		}
	}
	add(watch.Container, f.containers)
	add(watch.Pod, f.pods)
	if labels != nil && len(targets) == 0 {
		targets = append(targets, watch.Target{Kind: watch.Labelled, Labels: labels})
	}
	add(watch.Unit, f.units)
	add(watch.Cgroup, f.cgroups)
	for _, pid := range f.pids {
		targets = append(targets, watch.Target{Kind: watch.PID, Number: pid})
	}
	if f.all {
		targets = append(targets, watch.Target{Kind: watch.All})
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("no target: name one, as in: %s --container web; or --all", command)
	}
	for _, t := range targets {
		if err := t.Check(); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func parseLabels(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	labels := map[string]string{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--label %q: write it as KEY=VALUE", text)
		}
		labels[key] = value
	}
	return labels, nil
}

// nameContainers tells whether some targets are found by asking engines, so that there is nothing to do without them.
func (f *targetFlags) nameContainers() bool { return len(f.containers)+len(f.pods)+len(f.labels) > 0 }

// openEngines asks which container engines there are; patient: for as long as a user waits. Those that do not answer are
// warned of, unless the user named them and there is no other.
func (f *targetFlags) openEngines(ctx context.Context, opts watch.Options, patient bool) (*engines.Set, error) {
	if patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, engine.Patience)
		defer cancel()
	}
	set, errs := engines.Open(ctx, f.endpoints)
	if len(f.endpoints) > 0 && len(errs) == len(f.endpoints) {
		return nil, usageError(errors.Join(errs...))
	}
	for _, err := range errs {
		opts.Warn("%v", err)
	}
	if len(set.Endpoints()) == 0 {
		return nil, set.Close()
	}
	return set, nil
}
