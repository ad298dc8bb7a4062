package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// TestRunUsage: what the user wrote wrongly. None of these needs root, and none
// starts the command.
func TestRunUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":          {[]string{"frobnicate"}, "unknown command \"frobnicate\""},
		"unknown flag":             {[]string{"run", "--frobnicate", "--", "true"}, "see `scallop run --help`"},
		"flag of the wrong type":   {[]string{"run", "--settle", "soon", "--", "true"}, "must be a duration like \"30s\""},
		"no command":               {[]string{"run", "-o", "out.json"}, "name one after `--`"},
		"ready-http no URL":        {[]string{"--ready-http", "localhost"}, "write it as http://"},
		"ready-http other scheme":  {[]string{"--ready-http", "ftp://localhost/"}, "write it as http://"},
		"ready-http control byte":  {[]string{"--ready-http", "http://\x1b[31m/"}, "write it as http://"},
		"ready-tcp no port":        {[]string{"--ready-tcp", "localhost"}, "write it as 127.0.0.1:6379"},
		"ready-tcp bad port":       {[]string{"--ready-tcp", "127.0.0.1:99999"}, "write it as 127.0.0.1:6379"},
		"ready-log bad expression": {[]string{"--ready-log", "("}, "see https://pkg.go.dev/regexp/syntax"},
		"ready-exec empty":         {[]string{"--ready-exec", " "}, "give a shell command"},
		"ready-after negative":     {[]string{"--ready-after", "-1s"}, "give 0 or more"},
		"stop-signal unknown":      {[]string{"--stop-signal", "FOO"}, "use names as TERM"},
		"stop-signal KILL":         {[]string{"--stop-signal", "TERM,KILL"}, "cannot be handled by any process"},
		"stop-signal empty":        {[]string{"--stop-signal", ""}, "name at least one signal"},
		"name with a slash":        {[]string{"--name", "../x"}, "use 1 to 64 letters"},
		"name empty":               {[]string{"--name", ""}, "--name: is empty"},
		"user unknown":             {[]string{"--user", "no-such-user"}, "name one of /etc/passwd, or a UID"},
		"user empty, not root":     {[]string{"--user", ""}, "--user: is empty"},
		"user minus one":           {[]string{"--user", "4294967295"}, "name one of /etc/passwd, or a UID"},
		"group unknown":            {[]string{"--user", "0:no-such-group"}, "name one of /etc/group, or a GID"},
		"env without a name":       {[]string{"--env", "=x"}, "write it as KEY=VALUE"},
		"chdir empty":              {[]string{"--chdir", ""}, "--chdir: is empty"},
		"probe unknown":            {[]string{"--probe", "kprobe"}, "use one of tp_btf, raw_tracepoint"},
		"max-calls too many":       {[]string{"--max-calls", "65536"}, "give 1 to 65535"},
		"output folder missing":    {[]string{"-o", "missing/out.json"}, "create the folder first"},
		"output is a folder":       {[]string{"-o", "/"}, "give the name of a file"},
		"output empty":             {[]string{"-o", ""}, "--output-file: is empty"},
		"mark, none is live":       {[]string{"mark", "nginx", "steady"}, "none is live; start one with `scallop run`"},
		"mark, bad name":           {[]string{"mark", "../nginx", "steady"}, "use 1 to 64 letters"},
		"mark, bad phase":          {[]string{"mark", "nginx", "Not A Phase"}, "use 1 to 32 of a-z"},
		"mark, one argument":       {[]string{"mark", "nginx"}, "see `scallop mark --help`"},
		"doctor, bad output":       {[]string{"doctor", "--output", "yaml"}, "use one of table, json"},
		"doctor, an argument":      {[]string{"doctor", "nginx"}, "see `scallop doctor --help`"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			args := test.args
			if strings.HasPrefix(args[0], "-") {
				args = p.runArgs(args...)
			}
			p.wantError(p.run(nil, nil, args...), exitUsage, test.want)
		})
	}
}

