package container_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

var postgres = server{
	name: "postgres", program: "postgres", stop: "SIGINT", probed: true,
	answers: func(r *room.Room) error { return servers.PostgresAnswers(psql(r)) },
	serve:   func(r *room.Room) error { return servers.ServePostgres(psql(r), 2) },
}

// postgresDir is where Debian has the newest installed server.
func postgresDir() (string, error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(programs) == 0 {
		return "", errors.Join(err, &lackError{"initdb (Debian package postgresql)"})
	}
	slices.SortFunc(programs, func(a, b string) int { return postgresVersion(a) - postgresVersion(b) })
	return filepath.Dir(filepath.Dir(programs[len(programs)-1])), nil
}

func postgresVersion(program string) int {
	n, err := strconv.Atoi(strings.Split(program, "/")[4])
	if err != nil {
		return 0
	}
	return n
}

// postgresImage has its data directory already: an image as people make them for tests.
func postgresImage() (image, error) {
	dir, err := postgresDir()
	if err != nil {
		return image{}, err
	}
	copies := []string{
		dir + "/bin/postgres", dir + "/bin/pg_isready", "/usr/share/zoneinfo/UTC",
		filepath.Join("/usr/share/postgresql", filepath.Base(dir)),
	}
	libraries, err := filepath.Glob(dir + "/lib/*.so")
	for _, path := range libraries {
		if filepath.Base(path) != "llvmjit.so" { // larger than all others, and not loaded by default
			copies = append(copies, path)
		}
	}
	return image{
		name: "postgres", copies: copies, users: []string{"postgres"},
		add: func(l *layer) error { return addCluster(l, dir) },
		config: imageConfig{
			Cmd: []string{dir + "/bin/postgres", "-D", "/data"}, Env: []string{containerPath, "LC_ALL=C"},
			User: "postgres", StopSignal: "SIGINT",
			Healthcheck: health(dir+"/bin/pg_isready", "-q", "-h", "127.0.0.1"),
		},
	}, err
}

// addCluster has initdb make a data directory, which it does not do as root.
func addCluster(l *layer, postgres string) error {
	uid, gid, err := ids("postgres")
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp("", "scallop-container-initdb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	if err := os.Chown(data, uid, gid); err != nil {
		return err
	}
	cmd := exec.Command(postgres+"/bin/initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8")
	cmd.Dir, cmd.Env = "/", []string{containerPath, "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if _, err := process.Output(cmd); err != nil {
		return err
	}
	return l.cluster(data, uid, gid)
}

func (l *layer) cluster(data string, uid, gid int) error {
	return filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := "/data" + strings.TrimPrefix(path, data)
		if entry.IsDir() {
			return l.dir(to, 0o700, uid, gid)
		}
		content, err := os.ReadFile(path)
		if to == "/data/postgresql.conf" {
			content = []byte(servers.PostgresConf("/tmp"))
		}
		return errors.Join(err, l.file(to, 0o600, uid, gid, content))
	})
}

func ids(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	gid, groupErr := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(err, groupErr)
}

// psql runs from the host: nothing of it is in the container.
func psql(r *room.Room) servers.Psql {
	return func(flags ...string) *exec.Cmd {
		dir, err := postgresDir()
		if err != nil {
			dir = "" // the image could not be built without it
		}
		return r.NetworkCommand(append([]string{dir + "/bin/psql"}, flags...)...)
	}
}
