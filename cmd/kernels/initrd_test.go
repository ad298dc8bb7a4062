package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

func TestInitrd(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "tests"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "tests/a.test"), []byte("a test"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeInitrd(&out, []byte("a shell"), tree, "do it"); err != nil {
		t.Fatal(err)
	}
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(out.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, r := range records {
		text := make([]byte, r.FileSize)
		if _, err := r.ReadAt(text, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		files[r.Name] = string(text)
		if (r.Name == "init" || r.Name == "bin/busybox" || r.Name == "tests/a.test") && r.Mode&0o111 == 0 {
			t.Errorf("%s is not executable", r.Name)
		}
	}
	for name, want := range map[string]string{"what": "do it", "bin/busybox": "a shell", "tests/a.test": "a test", "init": initScript} {
		if files[name] != want {
			t.Errorf("%s is %q", name, files[name])
		}
	}
	if _, ok := files["proc"]; !ok {
		t.Error("there is no place for proc")
	}
}

func TestMember(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []tar.Header{
		{Name: "./usr/share/busybox", Typeflag: tar.TypeDir},
		{Name: "./boot/vmlinuz-link", Typeflag: tar.TypeSymlink, Linkname: "x"},
		{Name: "./boot/vmlinuz-7", Typeflag: tar.TypeReg, Size: 5},
		{Name: "./boot/vmlinuz-8", Typeflag: tar.TypeReg, Size: 5},
	} {
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, strings.Repeat("7", int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	data := archive.Bytes()
	if got, err := member(bytes.NewReader(data), "vmlinuz*"); err != nil || string(got) != "77777" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := member(bytes.NewReader(data), "busybox"); err == nil || !strings.Contains(err.Error(), "there is no busybox") {
		t.Error(err)
	}
	if _, err := member(bytes.NewReader(data[:700]), "vmlinuz-8"); err == nil {
		t.Error("half a package is read")
	}
}

func TestCommand(t *testing.T) {
	for arch, want := range map[string]string{
		"amd64": "qemu-system-x86_64 -cpu max -accel tcg,thread=single -smp 8 -m 512 -nographic -no-reboot -nic none -kernel k -initrd i -append console=ttyS0 panic=-1 quiet loglevel=3 mitigations=off preempt=full",
		"arm64": "qemu-system-aarch64 -machine virt -cpu cortex-a76 -accel tcg,thread=single -smp 8 -m 512 -nographic -no-reboot -nic none -kernel k -initrd i -append console=ttyAMA0 panic=-1 quiet loglevel=3 mitigations=off nokaslr kpti=off preempt=full",
	} {
		got := machines[arch].command(boot{Kernel: "k", Initrd: "i", Append: "preempt=full", CPUs: 8, MiB: 512})
		if strings.Join(got, " ") != want {
			t.Errorf("%s", strings.Join(got, " "))
		}
		if again := machines[arch].command(boot{Kernel: "k", Initrd: "i", Append: "preempt=full", CPUs: 8, MiB: 512}); !slices.Equal(got, again) {
			t.Errorf("the second time: %v", again)
		}
	}
}
