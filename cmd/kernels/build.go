package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// buildTree compiles all that the guests of an architecture run into dir: tests/ and programs/, scallop among them. In repository/ is what
// the tests read there.
func buildTree(ctx context.Context, dir, arch string) error {
	for _, sub := range []string{"tests", "programs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := copyDocuments(filepath.Join(dir, "repository")); err != nil {
		return err
	}
	for _, b := range binaries {
		out := filepath.Join(dir, "tests", b.file())
		if err := goTool(ctx, arch, "test", "-c", "-o", out, "-ldflags", "-s -w", module+"/"+b.Package); err != nil {
			return err
		}
	}
	if err := goTool(ctx, arch, "build", "-o", filepath.Join(dir, "programs", "scallop"), "-ldflags", "-s -w", module+"/cmd/scallop"); err != nil {
		return err
	}
	return buildPrograms(ctx, filepath.Join(dir, "programs"), arch)
}

func copyDocuments(dir string) error {
	for _, name := range documents {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func buildPrograms(ctx context.Context, dir, arch string) error {
	m := machines[arch]
	for _, p := range programs {
		if p.Only != "" && p.Only != arch {
			continue
		}
		compiler := []string{m.CC}
		if p.Is32 {
			compiler = m.CC32
		}
		args := append(compiler[1:len(compiler):len(compiler)], "-O1", "-fno-stack-protector", "-o", filepath.Join(dir, p.Name), "testdata/programs/"+p.Name+".c")
		if err := tool(exec.CommandContext(ctx, compiler[0], append(args, p.Flags...)...)); err != nil {
			return err
		}
	}
	return nil
}

// goTool makes static binaries.
func goTool(ctx context.Context, arch string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	return tool(cmd)
}

// tool runs a compiler; its errors carry what it said.
func tool(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// trees builds what is needed, once an architecture.
type trees struct {
	dir  string
	mu   sync.Mutex
	done map[string]error
}

// of is the folder for an architecture.
func (t *trees) of(ctx context.Context, arch string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := filepath.Join(t.dir, arch)
	err, built := t.done[arch]
	if !built {
		err = buildTree(ctx, dir, arch)
		t.done[arch] = err
	}
	return dir, err
}
