package crun_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// server is how one is started, and the traffic that it gets in every life.
type server struct {
	name    string
	program string   // base name
	args    []string // in the container
	account string   // it is started by, and /data belongs to
	stop    string   // the stop signal that its images have
	address string
	files   map[string]string // in /data
	cluster bool              // /data is PostgreSQL's
	answers func() error
	serve   func() error
}

func everyServer() []server { return []server{nginx, redis, postgres} }

const containerPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

func serversRoot() string { return filepath.Join(os.Getenv(prepared), "servers") }

// user looks the account up as a C library in the container would.
func (s *server) user() (specs.User, error) {
	f, err := os.Open(filepath.Join(serversRoot(), "etc/passwd"))
	if err != nil {
		return specs.User{}, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":x:")
		var u specs.User
		if _, err := fmt.Sscanf(rest, "%d:%d:", &u.UID, &u.GID); name == s.account && err == nil {
			return u, nil
		}
	}
	return specs.User{}, fmt.Errorf("no user %s in %s", s.account, f.Name())
}

// fill makes the server's /data.
func (s *server) fill(data string, owner specs.User) error {
	err := os.Mkdir(data, 0o755) // nginx reads it as another user than the one it is started by
	if s.cluster {
		err = errors.Join(err, os.CopyFS(data, os.DirFS(filepath.Join(os.Getenv(prepared), "cluster"))))
	}
	for name, text := range s.files {
		err = errors.Join(err, os.WriteFile(filepath.Join(data, name), []byte(text), 0o644))
	}
	return errors.Join(err, filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && s.cluster && entry.IsDir() {
			err = os.Chmod(path, 0o700) // CopyFS opens folders for all
		}
		return errors.Join(err, os.Lchown(path, int(owner.UID), int(owner.GID)))
	}))
}
