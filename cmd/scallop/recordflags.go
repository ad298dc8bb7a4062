package main

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// recordFlags are the flags of `scallop record`, as typed.
type recordFlags struct {
	set                     *pflag.FlagSet // that these are of
	containers, pods, units []string
	cgroups                 []string
	pids                    []int
	labels                  []string
	all, wait               bool
	root                    string
	exclude                 []string
	endpoints               []string

	outputDir, name, output string
	pin, resume, unpin      string
	readyHTTP, readyTCP     []string
	readyExec               []string
	readyAfter, settle      time.Duration
	stopSignals             []string
	duration, checkpoint    time.Duration
	maxWorkloads            int
	probe                   string
	quiet                   bool
}

const (
	defaultWorkloads    = 64
	defaultWorkloadsAll = 512
)

func addRecordFlags(flags *pflag.FlagSet, f *recordFlags) {
	f.set = flags
	flags.StringArrayVar(&f.containers, "container", nil, "the container `NAME|ID`, or a glob of names; repeatable, as all targets")
	flags.StringArrayVar(&f.pods, "pod", nil, "the containers of pod `NAMESPACE/NAME`, or NAMESPACE/NAME/CONTAINER")
	flags.StringArrayVar(&f.units, "unit", nil, "the systemd unit `NAME`, or a glob")
	flags.StringArrayVar(&f.cgroups, "cgroup", nil, "the cgroup `PATH`, below the cgroup2 mount, with all below it (of / its own processes only)")
	flags.IntSliceVar(&f.pids, "pid", nil, "the cgroup of process `PID`, with all below it")
	flags.StringArrayVar(&f.labels, "label", nil, "containers with the label `KEY=VALUE`; with --container or --pod, of those only")
	flags.BoolVar(&f.all, "all", false, "every workload, also those that begin later")
	flags.StringVar(&f.root, "root", "", "look for --all, --unit, --container and --pod below this cgroup `PATH` only")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out what this `GLOB` of names, IDs or cgroup paths means")
	flags.BoolVar(&f.wait, "wait", false, "wait for targets that do not exist yet, and record them from their birth")
	flags.StringArrayVar(&f.endpoints, "runtime-endpoint", nil, "ask the container engine at this `SOCKET` (default: those that are there)")
	flags.StringVarP(&f.outputDir, "output-dir", "o", ".", "write recordings into `DIR`, one file a workload")
	flags.StringVar(&f.output, "output", "table", "`FORMAT` of the log of events: table, or json (an object a line, on standard output)")
	flags.StringVar(&f.name, "name", "", "`NAME` of this recorder, for scallop mark NAME/WORKLOAD (default record-PID)")
	flags.StringVar(&f.pin, "pin", "", "let the kernel go on counting under `NAME` when scallop ends or is killed")
	flags.StringVar(&f.resume, "resume", "", "go on with what is pinned under `NAME`, with its targets and its output folder")
	flags.StringVar(&f.unpin, "unpin", "", "write the recordings of what is pinned under `NAME`, and remove every trace of it")
	flags.StringArrayVar(&f.readyHTTP, "ready-http", nil, "ready when `URL` answers a GET with a status below 400")
	flags.StringArrayVar(&f.readyTCP, "ready-tcp", nil, "ready when `HOST:PORT` accepts a connection")
	flags.StringArrayVar(&f.readyExec, "ready-exec", nil, "ready when this shell `COMMAND` exits with 0; it is not recorded")
	flags.DurationVar(&f.readyAfter, "ready-after", 0, "ready after `DURATION`")
	flags.DurationVar(&f.settle, "settle", defaultSettle, "ready when no call was seen for the first time for `DURATION`, if nothing else tells; 0 is never")
	flags.StringSliceVar(&f.stopSignals, "stop-signal", nil, "`SIGNAL`s to the leader that begin shutdown (default: as the container is configured, else TERM, INT, QUIT)")
	flags.DurationVar(&f.duration, "duration", 0, "end after `DURATION`")
	flags.DurationVar(&f.checkpoint, "checkpoint", 30*time.Second, "write the recordings so far every `INTERVAL`; 0 is never")
	flags.IntVar(&f.maxWorkloads, "max-workloads", 0, fmt.Sprintf("room for `N` workloads at a time (default %d, with --all or --wait %d)", defaultWorkloads, defaultWorkloadsAll))
	flags.StringVar(&f.probe, "probe", "", "attach as tp_btf or raw_tracepoint (default: what loads)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print errors and warnings only")
	_ = flags.MarkHidden("probe")
}

