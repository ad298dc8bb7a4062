package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// denialsFlags are the flags of `scallop denials`, as typed.
type denialsFlags struct {
	targetFlags
	lifeFlags

	file     string // of the report, empty: none
	output   string // of what is printed
	duration time.Duration
	args     bool
	stack    bool
	probe    string
	btf      btfFlag
	quiet    bool

	audit, follow bool
	judgeFlags

	would string // a profile: nothing is denied, what it would deny is told
}

var denialsFormats = []string{"table", "json"}

func addDenialsFlags(cmd *cobra.Command, f *denialsFlags) {
	flags := cmd.Flags()
	f.targetFlags.add(flags)
	flags.StringVarP(&f.file, "output-file", "o", "", "write a denial report to `FILE`; - is standard output")
	flags.StringVar(&f.output, "output", "table", "`FORMAT` of what is printed: table, or json (an object a line)")
	flags.StringVar(&f.would, "would", "", "rehearse the profile in `FILE`: tell which calls it would deny, and deny none")
	flags.BoolVar(&f.args, "args", false, "keep the arguments of the first call of each kind")
	flags.BoolVar(&f.stack, "stack", false, "keep the user stack of the first call of each kind")
	f.lifeFlags.add(flags)
	flags.DurationVar(&f.duration, "duration", 0, "end after `DURATION`")
	flags.StringVar(&f.probe, "probe", "", "attach as tp_btf, raw_tracepoint or tracepoint (default: the best of this kernel)")
	flags.Var(&f.btf, "btf", btfUsage)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print errors and warnings only")
	_ = flags.MarkHidden("probe")
	flags.BoolVar(&f.audit, "audit", false, "read audit records instead of watching: from the files that are named, - for standard input")
	flags.BoolVar(&f.follow, "follow", false, "with --audit: from the kernel, as they come")
	f.judgeFlags.addTo(flags)
	completeValues(cmd, "output", denialsFormats...)
}

// check finds what is wrong with flags of every kind of denials: live, and from elsewhere.
func (f *denialsFlags) check() error {
	if err := notEmpty(f.set, "output-file", "would"); err != nil {
		return err
	}
	if err := oneOf("--output", f.output, denialsFormats); err != nil {
		return err
	}
	if err := f.judgeFlags.check(); err != nil {
		return err
	}
	if err := notNegative(map[string]time.Duration{"duration": f.duration}); err != nil || f.probe == "" {
		return err
	}
	return oneOf("--probe", f.probe, []string{profiler.ProbeTpBTF, profiler.ProbeRaw, profiler.ProbePerf})
}

// options are those of watching live.
func (f *denialsFlags) options() (watch.Options, error) {
	opts := watch.Options{Tool: version, Probe: f.probe, Types: f.btf.types, Duration: f.duration}
	if err := f.targetFlags.apply(&opts, "scallop denials"); err != nil {
		return opts, err
	}
	opts.Sizes.Calls = 1 // none is counted
	return opts, f.lifeFlags.apply(&opts, f.set.Changed("settle"))
}
