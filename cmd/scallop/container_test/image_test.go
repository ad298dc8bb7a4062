package container_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// image is a root file system of the host's Debian packages, and how it is started.
type image struct {
	name   string
	copies []string // files and folders, at the same path; programs bring their libraries
	users  []string // besides root
	add    func(*layer) error
	config imageConfig
}

// imageConfig is the part of an image's configuration that engines start a container by.
type imageConfig struct {
	Cmd         []string          `json:",omitempty"`
	Env         []string          `json:",omitempty"`
	User        string            `json:",omitempty"`
	StopSignal  string            `json:",omitempty"`
	Labels      map[string]string `json:",omitempty"`
	Healthcheck *healthcheck      `json:",omitempty"`
}

type healthcheck struct {
	Test                       []string
	Interval, Timeout, Retries int64 `json:",omitempty"`
}

func health(words ...string) *healthcheck {
	return &healthcheck{
		Test:     append([]string{"CMD"}, words...),
		Interval: int64(250 * time.Millisecond), Timeout: int64(5 * time.Second), Retries: 20,
	}
}

// reference is the name that every engine keeps as it is.
func reference(name string) string { return "localhost/scallop-test/" + name + ":1" }

// imageArchive writes one archive, as `docker save` does, with all images, below dir.
// Docker, Podman and containerd load it.
func imageArchive(dir string, images []image) (string, error) {
	path := filepath.Join(dir, "images.tar")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	type manifest struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var all []manifest
	for _, i := range images {
		if err := i.write(w, dir); err != nil {
			return "", fmt.Errorf("image %s: %w", i.name, err)
		}
		all = append(all, manifest{i.name + ".json", []string{reference(i.name)}, []string{i.name + "/layer.tar"}})
	}
	data, err := json.Marshal(all)
	err = errors.Join(err, writeEntry(w, "manifest.json", data), w.Close())
	return path, err
}

func writeEntry(w *tar.Writer, name string, data []byte) error {
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// write adds the image's layer and configuration to an archive.
func (i *image) write(w *tar.Writer, dir string) error {
	f, err := os.CreateTemp(dir, "layer-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	digest := sha256.New()
	if err := i.writeLayer(tar.NewWriter(io.MultiWriter(f, digest))); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: i.name + "/layer.tar", Mode: 0o644, Size: size}); err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return err
	}
	config, err := i.configFile("sha256:" + hex.EncodeToString(digest.Sum(nil)))
	return errors.Join(err, writeEntry(w, i.name+".json", config))
}

func (i *image) configFile(layer string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": i.config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer}},
	})
}

// layer is a root file system on its way into a tar file.
type layer struct {
	w    *tar.Writer
	seen map[string]bool
}

func (i *image) writeLayer(w *tar.Writer) error {
	l := &layer{w, map[string]bool{}}
	for _, dir := range []string{"/etc", "/proc", "/sys", "/dev", "/run", "/root", "/var/lib", "/bin"} {
		if err := l.dir(dir, 0o755, 0, 0); err != nil {
			return err
		}
	}
	if err := l.dir("/tmp", 0o1777, 0, 0); err != nil {
		return err
	}
	if err := l.accounts(i.users); err != nil {
		return err
	}
	if err := l.busybox(); err != nil {
		return err
	}
	for _, path := range i.copies {
		if err := l.copy(path); err != nil {
			return err
		}
	}
	if i.add != nil {
		if err := i.add(l); err != nil {
			return err
		}
	}
	return w.Close()
}

// header writes an entry and before it the folders above it, each path once.
func (l *layer) header(h *tar.Header) (fresh bool, err error) {
	path := h.Name
	if l.seen[path] {
		return false, nil
	}
	l.seen[path] = true
	if parent := filepath.Dir(path); parent != "/" {
		if err := l.dir(parent, 0o755, 0, 0); err != nil {
			return false, err
		}
	}
	h.Name = strings.TrimPrefix(path, "/")
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	return true, l.w.WriteHeader(h)
}

func (l *layer) dir(path string, mode int64, uid, gid int) error {
	_, err := l.header(&tar.Header{Name: path, Typeflag: tar.TypeDir, Mode: mode, Uid: uid, Gid: gid})
	return err
}

func (l *layer) link(path, target string) error {
	_, err := l.header(&tar.Header{Name: path, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
	return err
}

func (l *layer) file(path string, mode int64, uid, gid int, data []byte) error {
	fresh, err := l.header(&tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: mode, Uid: uid, Gid: gid, Size: int64(len(data))})
	if fresh && err == nil {
		_, err = l.w.Write(data)
	}
	return err
}

func (l *layer) files(dir string, texts map[string]string) error {
	var err error
	for name, text := range texts {
		err = errors.Join(err, l.file(filepath.Join(dir, name), 0o644, 0, 0, []byte(text)))
	}
	return err
}

// accounts has the users with the host's numbers.
func (l *layer) accounts(names []string) error {
	var passwd, group strings.Builder
	for _, name := range append([]string{"root"}, names...) {
		u, err := user.Lookup(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&passwd, "%s:x:%s:%s::/:/bin/sh\n", name, u.Uid, u.Gid)
		fmt.Fprintf(&group, "%s:x:%s:\n", name, u.Gid)
	}
	return errors.Join(
		l.file("/etc/passwd", 0o644, 0, 0, []byte(passwd.String())),
		l.file("/etc/group", 0o644, 0, 0, []byte(group.String())),
		l.file("/etc/nsswitch.conf", 0o644, 0, 0, []byte("passwd: files\ngroup: files\nhosts: files\n")),
	)
}

// busybox is the static one, and the applets that tests use.
func (l *layer) busybox() error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = l.file("/bin/busybox", 0o755, 0, 0, data)
	for _, applet := range []string{"sh", "sleep", "wget", "sync", "mount"} {
		err = errors.Join(err, l.link("/bin/"+applet, "busybox"))
	}
	return err
}

// copy takes a file or a folder of the host, and the libraries of programs.
func (l *layer) copy(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return l.copy(path)
		})
	}
	if err := l.plain(path, info); err != nil || info.Mode()&0o111 == 0 && !strings.Contains(path, ".so") {
		return err
	}
	libraries, err := librariesOf(path)
	for _, library := range libraries {
		info, statErr := os.Stat(library)
		if statErr != nil {
			return statErr
		}
		err = errors.Join(err, l.plain(library, info))
	}
	return err
}

// plain copies what a path leads to, with the host's owner and mode.
func (l *layer) plain(path string, info fs.FileInfo) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return l.file(path, int64(info.Mode().Perm()), int(owner.Uid), int(owner.Gid), data)
}

// librariesOf asks the program's own dynamic loader, which ldd does. A program without one needs none.
func librariesOf(path string) ([]string, error) {
	cmd := exec.Command("ldd", path)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // its words are looked at
	out, err := cmd.CombinedOutput()
	if err != nil {
		if bytes.Contains(out, []byte("not a dynamic executable")) {
			return nil, nil
		}
		return nil, fmt.Errorf("ldd %s: %w\n%s", path, err, out)
	}
	var paths []string
	for line := range strings.Lines(string(out)) {
		for _, field := range strings.Fields(line) {
			if strings.HasPrefix(field, "/") {
				paths = append(paths, field)
				break
			}
		}
	}
	return paths, nil
}
