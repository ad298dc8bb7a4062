package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "scallop" { // which has its own command for that
		hosttest.Help()
	}
	testscript.Main(m, map[string]func(){"scallop": main, limiterName: limiter})
}

// TestScript runs testdata/script/*.txtar. Beside testscript's own commands
// there are:
//
//	exits CODE PROGRAM [ARG…]   run a program that must end with this exit code
//	oneerror                    the last program wrote one line of error, "scallop: …"
//	samefile A B                two files have the same bytes (cmp would need text)
//	tinydisk DIR                mount a file system of one page on DIR, until the script ends
//	edit FILE OLD NEW           replace the first OLD in FILE, which must be there
//
// and the condition [root]. nginx.json, the recording in testdata, is in $WORK.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    scriptExits,
			"oneerror": scriptOneError,
			"samefile": scriptSameFile,
			"tinydisk": scriptTinyDisk,
			"edit":     scriptEdit,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

func setupScript(e *testscript.Env) error {
	e.Vars = append(e.Vars, "NO_COLOR=1")
	data, err := os.ReadFile("../../testdata/recordings/nginx.json")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.WorkDir, "nginx.json"), data, 0o644)
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptOneError(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: oneerror")
	}
	text := ts.ReadFile("stderr")
	if !strings.HasPrefix(text, "scallop: ") || strings.Count(text, "\n") != 1 || len(text) > 400 {
		ts.Fatalf("not one line of error: %q", text)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("an error and yet output: %q", out)
	}
}

func scriptSameFile(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: samefile A B")
	}
	if same := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); same == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], same)
	}
}

func scriptTinyDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tinydisk DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4096"); err != nil {
		ts.Fatalf("mount a tmpfs of one page: %v", err)
	}
	ts.Defer(func() { _ = syscall.Unmount(dir, 0) })
}

func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}
