package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// checkAudit finds what is wrong with --audit, --follow and the files.
func (f *denialsFlags) checkAudit(paths []string) error {
	switch {
	case f.follow && !f.audit:
		return errors.New("--follow is for --audit: give both, or targets to watch")
	case f.follow && len(paths) > 0:
		return fmt.Errorf("--follow reads what the kernel tells from now on, not %s: leave one of both out", clean(paths[0]))
	case f.audit && !f.follow && len(paths) == 0:
		return errors.New("--audit has no log: give files, - for standard input, or --follow")
	case !f.audit && len(paths) > 0:
		return fmt.Errorf("%s: targets are flags, as --container NAME, and logs need --audit", clean(paths[0]))
	}
	if f.audit {
		return f.onlyAudit()
	}
	return nil
}

// withAudit are the flags that mean something with --audit, and withFollow those that do with --follow alone.
var (
	withAudit = []string{"audit", "follow", "output-file", "output", "quiet", "runtime-endpoint",
		"profile", "recording", "cap-add", "cap-drop", "propose", "accept"}
	withFollow = []string{"duration"}
)

// onlyAudit refuses flags of watching live: somebody would believe in what they say.
func (f *denialsFlags) onlyAudit() (err error) {
	f.set.Visit(func(flag *pflag.Flag) {
		if !slices.Contains(withAudit, flag.Name) && !(f.follow && slices.Contains(withFollow, flag.Name)) && err == nil {
			err = fmt.Errorf("--%s is for watching live: leave it out with --audit, which tells of everything in the log", flag.Name)
		}
	})
	return err
}

// readAudit makes a report of logs.
func readAudit(e *env, f *denialsFlags, paths []string) (*report.Report, error) {
	r := auditHead()
	tally, stop := f.tally(e, false)
	defer stop()
	for _, path := range paths {
		if err := readLog(e, f, path, tally, r); err != nil {
			return nil, err
		}
	}
	tally.Fill(r)
	var err error
	if r.ID, err = contentID(r); err != nil {
		return nil, hostError(err)
	}
	return sorted(newDenialsLog(e, f), r, 0)
}

// sorted tells of what was not told yet, in the order of the report's file.
func sorted(log *denialsLog, r *report.Report, told uint64) (*report.Report, error) {
	r, err := report.Merge(r)
	if err != nil {
		return nil, hostError(err)
	}
	log.summarize(r, told)
	return r, nil
}

func auditHead() *report.Report {
	return &report.Report{APIVersion: report.APIVersion, Kind: report.Kind, Tool: version, Complete: true, Losses: map[string]uint64{}}
}

// contentID is the same for the same logs, so that a report of them that is given twice counts once.
func contentID(r *report.Report) (string, error) {
	anonymous := *r
	anonymous.ID, anonymous.Tool = strings.Repeat("0", 32), ""
	data, err := report.Encode(&anonymous)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), nil
}

// tally counts records for the workloads that this host knows. Records of logs may be of another host: there, the program must
// be the same, too.
func (f *denialsFlags) tally(e *env, live bool) (tally *audit.Tally, stop func()) {
	warned := func(format string, args ...any) { warn(e, format, args...) }
	var set *engines.Set
	open := func() watch.Engines {
		var err error
		if set, err = f.openEngines(e.ctx, watch.Options{Warn: warned}, false); err != nil {
			warned("%v", err)
		}
		if set == nil {
			return nil
		}
		return set
	}
	locator := watch.NewLocator(open, warned)
	tally = audit.NewTally()
	tally.Workload = func(r *audit.Record) (report.Workload, bool) {
		exe := r.Exe
		if live {
			exe = ""
		} else if exe == "" {
			return report.Workload{}, false
		}
		about, ok := locator.Of(e.ctx, r.PID, r.Time, exe)
		return report.Workload{Name: about.Name, Kind: about.Kind, Cgroup: about.Cgroup, Unit: about.Unit, Container: about.Container}, ok
	}
	return tally, func() {
		if set != nil {
			_ = set.Close()
		}
	}
}

// readLog counts one log, and says what else is in it.
func readLog(e *env, f *denialsFlags, path string, tally *audit.Tally, r *report.Report) error {
	in, name, err := openLog(e, path)
	if err != nil {
		return err
	}
	defer in.Close()
	stats, err := audit.Scan(in, time.Now(), func(r *audit.Record) { tally.Add(r) })
	tally.EndLog()
	stats.Account(r, name)
	if err != nil {
		audit.Lose(r, audit.LossUnread, 1, "log, "+name+", ends early: "+clean(err.Error()))
	}
	for _, example := range stats.Examples {
		warn(e, "%s:%d: %s: %s", name, example.Line, example.Why, clean(example.Text))
	}
	if !f.quiet {
		fmt.Fprintf(e.stderr, "scallop: %s: %s in %s; %d of other kinds, %d of other programs, %d not understood\n", name,
			plural(stats.Seccomp, "seccomp record"), plural(stats.Lines, "line"), stats.Others, stats.Foreign, stats.Unread)
	}
	return nil
}

// openLog returns the reader, and the name to show.
func openLog(e *env, path string) (io.ReadCloser, string, error) {
	if path == "-" {
		return io.NopCloser(e.stdin), "standard input", nil
	}
	name := clean(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, "", usageError(fmt.Errorf("%s: it is a folder: give the logs in it", name))
	}
	file, err := os.Open(path)
	if err == nil {
		return file, name, nil
	}
	next := "give a log, as /var/log/audit/audit.log"
	if errors.Is(err, fs.ErrPermission) {
		next = "read it as root"
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return nil, "", usageError(fmt.Errorf("%s: %w: %s", name, err, next))
}
