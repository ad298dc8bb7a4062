package status

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

const bounding = "CapBnd:\t0000000000000001\n"

func thread(comm, state, mode, filters, noNewPrivs string) string {
	return "Name:\t" + comm + "\nState:\t" + state + "\nNoNewPrivs:\t" + noNewPrivs + "\nSeccomp:\t" + mode + "\nSeccomp_filters:\t" + filters + "\n" + bounding
}

func TestParseThread(t *testing.T) {
	for text, want := range map[string]Thread{
		thread("nginx", "S (sleeping)", "2", "3", "1"): {Comm: "nginx", Seccomp: Filter, Filters: 3, NoNewPrivs: true},
		thread("a:b", "R (running)", "0", "0", "0"):    {Comm: "a:b"},
		thread("k", "R (running)", "3", "1", "0"):      {Comm: "k", Seccomp: Filter, Filters: 1, Dead: true},
		thread("z", "Z (zombie)", "2", "1", "0"):       {Comm: "z", Seccomp: Filter, Filters: 1, Dead: true},
		"Name:\told\nSeccomp:\t1\n":                    {Comm: "old", Seccomp: Strict, Filters: UnknownFilters},
		"Seccomp:\t2\nSeccomp_filters:\t-1\n":          {Seccomp: Filter, Filters: UnknownFilters},
	} {
		if got, err := ParseThread([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "Name:\tx\n", "Seccomp:\t4\n", "Seccomp:\tx\n"} {
		if got, err := ParseThread([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzParseThread(f *testing.F) {
	f.Add([]byte(thread("nginx", "S (sleeping)", "2", "3", "1")))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseThread(text)
		if err == nil && (got.Seccomp < Disabled || got.Seccomp > Filter || got.Filters < UnknownFilters) {
			t.Errorf("%+v", got)
		}
	})
}

// vanishing is a /proc whose process or thread ends while it is read: the files in errs answer with these errors.
type vanishing struct {
	files fstest.MapFS
	errs  map[string]error
}

func (v vanishing) Open(name string) (fs.File, error) {
	if err := v.errs[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return v.files.Open(name)
}

func (v vanishing) ReadLink(name string) (string, error) {
	if err := v.errs[name]; err != nil {
		return "", err
	}
	return v.files.ReadLink(name)
}

func (v vanishing) Lstat(name string) (fs.FileInfo, error) { return v.files.Lstat(name) }

func procOf(errs map[string]error) vanishing {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return vanishing{fstest.MapFS{
		"7/task/7/status":  file(thread("app", "S (sleeping)", "2", "1", "1")),
		"7/task/10/status": file(thread("worker", "S (sleeping)", "0", "0", "1")),
		"7/exe":            {Data: []byte("/usr/bin/app"), Mode: fs.ModeSymlink},
	}, errs}
}

// What ends while it is read is left out, at whichever file that happens.
func TestReadVanishing(t *testing.T) {
	for name, test := range map[string]struct {
		errs map[string]error
		tids []int
		err  error
	}{
		"alive":              {nil, []int{7, 10}, nil},
		"before":             {map[string]error{"7/task": unix.ENOENT}, nil, ErrGone},
		"while listing":      {map[string]error{"7/task": unix.ESRCH}, nil, ErrGone},
		"a thread":           {map[string]error{"7/task/10/status": unix.ENOENT}, []int{7}, nil},
		"a thread, opened":   {map[string]error{"7/task/7/status": unix.ESRCH}, []int{10}, nil},
		"all its threads":    {map[string]error{"7/task/7/status": unix.ESRCH, "7/task/10/status": unix.ESRCH}, nil, ErrGone},
		"may not be read":    {map[string]error{"7/task/7/status": unix.EACCES}, nil, unix.EACCES},
		"its exe, not there": {map[string]error{"7/exe": unix.ENOENT}, []int{7, 10}, nil},
	} {
		p, err := Read(procOf(test.errs), 7)
		var tids []int
		if p != nil {
			for _, one := range p.Threads {
				tids = append(tids, one.TID)
			}
		}
		if !errors.Is(err, test.err) || !slices.Equal(tids, test.tids) {
			t.Errorf("%s: %v, %v, want %v, %v", name, tids, err, test.tids, test.err)
		}
	}
}

func TestRead(t *testing.T) {
	p, err := Read(procOf(nil), 7)
	if err != nil {
		t.Fatal(err)
	}
	if p.Exe != "/usr/bin/app" || p.Comm() != "app" || !slices.Equal(p.Bounding, []string{"cap_chown"}) || !p.Confined() {
		t.Errorf("%+v", p)
	}
	if _, err := Read(fstest.MapFS{"7/task/7/status": {Data: []byte("Name:\tx\n")}}, 7); !errors.Is(err, ErrNoSeccomp) {
		t.Errorf("%v", err)
	}
}

func TestJudge(t *testing.T) {
	one := func(mode, filters int) Thread { return Thread{TID: 100 + filters, Seccomp: mode, Filters: filters} }
	for name, test := range map[string]struct {
		threads  []Thread
		expected bool
		want     string
	}{
		"confined":              {[]Thread{one(Filter, 1), one(Filter, 1)}, true, ""},
		"strict":                {[]Thread{one(Strict, 0)}, true, ""},
		"not confined":          {[]Thread{one(Disabled, 0)}, true, "unconfined-process 0"},
		"need not be":           {[]Thread{one(Disabled, 0)}, false, ""},
		"TSYNC missing":         {[]Thread{one(Filter, 1), one(Disabled, 0)}, false, "unfiltered-thread 100"},
		"second without TSYNC":  {[]Thread{one(Filter, 2), one(Filter, 1), one(Disabled, 0)}, true, "fewer-filters 101 unfiltered-thread 100"},
		"before 5.9":            {[]Thread{one(Filter, -1), one(Filter, -1)}, true, ""},
		"before 5.9, no filter": {[]Thread{one(Filter, -1), one(Disabled, -1)}, true, "unfiltered-thread 99"},
	} {
		var got []string
		for _, f := range Judge(&Process{PID: 1, Threads: test.threads}, test.expected) {
			got = append(got, string(f.Kind), itoa(f.TID))
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}
