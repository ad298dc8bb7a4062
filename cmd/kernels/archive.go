package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// archive is Debian's, behind a folder of packages that were fetched before.
type archive struct {
	cache string
	mu    sync.Mutex // guests ask at the same time for the same packages
}

// openArchive makes the cache.
func openArchive() (*archive, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding a folder for Debian's packages: %w: set XDG_CACHE_HOME", err)
	}
	a := &archive{cache: filepath.Join(base, "scallop-kernels")}
	if err := os.MkdirAll(a.cache, 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for Debian's packages: %w: set XDG_CACHE_HOME", err)
	}
	return a, nil
}

// fetch returns the path of a package, which has the pin's checksum. Nothing is installed.
func (a *archive) fetch(ctx context.Context, p pin) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := filepath.Join(a.cache, p.fileName())
	if err := checkSum(path, p.SHA256); err == nil {
		return path, nil
	}
	view, err := newView(ctx, p)
	if err != nil {
		return "", err
	}
	defer view.close()
	got, err := view.download(ctx, p)
	if err != nil {
		return "", err
	}
	if err := checkSum(got, p.SHA256); err != nil {
		return "", fmt.Errorf("%s %s: %w: is the pin wrong?", p.Package, p.Version, err)
	}
	return path, copyFile(got, path)
}

// fetchAll returns a folder with the package and all that it depends on, of the same suite.
func (a *archive) fetchAll(ctx context.Context, p pin) (string, error) {
	deb, err := a.fetch(ctx, p)
	if err != nil {
		return "", err
	}
	dir := strings.TrimSuffix(deb, "_"+p.Arch+".deb")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	view, err := newView(ctx, p)
	if err != nil {
		return "", err
	}
	defer view.close()
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(filepath.Join(part, "partial"), 0o755)); err != nil {
		return "", err
	}
	if err := copyFile(deb, filepath.Join(part, p.fileName())); err != nil {
		return "", err
	}
	_, err = output(ctx, "", "apt-get", append(view.options, "-o", "Dir::Cache::archives="+part,
		"--download-only", "--yes", "--no-install-recommends", "install", p.Package+"="+p.Version)...)
	if err != nil {
		return "", fmt.Errorf("fetching what %s %s depends on: %w", p.Package, p.Version, err)
	}
	return dir, os.Rename(part, dir)
}

func checkSum(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("its SHA-256 is %s, not %s", got, want)
	}
	return nil
}

// copyFile never shows half a file: another run may look for it.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(to), ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // gone already, if all went well
	_, err = part.Write(data)
	if err := errors.Join(err, part.Close()); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return os.Rename(part.Name(), to)
}
