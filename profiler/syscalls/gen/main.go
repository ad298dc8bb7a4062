// Command gen writes the tables of package syscalls, one file per ABI, into
// the current directory. It takes the numbers from golang.org/x/sys at the
// version go.mod names, whose unix/zsysnum_linux_*.go files are themselves
// made from the kernel's own headers.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const xsys = "golang.org/x/sys"

// sources pairs our ABI names with the GOARCH in the names of x/sys' files.
// x32 has no file of its own there: it is derived from x86_64 by toX32.
var sources = []struct {
	abi, goarch string
	adapt       func([]call) []call
}{
	{"aarch64", "arm64", nil},
	{"arm", "arm", addARMPrivate},
	{"loongarch64", "loong64", nil},
	{"mips", "mips", nil},
	{"mips64", "mips64", nil},
	{"mipsel", "mipsle", nil},
	{"mipsel64", "mips64le", nil},
	{"ppc", "ppc", nil},
	{"ppc64", "ppc64", nil},
	{"ppc64le", "ppc64le", nil},
	{"riscv64", "riscv64", nil},
	{"s390x", "s390x", nil},
	{"x32", "amd64", toX32},
	{"x86", "386", nil},
	{"x86_64", "amd64", nil},
}

type call struct {
	nr   int
	name string
}

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	dir, version, err := findModule()
	if err != nil {
		return err
	}
	files, err := generate(dir, version)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// findModule returns the directory and version of x/sys; the directory is
// empty when the module's source is not on this machine.
func findModule() (dir, version string, err error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}\n{{.Version}}", xsys)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("go list -m %s: %w", xsys, err)
	}
	dir, version, _ = strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	if dir == "" {
		return "", "", fmt.Errorf("no source of %s %s here: run go mod download %s", xsys, version, xsys)
	}
	return dir, version, nil
}

// generate returns the text of every table, by file name.
func generate(dir, version string) (map[string][]byte, error) {
	files := make(map[string][]byte, len(sources))
	for _, s := range sources {
		file := "zsysnum_linux_" + s.goarch + ".go"
		calls, err := parse(filepath.Join(dir, "unix", file))
		if err != nil {
			return nil, err
		}
		if s.adapt != nil {
			calls = s.adapt(calls)
		}
		if err := sortUnique(calls); err != nil {
			return nil, fmt.Errorf("%s: %w", s.abi, err)
		}
		text, err := render(s.abi, fmt.Sprintf("%s %s, unix/%s", xsys, version, file), calls)
		if err != nil {
			return nil, err
		}
		// Not table_<abi>.go: go build reads a final _arm or _mips64 as a
		// build constraint, and the tables are for every platform.
		files["table_"+s.abi+"_gen.go"] = text
	}
	return files, nil
}

func parse(path string) ([]call, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var calls []call
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			c, err := parseConst(spec.(*ast.ValueSpec))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if !notCall.MatchString(c.name) {
				calls = append(calls, c)
			}
		}
	}
	return calls, nil
}

// notCall finds constants that the kernel's headers define next to the calls
// but that name none: the mask of ARM's numbers, the start of the range that
// asm-generic/unistd.h leaves to architectures, and the holes of the MIPS
// tables.
var notCall = regexp.MustCompile(`^(syscall_mask|arch_specific_syscall|(unused|reserved)[0-9]+)$`)

// parseConst accepts SYS_NAME = 123 and nothing else, so that a change in the
// form of x/sys' files is an error and not a shorter table.
func parseConst(spec *ast.ValueSpec) (call, error) {
	ident := spec.Names[0].Name
	name, ok := strings.CutPrefix(ident, "SYS_")
	if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
		return call{}, fmt.Errorf("%s is not of the form SYS_NAME = number", ident)
	}
	lit, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return call{}, fmt.Errorf("%s is not a plain number", ident)
	}
	nr, err := strconv.Atoi(lit.Value)
	if err != nil {
		return call{}, fmt.Errorf("%s: %w", ident, err)
	}
	return call{nr, strings.ToLower(name)}, nil
}

// addARMPrivate adds the calls in ARM's private range, __ARM_NR_BASE, which
// x/sys leaves out. Source: arch/arm/include/uapi/asm/unistd.h.
func addARMPrivate(calls []call) []call {
	const base = 0x0f0000
	return append(calls,
		call{base + 1, "breakpoint"},
		call{base + 2, "cacheflush"},
		call{base + 3, "usr26"},
		call{base + 4, "usr32"},
		call{base + 5, "set_tls"},
		call{base + 6, "get_tls"},
	)
}

// x32Only are the calls that x32 has at numbers of its own, from 512 on. The
// range is closed: the kernel adds no further calls to it.
// Source: arch/x86/entry/syscalls/syscall_64.tbl, lines marked "x32".
var x32Only = []string{
	"rt_sigaction", "rt_sigreturn", "ioctl", "readv", "writev", "recvfrom",
	"sendmsg", "recvmsg", "execve", "ptrace", "rt_sigpending",
	"rt_sigtimedwait", "rt_sigqueueinfo", "sigaltstack", "timer_create",
	"mq_notify", "kexec_load", "waitid", "set_robust_list",
	"get_robust_list", "vmsplice", "move_pages", "preadv", "pwritev",
	"rt_tgsigqueueinfo", "recvmmsg", "sendmmsg", "process_vm_readv",
	"process_vm_writev", "setsockopt", "getsockopt", "io_setup",
	"io_submit", "execveat", "preadv2", "pwritev2",
}

// notX32 are the calls that x86_64 has and x32 has not at any number.
// Source: arch/x86/entry/syscalls/syscall_64.tbl, lines marked "64" without
// an "x32" line of the same name.
var notX32 = []string{
	"uselib", "_sysctl", "create_module", "get_kernel_syms", "query_module",
	"nfsservctl", "set_thread_area", "get_thread_area", "epoll_ctl_old",
	"epoll_wait_old", "vserver",
}

func toX32(amd64 []call) []call {
	calls := slices.DeleteFunc(amd64, func(c call) bool {
		return slices.Contains(x32Only, c.name) || slices.Contains(notX32, c.name)
	})
	for i, name := range x32Only {
		calls = append(calls, call{512 + i, name})
	}
	return calls
}

// sortUnique sorts by number. A second name for a number, or a second number
// for a name, would make the lookups ambiguous. No table has one today; a new
// one needs a decision here about which name is libseccomp's.
func sortUnique(calls []call) error {
	slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.nr, b.nr) })
	names := make(map[string]int, len(calls))
	for i, c := range calls {
		if i > 0 && calls[i-1].nr == c.nr {
			return fmt.Errorf("number %d is both %s and %s", c.nr, calls[i-1].name, c.name)
		}
		if nr, ok := names[c.name]; ok {
			return fmt.Errorf("%s has both numbers %d and %d", c.name, nr, c.nr)
		}
		names[c.name] = c.nr
	}
	return nil
}

func render(abi, source string, calls []call) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by profiler/syscalls/gen from %s. DO NOT EDIT.\n\n", source)
	fmt.Fprintf(&b, "package syscalls\n\nvar table%s = []call{\n", strings.ToUpper(abi))
	for _, c := range calls {
		fmt.Fprintf(&b, "\t{%d, %q},\n", c.nr, c.name)
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}
