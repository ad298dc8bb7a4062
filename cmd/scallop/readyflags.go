package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/ready"
)

// readyFlags say when startup is over, for a command that scallop starts and for workloads of others.
type readyFlags struct {
	readyHTTP, readyTCP []string
	readyExec           []string
	readyAfter, settle  time.Duration
}

const defaultSettle = 5 * time.Second

func (f *readyFlags) addTo(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.readyHTTP, "ready-http", nil, "ready when `URL` answers a GET with a status below 400")
	flags.StringArrayVar(&f.readyTCP, "ready-tcp", nil, "ready when `HOST:PORT` accepts a connection")
	flags.StringArrayVar(&f.readyExec, "ready-exec", nil, "ready when this shell `COMMAND` exits with 0; it is not recorded")
	flags.DurationVar(&f.readyAfter, "ready-after", 0, "ready after `DURATION`")
	flags.DurationVar(&f.settle, "settle", defaultSettle, "ready when no call was seen for the first time for `DURATION`, if nothing else tells; 0 is never")
}

// checks are those that the flags ask for; environ is that of the commands among them, nil scallop's own.
func (f *readyFlags) checks(environ []string) ([]ready.Check, error) {
	if err := notNegative(map[string]time.Duration{"ready-after": f.readyAfter, "settle": f.settle}); err != nil {
		return nil, err
	}
	var checks []ready.Check
	for _, url := range f.readyHTTP {
		check, err := ready.HTTP(url)
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	for _, address := range f.readyTCP {
		check, err := ready.TCP(address)
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	for _, command := range f.readyExec {
		if strings.TrimSpace(command) == "" {
			return nil, errors.New("--ready-exec: is empty: give a shell command")
		}
		checks = append(checks, ready.Exec(command, environ))
	}
	if f.readyAfter > 0 {
		checks = append(checks, ready.After(f.readyAfter))
	}
	return checks, nil
}

// settling is how long nothing new is waited for: if asked for, or if nothing else tells.
func (f *readyFlags) settling(asked bool, checks []ready.Check) time.Duration {
	if asked || len(checks) == 0 {
		return f.settle
	}
	return 0
}
