package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/recording"
)

var doctorOutputs = []string{"table", "json"}

// makeCalls is the hidden flag that turns scallop into the self-test's child.
const makeCalls = "make-calls"

func newDoctorCmd(e *env) *cobra.Command {
	var output string
	var types btfFlag
	var calls int
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Tell whether this host can record, and if not, what to do",
		Long: `Look at every condition of this host that recording depends on, one line each: the
verdict, what was found and, if that is not ok, the next step. At the end comes a real
self-test: scallop loads and attaches its BPF programs, runs a child that makes a
known number of calls, and compares. Nothing is left behind.

The exit code is 3 if this host cannot record, and 0 otherwise, warnings included.`,
		Example: `  scallop doctor
  scallop doctor --output json | jq -r '.checks[] | select(.verdict != "ok") | .next'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed(makeCalls) {
				return runCalls(calls)
			}
			if err := oneOf("--output", output, doctorOutputs); err != nil {
				return usageError(err)
			}
			return runDoctor(e, output, &types)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&output, "output", "table", "`FORMAT` "+strings.Join(doctorOutputs, ", "))
	flags.Var(&types, "btf", btfUsage)
	flags.IntVar(&calls, makeCalls, 0, "make `N` getppid calls, for the self-test")
	_ = flags.MarkHidden(makeCalls)
	completeValues(cmd, "output", doctorOutputs...)
	return cmd
}

// runCalls is the child: nothing else in this program asks for its parent.
func runCalls(n int) error {
	for range n {
		_ = syscall.Getppid()
	}
	return nil
}

func runDoctor(e *env, output string, types *btfFlag) error {
	self, err := os.Executable()
	if err != nil {
		return hostError(fmt.Errorf("finding scallop's own program for the self-test: %w: is /proc mounted?", err))
	}
	// A signal must not end scallop between making a cgroup and removing it.
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	checks := cleanChecks(doctor.Judge(doctor.Gather(ctx, types.types, func(calls int) []string {
		return []string{self, "doctor", "--" + makeCalls, strconv.Itoa(calls)}
	})))
	if context.Cause(ctx) != nil {
		return hostError(fmt.Errorf("doctor was interrupted: run it again"))
	}
	var out bytes.Buffer
	if output == "json" {
		err = writeDoctorJSON(&out, checks)
	} else {
		writeDoctorTable(&out, checks, terminalOf(e, e.stdout))
	}
	if err != nil {
		return err
	}
	if err := writeOutput(e, "-", out.Bytes()); err != nil {
		return err
	}
	return doctorVerdict(checks)
}

// cleanChecks: versions, paths and kernel messages are not ours.
func cleanChecks(checks []doctor.Check) []doctor.Check {
	for i := range checks {
		c := &checks[i]
		c.Found, c.Next = cleanLine(c.Found), cleanLine(c.Next)
	}
	return checks
}

func cleanLine(s string) string {
	return recording.CleanString(strings.Join(strings.Fields(s), " "))
}

func doctorVerdict(checks []doctor.Check) error {
	if doctor.CanRecord(checks) {
		return nil
	}
	var failed []string
	for _, c := range checks {
		if c.Verdict == doctor.Fail {
			failed = append(failed, c.Name)
		}
	}
	return hostError(fmt.Errorf("this host cannot record: %s: take the next steps above, from the first on", strings.Join(failed, ", ")))
}

// doctorReport is the machine output. Fields are only added.
type doctorReport struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	CanRecord  bool           `json:"canRecord"`
	Checks     []doctor.Check `json:"checks"`
	Needs      []doctor.Need  `json:"needs"`
}

func writeDoctorJSON(out *bytes.Buffer, checks []doctor.Check) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doctorReport{
		APIVersion: recording.APIVersion,
		Kind:       "HostReport",
		CanRecord:  doctor.CanRecord(checks),
		Checks:     checks,
		Needs:      slices.Clone(doctor.Needs),
	})
}