// options checks every flag before anything is attached.
func (f *recordFlags) options() (watch.Options, error) {
	opts := watch.Options{
		Tool: version, Probe: f.probe, Root: cleanRoot(f.root), Exclude: f.exclude, Wait: f.wait,
		Duration: f.duration, Checkpoint: f.checkpoint,
	}
	if err := f.checkValues(); err != nil {
		return opts, err
	}
	var err error
	if opts.Targets, err = f.targets(); err != nil {
		return opts, err
	}
	if len(f.stopSignals) > 0 {
		if opts.StopSignals, err = parseSignals(f.stopSignals); err != nil {
			return opts, err
		}
	}
	opts.Sizes = profiler.SizesFor(f.workloads())
	return opts, f.readiness(&opts, f.set.Changed("settle"))
}

func (f *recordFlags) workloads() int {
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

func (f *recordFlags) checkValues() error {
	for _, name := range []string{"output-dir", "name", "root"} {
		if flag := f.set.Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s: is empty: give a value, or leave the flag out", name)
		}
	}
	if err := oneOf("--output", f.output, []string{"json", "table"}); err != nil {
		return err
	}
	if f.name != "" {
		if err := control.CheckName(f.name); err != nil {
			return err
		}
	}
	for _, glob := range f.exclude {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return fmt.Errorf("--exclude %q: no glob: close its brackets, or put a backslash before them", glob)
		}
	}
	for flag, d := range map[string]time.Duration{
		"ready-after": f.readyAfter, "settle": f.settle, "duration": f.duration, "checkpoint": f.checkpoint,
	} {
		if d < 0 {
			return fmt.Errorf("--%s %s: is negative: give 0 or more", flag, d)
		}
	}
	if f.maxWorkloads < 0 || f.maxWorkloads > 1<<16-1 {
		return fmt.Errorf("--max-workloads %d: give 1 to %d", f.maxWorkloads, 1<<16-1)
	}
	if f.probe != "" {
		return oneOf("--probe", f.probe, []string{profiler.ProbeTpBTF, profiler.ProbeRaw})
	}
	return nil
}

// targets are checked one by one; labels restrict those of containers, or are one themselves.
func (f *recordFlags) targets() ([]watch.Target, error) {
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
		return nil, errors.New("nothing to record: name a target, as in: scallop record --container web; or --all")
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

// readiness collects the checks. What is looked at from outside can tell of one workload only.
func (f *recordFlags) readiness(opts *watch.Options, settleAsked bool) error {
	outside := len(f.readyHTTP) + len(f.readyTCP) + len(f.readyExec)
	if outside > 0 && (len(opts.Targets) != 1 || !opts.Targets[0].One()) {
		return errors.New("--ready-http, --ready-tcp and --ready-exec tell of one workload: name exactly one target, without globs")
	}
	for _, url := range f.readyHTTP {
		check, err := ready.HTTP(url)
		if err != nil {
			return err
		}
		opts.Checks = append(opts.Checks, check)
	}
	for _, address := range f.readyTCP {
		check, err := ready.TCP(address)
		if err != nil {
			return err
		}
		opts.Checks = append(opts.Checks, check)
	}
	for _, command := range f.readyExec {
		if strings.TrimSpace(command) == "" {
			return errors.New("--ready-exec: is empty: give a shell command")
		}
		opts.Checks = append(opts.Checks, ready.Exec(command, nil))
	}
	if f.readyAfter > 0 {
		opts.Checks = append(opts.Checks, ready.After(f.readyAfter))
	}
	if settleAsked || len(opts.Checks) == 0 {
		opts.Settle = f.settle
	}
	return nil
}