// TestRunCommandErrors: the recorder is in place when the command turns out to be wrong.
func TestRunCommandErrors(t *testing.T) {
	hosttest.Root(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"not found":                  {[]string{"--", "no-such-command"}, "not found in PATH"},
		"empty":                      {[]string{"--", ""}, "name one after `--`"},
		"no such file":               {[]string{"--", "./missing"}, "no such file: check its path"},
		"not executable":             {[]string{"--", "/etc/passwd"}, "chmod +x it"},
		"a folder":                   {[]string{"--", "/etc"}, "name a program"},
		"below a file":               {[]string{"--", "/etc/passwd/x"}, "not a directory: check its path"},
		"garbage":                    {[]string{"--", "/dev/fd/3"}, "it is not a program for this machine"},
		"no interpreter":             {[]string{"--", "/dev/fd/4"}, "check that it runs without scallop"},
		"chdir missing":              {[]string{"-C", "/missing", "--", "true"}, "--chdir names no directory"},
		"chdir to a file":            {[]string{"-C", "/etc/passwd", "--", "true"}, "--chdir names no directory"},
		"not executable by the user": {[]string{"-u", "65534", "--", "/dev/fd/5"}, "for the user that it runs as"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			// Programs lie outside the folders that must stay empty.
			programs := filepath.Dir(p.program)
			for fd, file := range map[string]struct {
				text string
				mode os.FileMode
			}{
				"/dev/fd/3": {"\x01\x02garbage", 0o755},
				"/dev/fd/4": {"#!/missing/interpreter\n", 0o755},
				"/dev/fd/5": {"#!/bin/sh\n", 0o700},
			} {
				path := filepath.Join(programs, "program"+filepath.Base(fd))
				if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
					t.Fatal(err)
				}
				for i := range test.args {
					if test.args[i] == fd {
						test.args[i] = path
					}
				}
			}
			args := append([]string{"run", "--name", p.workload, "-o", "out.json"}, test.args...)
			p.wantError(p.run(nil, nil, args...), exitUsage, test.want)
		})
	}
}

// TestRunWithoutRoot: scallop as a user without any capability.
func TestRunWithoutRoot(t *testing.T) {
	hosttest.Root(t) // to become that user
	user := &syscall.Credential{Uid: nobody, Gid: nobody}
	t.Run("run", func(t *testing.T) {
		p := newPlace(t)
		p.wantError(p.run(nil, user, p.runArgs()...), exitHost, "cap_bpf and cap_perfmon missing", "run as root")
	})
	t.Run("no place for the socket", func(t *testing.T) {
		p := newPlace(t)
		if err := os.Chmod(p.sockets, 0o755); err != nil {
			t.Fatal(err)
		}
		p.wantError(p.run(nil, user, p.runArgs()...), exitHost, "permission denied", "run as root, or name another folder in SCALLOP_RUNTIME_DIR")
	})
	t.Run("read-only output folder", func(t *testing.T) {
		p := newPlace(t)
		if err := os.Chmod(p.work, 0o555); err != nil {
			t.Fatal(err)
		}
		p.wantError(p.run(nil, user, p.runArgs()...), exitUsage, "permission denied", "choose a folder that you can write to")
	})
	t.Run("doctor", func(t *testing.T) {
		p := newPlace(t)
		o := p.run(nil, user, "doctor")
		if o.code != exitHost || !strings.Contains(o.stdout, "FAIL  capabilities") {
			t.Errorf("exit code %d\n%s", o.code, o.stdout)
		}
		o.stdout = ""
		p.wantError(o, exitHost, "this host cannot record: capabilities, ")
	})
}

