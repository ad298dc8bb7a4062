// Command mobyload prints what Docker's own loader makes of the profile on standard input, for a container
// whose bounding set is the arguments, on the architecture that it was built for.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mobyload:", err)
		os.Exit(1)
	}
}

func run() error {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: os.Args[1:]}}}
	loaded, err := seccomp.LoadProfile(string(body), spec)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", " ")
	return enc.Encode(loaded)
}
