package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/pins"
)

// argsFile keeps the flags that a pinned recorder was started with.
const argsFile = "args.json"

// openPin makes the pin that was asked for, or takes one over; nil if none was asked for. The flags that it returns are
// those to go on with: a recorder that is taken over goes on with its own.
func openPin(e *env, f *recordFlags) (*pins.Pin, *recordFlags, error) {
	switch {
	case f.pin != "":
		pin, err := createPin(e, f)
		return pin, f, err
	case f.taken() != "":
		return takePin(e, f)
	default:
		return nil, f, nil
	}
}

// closePin leaves no pin behind that never counted, and none that was to be removed.
func (f *recordFlags) closePin(pin *pins.Pin, err error) error {
	if pin == nil {
		return err
	}
	if err != nil && f.pin != "" || f.unpin != "" {
		err = errors.Join(err, pin.Remove())
	}
	return errors.Join(err, pin.Close())
}

// taken is the name of the pin that is taken over.
func (f *recordFlags) taken() string {
	if f.resume != "" {
		return f.resume
	}
	return f.unpin
}

// checkPin: what a pinned recorder is to do was said when it was started.
func (f *recordFlags) checkPin() error {
	var err error
	f.set.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "pin", "resume", "unpin":
			err = errors.Join(err, control.CheckName(flag.Value.String()))
		case "quiet", "output", "name":
		default:
			if f.taken() != "" {
				err = errors.Join(err, fmt.Errorf("--%s was said when %s was pinned: leave it out", flag.Name, f.taken()))
			}
		}
	})
	if err == nil && (f.pin != "" && f.taken() != "" || f.resume != "" && f.unpin != "") {
		err = errors.New("--pin, --resume and --unpin: give one of them")
	}
	return err
}

func createPin(e *env, f *recordFlags) (*pins.Pin, error) {
	pin, err := pins.Create(runtimeDir(e), f.pin)
	if errors.Is(err, pins.ErrTaken) {
		return nil, usageError(err)
	}
	if err != nil {
		return nil, hostError(err)
	}
	dir, err := filepath.Abs(f.outputDir)
	data, marshalErr := json.Marshal(append(typed(f.set), "--output-dir="+dir))
	if err = errors.Join(err, marshalErr); err == nil {
		err = os.WriteFile(pin.StateFile(argsFile), data, 0o600)
	}
	if err != nil {
		return nil, hostError(errors.Join(fmt.Errorf("keeping the flags of %q: %w", f.pin, err), pin.Remove()))
	}
	return pin, nil
}

// typed are the flags that the user gave, as arguments that mean the same.
func typed(flags *pflag.FlagSet) []string {
	var args []string
	flags.Visit(func(flag *pflag.Flag) {
		if flag.Name == "pin" || flag.Name == "output-dir" {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			args = append(args, "--"+flag.Name+"="+value)
		}
	})
	return args
}

// takePin goes on with the flags that the pinned recorder was started with, but for how it talks.
func takePin(e *env, f *recordFlags) (*pins.Pin, *recordFlags, error) {
	pin, err := pins.Open(runtimeDir(e), f.taken())
	if errors.Is(err, pins.ErrNone) || errors.Is(err, pins.ErrBusy) {
		return nil, f, usageError(err)
	}
	if err != nil {
		return nil, f, hostError(err)
	}
	kept, err := keptFlags(pin)
	if err != nil {
		if f.unpin == "" {
			return nil, f, hostError(fmt.Errorf("reading the flags of %q: %w: give it up with --unpin %s", f.resume, err, f.resume))
		}
		return nil, f, hostError(errors.Join(fmt.Errorf("reading the flags of %q: %w: its recordings are lost; it is no longer pinned", f.unpin, err), pin.Remove()))
	}
	kept.resume, kept.unpin, kept.quiet, kept.name = f.taken(), f.unpin, f.quiet, f.name
	if f.set.Changed("output") {
		kept.output = f.output
	}
	return pin, kept, nil
}

func keptFlags(pin *pins.Pin) (*recordFlags, error) {
	file, err := os.Open(pin.StateFile(argsFile))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var args []string
	if err := json.NewDecoder(io.LimitReader(file, 1<<20)).Decode(&args); err != nil {
		return nil, err
	}
	kept := &recordFlags{}
	flags := pflag.NewFlagSet("record", pflag.ContinueOnError)
	addRecordFlags(flags, kept)
	return kept, flags.Parse(args)
}
