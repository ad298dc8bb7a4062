package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// recordFlags are the flags of `scallop record`, as typed.
type recordFlags struct {
	targetFlags
	lifeFlags

	outputDir, name, output string
	pin, resume, unpin      string
	duration, checkpoint    time.Duration
	probe                   string
	btf                     btfFlag
	quiet                   bool
}

// recordOutputs are the formats of the log.
var recordOutputs = []string{"json", "table"}

func addRecordFlags(flags *pflag.FlagSet, f *recordFlags) {
	f.targetFlags.add(flags)
	flags.StringVarP(&f.outputDir, "output-dir", "o", ".", "write recordings into `DIR`, one file a workload")
	flags.StringVar(&f.output, "output", "table", "`FORMAT` of the log of events: table, or json (an object a line, on standard output)")
	flags.StringVar(&f.name, "name", "", "`NAME` of this recorder, for scallop mark NAME/WORKLOAD (default record-PID)")
	flags.StringVar(&f.pin, "pin", "", "let the kernel go on counting under `NAME` when scallop ends or is killed")
	flags.StringVar(&f.resume, "resume", "", "go on with what is pinned under `NAME`, with its targets and its output folder")
	flags.StringVar(&f.unpin, "unpin", "", "write the recordings of what is pinned under `NAME`, and remove every trace of it")
	f.lifeFlags.add(flags)
	flags.DurationVar(&f.duration, "duration", 0, "end after `DURATION`")
	flags.DurationVar(&f.checkpoint, "checkpoint", 30*time.Second, "write the recordings so far every `INTERVAL`; 0 is never")
	flags.StringVar(&f.probe, "probe", "", "attach as tp_btf, raw_tracepoint or tracepoint (default: the best of this kernel)")
	flags.Var(&f.btf, "btf", btfUsage)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print errors and warnings only")
	_ = flags.MarkHidden("probe")
}

// options checks every flag before anything is attached.
func (f *recordFlags) options() (watch.Options, error) {
	opts := watch.Options{Tool: version, Probe: f.probe, Types: f.btf.types, Duration: f.duration, Checkpoint: f.checkpoint}
	if err := f.checkValues(); err != nil {
		return opts, err
	}
	if err := f.targetFlags.apply(&opts, "scallop record"); err != nil {
		return opts, err
	}
	return opts, f.lifeFlags.apply(&opts, f.set.Changed("settle"))
}

func (f *recordFlags) checkValues() error {
	if err := notEmpty(f.set, "output-dir", "name"); err != nil {
		return err
	}
	if err := oneOf("--output", f.output, recordOutputs); err != nil {
		return err
	}
	if f.name != "" {
		if err := control.CheckName(f.name); err != nil {
			return err
		}
	}
	if err := notNegative(map[string]time.Duration{"duration": f.duration, "checkpoint": f.checkpoint}); err != nil {
		return err
	}
	if f.probe != "" {
		return oneOf("--probe", f.probe, []string{profiler.ProbeTpBTF, profiler.ProbeRaw, profiler.ProbePerf})
	}
	return nil
}
