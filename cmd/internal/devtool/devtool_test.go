package devtool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		args []string
		err  error
		code int
		want string // in what it says
	}{
		{[]string{"--rounds", "2"}, nil, 0, ""},
		{nil, fmt.Errorf("it: %w", devtool.ErrFinding), 1, ""},
		{nil, devtool.Usagef("--rounds %d: give at least 1", 0), 2, "t: --rounds 0: give at least 1: see --help\n"},
		{nil, errors.New("no\n\tkernel"), 3, "t: no kernel\n"},
		{[]string{"--help"}, nil, 0, "Usage: t [flags]\nTries.\n\nFlags:\n"},
		{[]string{"--bogus"}, nil, 2, "t: unknown flag: --bogus: see --help\n"},
		{[]string{"more"}, nil, 2, "t: unexpected argument \"more\": see --help\n"},
	} {
		work := func(_ context.Context, args []string, _, stderr io.Writer) error {
			flags := devtool.Flags("t", "[flags]\nTries.", stderr)
			flags.Int("rounds", 1, "how often")
			if err := devtool.Parse(flags, args, 0); err != nil {
				return err
			}
			return tc.err
		}
		var stderr strings.Builder
		if code := devtool.Run(t.Context(), "t", work, tc.args, io.Discard, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.want) || tc.want == "" && stderr.Len() > 0 {
			t.Errorf("%v, %v: code %d: %s", tc.args, tc.err, code, &stderr)
		}
	}
}