// TestRunCapabilities: what TestCapabilities does not: none at all, and the one that stands in for two.
func TestRunCapabilities(t *testing.T) {
	rest := slices.DeleteFunc(alwaysNeeded(t, "run"), func(name string) bool { return name == "bpf" || name == "perfmon" })
	p := newPlace(t)
	p.wantError(p.run(onlyCapabilities(t), nil, p.runArgs()...), exitHost, "cap_bpf and cap_perfmon missing")
	o := p.run(onlyCapabilities(t, append(rest, "bpf")...), nil, p.runArgs("--probe", "tp_btf")...)
	p.wantError(o, exitHost, ": cap_perfmon missing: run as root")
	if o := p.run(onlyCapabilities(t, append(rest, "sys_admin")...), nil, p.runArgs()...); o.code != exitOK {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	p.wantFiles("out.json", "started")
	p.completeRecording(filepath.Join(p.work, "out.json"))
}

// TestRunCgroupOwner: root without cap_dac_override may not make a cgroup below a
// folder of mode 0555, which is what the hierarchy's root has; the owner of a
// delegated cgroup may, without any capability for it.
func TestRunCgroupOwner(t *testing.T) {
	hosttest.Root(t)
	setpriv := hosttest.Tool(t, "setpriv", "util-linux")
	p := newPlace(t)
	dir := filepath.Join(cgroup2(t), p.workload+"-delegated")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	enter := func(user ...string) []string {
		line := []string{"sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir, setpriv}
		return append(line, user...)
	}
	asNobody := []string{"--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--inh-caps", "-all,+bpf,+perfmon", "--ambient-caps", "-all,+bpf,+perfmon"}

	p.wantError(p.run(enter(asNobody...), nil, p.runArgs()...), exitHost,
		"making a cgroup for the workload", "permission denied: run as root")

	// The folder alone is not enough: its cgroup.procs is written, too.
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	p.wantError(p.run(enter(asNobody...), nil, p.runArgs()...), exitHost,
		"in a cgroup of its own: permission denied", "start scallop in a cgroup that belongs to its user")

	if err := os.Chown(filepath.Join(dir, "cgroup.procs"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if o := p.run(enter(asNobody...), nil, p.runArgs()...); o.code != exitOK {
		t.Fatalf("exit code %d: %s", o.code, o.stderr)
	}
	p.wantFiles("out.json", "started")
	p.completeRecording(filepath.Join(p.work, "out.json"))
}

// TestRunFileCapabilities: scallop's file has the capabilities; its command gets none.
func TestRunFileCapabilities(t *testing.T) {
	hosttest.Root(t)
	setcap := hosttest.Tool(t, "setcap", "libcap2-bin")
	p := newPlace(t)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(p.program, &fs); err != nil || fs.Flags&unix.ST_NOSUID != 0 {
		hosttest.Lack(t, "a TMPDIR that is not mounted nosuid, where file capabilities count")
	}
	if text, err := exec.Command(setcap, "cap_bpf,cap_perfmon,cap_dac_override+ep", p.program).CombinedOutput(); err != nil {
		hosttest.Lack(t, "a file system for capabilities at "+p.program+": "+string(text))
	}
	o := p.run(nil, &syscall.Credential{Uid: nobody, Gid: nobody}, "run", "--quiet", "--name", p.workload, "-o", "out.json",
		"--", "grep", "CapEff", "/proc/self/status")
	if o.code != exitOK || o.stdout != "CapEff:\t0000000000000000\n" {
		t.Errorf("exit code %d, %q: %s", o.code, o.stdout, o.stderr)
	}
	p.wantFiles("out.json")
	p.completeRecording(filepath.Join(p.work, "out.json"))
}

// withoutCgroup2 is what scallop says then: nothing on hosts with v1 hierarchies, which do as well.
func withoutCgroup2(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), " cgroup rw") {
		return ""
	}
	return "neither cgroup2 nor a v1 hierarchy with a controller is mounted: mount one"
}

// TestRunMissingMounts: parts of the kernel's file systems that are not there.
func TestRunMissingMounts(t *testing.T) {
	hosttest.Root(t)
	cgroups := cgroup2(t)
	for name, test := range map[string]struct {
		script string
		want   string // empty: it works
	}{
		"no BTF":            {"mount -t tmpfs none /sys/kernel/btf", "/sys/kernel/btf/vmlinux is missing: scallop needs Linux 5.10"},
		"no tracefs":        {"umount -l -a -t tracefs", ""},
		"no cgroup2":        {"umount -l -a -t cgroup2", withoutCgroup2(t)},
		"no cgroups":        {"umount -l -a -t cgroup2,cgroup", "neither cgroup2 nor a v1 hierarchy with a controller is mounted: mount one"},
		"read-only cgroup2": {"mount -o remount,bind,ro " + cgroups, "read-only file system: run as root"},
		"no sysfs":          {"umount -l -R /sys", "is /sys mounted?"},
		"no proc":           {"umount -l /proc", "is /proc mounted?"},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := inMounts(t, test.script)
			p := newPlace(t)
			o := p.run(prefix, nil, p.runArgs()...)
			if test.want != "" {
				p.wantError(o, exitHost, test.want)
				doctor := p.run(prefix, nil, "doctor")
				if doctor.code != exitHost {
					t.Errorf("doctor: exit code %d\n%s", doctor.code, doctor.stdout)
				}
				return
			}
			if o.code != exitOK {
				t.Fatalf("exit code %d: %s", o.code, o.stderr)
			}
			p.wantFiles("out.json", "started")
		})
	}
}

