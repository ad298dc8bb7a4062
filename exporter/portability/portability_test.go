package portability

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter/severity"
)

func addedNames(c *Closure) []string {
	var list []string
	for _, a := range c.Added {
		list = append(list, a.Name)
	}
	return list
}

func TestClose(t *testing.T) {
	x86 := []string{"x86_64"}
	for _, c := range []struct {
		name  string
		from  []string
		level Level
		abis  []string
		want  []string
	}{
		{"nothing", nil, Libc, x86, nil},
		{"none", []string{"open", "fork"}, None, x86, nil},
		{"no siblings", []string{"kill", "mount", "socket"}, Libc, x86, nil},
		{"paths", []string{"mkdirat"}, Libc, x86, []string{"mkdir"}},
		{"what the ABI lacks", []string{"mkdir"}, Libc, []string{"aarch64"}, []string{"mkdirat"}},
		{"through what the ABI lacks", []string{"pause"}, Libc, []string{"aarch64"}, []string{"ppoll", "pselect6"}},
		{"64-bit time", []string{"timer_gettime"}, Libc, []string{"x86_64", "x86"}, []string{"timer_gettime64"}},
		{"32-bit IDs", []string{"setuid"}, Libc, x86, nil},
		{"for one architecture", []string{"nice"}, Libc, x86, nil},
		{"for another", []string{"nice"}, Arch, x86, []string{"getpriority", "setpriority"}},
	} {
		if diff := cmp.Diff(c.want, addedNames(Close(c.from, c.level, c.abis))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func find(c *Closure, name string) *Added {
	if i := slices.IndexFunc(c.Added, func(a Added) bool { return a.Name == name }); i >= 0 {
		return &c.Added[i]
	}
	return nil
}

// TestForkOnly: who was seen to fork may fork by clone, but not make namespaces; who was seen to
// call clone3 may do with clone what it could do before.
func TestForkOnly(t *testing.T) {
	c := Close([]string{"fork"}, Libc, []string{"x86_64", "s390x"})
	clone := find(c, "clone")
	if clone == nil || clone.Condition == nil {
		t.Fatalf("clone: %+v", clone)
	}
	for abi, index := range map[string]uint{"x86_64": 0, "s390x": 1} {
		args := clone.Condition.Args(abi)
		if len(args) != 1 || len(args[0]) != 1 || args[0][0].Index != index || args[0][0].Value != 0x7e020000 || args[0][0].ValueTwo != 0 {
			t.Errorf("%s: %+v", abi, args)
		}
	}
	if len(c.Answered) != 1 || c.Answered[0].Name != "clone3" {
		t.Errorf("answered: %+v", c.Answered)
	}
	c = Close([]string{"fork", "clone3"}, Libc, []string{"x86_64"})
	if clone := find(c, "clone"); clone == nil || clone.Condition != nil || clone.From != "clone3" {
		t.Errorf("with clone3: %+v", clone)
	}
	if len(c.Answered) > 0 {
		t.Errorf("clone3 was seen, but is answered: %+v", c.Answered)
	}
}

// TestTerminal: writing brings two requests of ioctl, where their numbers are known.
func TestTerminal(t *testing.T) {
	c := Close([]string{"write"}, Libc, []string{"x86_64", "mips64"})
	ioctl := find(c, "ioctl")
	if ioctl == nil || len(ioctl.Condition.Args("x86_64")) != 2 || !slices.Equal(ioctl.ABIs, []string{"x86_64"}) {
		t.Errorf("ioctl: %+v", ioctl)
	}
	if ioctl := find(Close([]string{"write"}, Libc, []string{"mips64"}), "ioctl"); ioctl != nil {
		t.Errorf("on MIPS: %+v", ioctl)
	}
}

func TestThreadPointer(t *testing.T) {
	c := Close([]string{"execve"}, Libc, []string{"aarch64", "x86", "x86_64"})
	for name, want := range map[string]string{"arch_prctl": "x86_64", "set_thread_area": "x86"} {
		if a := find(c, name); a == nil || !slices.Equal(a.ABIs, []string{want}) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := find(c, "set_tls"); a != nil {
		t.Errorf("set_tls: %+v", a)
	}
}

// TestWidestWay: the shortest way may be limited to some arguments or to one ABI, and a longer
// one not.
func TestWidestWay(t *testing.T) {
	const table = "libc\tread\t+\tioctl?terminal\twhy\tshort\nlibc\tread\t+\tx86/open\twhy\tshort\n" +
		"libc\tread\t>\treadv\twhy\tstep\nlibc\treadv\t+\tioctl open\twhy\tlong\n"
	g, err := parse(table)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(g, []string{"read"}, Libc)
	for _, name := range []string{"ioctl", "open"} {
		if a := w.added(name, []string{"x86_64"}); a.Condition != nil || a.Source != "long" || len(a.ABIs) != 1 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestText(t *testing.T) {
	a := find(Close([]string{"stat"}, Libc, []string{"x86_64"}), "newfstatat")
	if a == nil || !strings.HasPrefix(a.Text(), "in place of stat: the metadata of a file by its path; ") || !strings.Contains(a.Text(), "glibc >= 2.33") {
		t.Errorf("%+v", a)
	}
}

func TestUnmapped(t *testing.T) {
	seen := []string{"read", "open", "stat", "fork", "epoll_wait", "poll", "pause", "alarm", "rename", "getdents", "arch_prctl", "modify_ldt", "iopl", "creat", "vfork", "select", "pipe", "dup2"}
	if got, want := Unmapped(seen, "aarch64"), []string{"iopl", "modify_ldt"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Unmapped([]string{"socketcall", "mmap2", "waitpid"}, "x86_64"); !slices.Equal(got, []string{"socketcall"}) {
		t.Errorf("from x86: %v", got)
	}
}

// TestEveryCallHasAPlace lists all of x86_64 that has none on aarch64: rare, dead or
// tied to the processor.
func TestEveryCallHasAPlace(t *testing.T) {
	var names []string
	for _, e := range severity.All() {
		if len(having([]string{"x86_64"}, e.Name, "")) > 0 {
			names = append(names, e.Name)
		}
	}
	want := strings.Fields(`_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg ioperm iopl
		modify_ldt putpmsg query_module security sysfs tuxcall uselib ustat vserver`)
	if diff := cmp.Diff(want, Unmapped(names, "aarch64")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseArch(t *testing.T) {
	for name, want := range map[string]string{"aarch64": "aarch64", "arm64": "aarch64", "amd64": "x86_64", "x86_64": "x86_64", "x32": "", "z80": "", "": ""} {
		if got, err := ParseArch(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func drawNames(rt *rapid.T, label string) []string {
	var all []string
	for _, e := range severity.All() {
		all = append(all, e.Name)
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 12, rapid.ID).Draw(rt, label)
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := drawNames(rt, "names")
		level := rapid.SampledFrom([]Level{None, Libc, Arch}).Draw(rt, "level")
		abis := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x86_64", "x86", "x32", "aarch64", "arm", "riscv64", "s390x", "mips64"}), 1, 4, rapid.ID).Draw(rt, "abis")
		c := Close(names, level, abis)
		closed := c.Names(names)
		for _, a := range c.Added {
			checkAdded(rt, &a, names, closed, abis)
		}
		if again := Close(closed, level, abis); len(again.Added) > 0 {
			rt.Fatalf("not idempotent: %v", addedNames(again))
		}
		shuffled := Close(rapid.Permutation(names).Draw(rt, "shuffled"), level, rapid.Permutation(abis).Draw(rt, "shuffled ABIs"))
		if diff := cmp.Diff(c, shuffled, cmp.Comparer(func(a, b *Condition) bool { return a == b })); diff != "" {
			rt.Fatalf("depends on the order:\n%s", diff)
		}
		checkMonotone(rt, c, slices.Concat(names, drawNames(rt, "more")), level, abis)
	})
}

// checkAdded: what is added is new, exists, and is no more dangerous than what was given.
func checkAdded(rt *rapid.T, a *Added, names, closed, abis []string) {
	if slices.Contains(names, a.Name) || len(a.ABIs) == 0 || a.Why == "" || a.Source == "" {
		rt.Fatalf("%+v", a)
	}
	for _, abi := range a.ABIs {
		if !slices.Contains(abis, abi) || len(having(abis, a.Name, abi)) == 0 {
			rt.Fatalf("%+v is for %s", a, abi)
		}
	}
	worst := severity.None
	for _, name := range names {
		worst = max(worst, severity.Of(name).Level)
	}
	if level := severity.Of(a.Name).Level; level > worst || level > severity.Of(a.From).Level {
		rt.Fatalf("%s is of level %s, worse than what it was added for", a.Name, level)
	}
}

// checkMonotone: with more names nothing is lost, and no condition comes.
func checkMonotone(rt *rapid.T, c *Closure, names []string, level Level, abis []string) {
	more := Close(names, level, abis)
	for _, a := range c.Added {
		switch b := find(more, a.Name); {
		case b == nil && slices.Contains(names, a.Name):
		case b == nil:
			rt.Fatalf("%s is lost if there are more names", a.Name)
		case a.Condition == nil && b.Condition != nil:
			rt.Fatalf("%s is limited only if there are more names", a.Name)
		case len(b.ABIs) < len(a.ABIs):
			rt.Fatalf("%s: %v, but with more names %v", a.Name, a.ABIs, b.ABIs)
		}
	}
}
