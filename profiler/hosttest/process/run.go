package process

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// late is when a command that should end by itself is killed: emulation is slow, and others may be busy beside it.
const late = 3 * time.Minute

// Run runs a command to its end; errors name it.
func Run(cmd *exec.Cmd) error {
	cmd.WaitDelay = time.Second // what it left behind may hold its pipes
	err := cmd.Start()
	if err == nil {
		kill := time.AfterFunc(late, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}

// Output is Run that returns what the command wrote, without white space around it; errors carry that too.
func Output(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := Run(cmd); err != nil {
		return "", fmt.Errorf("%w\n%s", err, &out)
	}
	return strings.TrimSpace(out.String()), nil
}