// TestRunDisk: the recording's place does not take it, before or after the command.
func TestRunDisk(t *testing.T) {
	// What is on the disk is seen in the namespace alone: the script lists it.
	disk := func(t *testing.T, options string) (*place, []string) {
		p := newPlace(t)
		dir := p.mkdir("disk")
		prefix := inMounts(t, "mount -t tmpfs -o "+options+" none "+dir)
		last := len(prefix) - 2
		prefix[last] = strings.Replace(prefix[last], `exec "$@"`, `set +e; "$@"; code=$?; ls -A `+dir+`; exit $code`, 1)
		return p, prefix
	}
	t.Run("full before", func(t *testing.T) {
		p, prefix := disk(t, "size=4k")
		o := p.run(prefix, nil, "run", "--name", p.workload, "-o", "disk/out.json", "--", "touch", "started")
		p.checkDisk(o, "", "no space left on device: free some space")
		p.wantFiles("disk")
	})
	t.Run("read-only", func(t *testing.T) {
		p, prefix := disk(t, "ro")
		o := p.run(prefix, nil, "run", "--name", p.workload, "-o", "disk/out.json", "--", "touch", "started")
		p.checkDisk(o, "", "read-only file system: write to another disk")
		p.wantFiles("disk")
	})
	t.Run("full after", func(t *testing.T) {
		p, prefix := disk(t, "size=1m")
		o := p.run(prefix, nil, "run", "--name", p.workload, "-o", "disk/out.json", "--", "sh", "-c", "cat /dev/zero >disk/big 2>/dev/null; touch started")
		p.checkDisk(o, "big\n", "free some space, or write to another disk; the recording is in "+p.temp)
		p.rescued()
		p.wantFiles("disk", "started")
	})
	t.Run("read-only after", func(t *testing.T) {
		p, prefix := disk(t, "size=1m")
		o := p.run(prefix, nil, "run", "--name", p.workload, "-o", "disk/out.json", "--", "mount", "-o", "remount,ro", p.work+"/disk")
		p.checkDisk(o, "", "read-only file system: write to another disk; the recording is in "+p.temp)
		p.rescued()
		p.wantFiles("disk")
	})
	t.Run("full after, and the temporary folder too", func(t *testing.T) {
		p, prefix := disk(t, "size=1m")
		prefix = append([]string{"env"}, prefix...)
		prefix[len(prefix)-2] = strings.Replace(prefix[len(prefix)-2], `"$@"`, `TMPDIR=disk "$@"`, 1)
		o := p.run(prefix, nil, "run", "--name", p.workload, "-o", "disk/out.json", "--", "sh", "-c", "cat /dev/zero >disk/big 2>/dev/null")
		p.checkDisk(o, "big\n", "did not take the recording either: it is lost")
		p.wantFiles("disk")
	})
	t.Run("device that is full", func(t *testing.T) {
		hosttest.Root(t)
		p := newPlace(t)
		o := p.run(nil, nil, "run", "--quiet", "--name", p.workload, "-o", "/dev/full", "--", "true")
		p.checkDisk(o, "", "write /dev/full: no space left on device", "the recording is in "+p.temp)
		p.rescued()
		p.wantFiles()
	})
	t.Run("folder removed meanwhile", func(t *testing.T) {
		hosttest.Root(t)
		p := newPlace(t)
		p.mkdir("gone")
		o := p.run(nil, nil, "run", "--name", p.workload, "-o", "gone/out.json", "--", "rmdir", "gone")
		if o.code != exitUsage || !strings.Contains(o.stderr, "create the folder first; the recording is in "+p.temp) {
			t.Errorf("exit code %d: %s", o.code, o.stderr)
		}
		p.rescued()
		p.wantFiles()
	})
}

// checkDisk checks an error of a disk; listing is what the disk holds then.
func (p *place) checkDisk(o outcome, listing string, texts ...string) {
	p.t.Helper()
	if o.code != exitHost || strings.Count(o.stderr, "\n") != 1 {
		p.t.Errorf("exit code %d, want %d: %s", o.code, exitHost, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			p.t.Errorf("no %q in: %s", text, o.stderr)
		}
	}
	if o.stdout != listing {
		p.t.Errorf("the disk holds %q, want %q", o.stdout, listing)
	}
}

// rescued checks the one recording in the temporary folder and removes it.
func (p *place) rescued() {
	p.t.Helper()
	names := list(p.t, p.temp)
	if len(names) != 1 {
		p.t.Fatalf("the temporary folder holds %q", names)
	}
	path := filepath.Join(p.temp, names[0])
	p.completeRecording(path)
	if err := os.Remove(path); err != nil {
		p.t.Fatal(err)
	}
}

// TestRunSocketFolder: the control socket has no place.
func TestRunSocketFolder(t *testing.T) {
	for name, test := range map[string]string{
		"cannot be made": "/proc/x",
		"is a file":      "/etc/passwd",
		"too long":       "/" + strings.Repeat("x", 200),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			sockets := p.sockets
			p.sockets = test
			o := p.run(nil, nil, p.runArgs()...)
			p.sockets = sockets
			p.wantError(o, exitHost, "SCALLOP_RUNTIME_DIR")
		})
	}
}
