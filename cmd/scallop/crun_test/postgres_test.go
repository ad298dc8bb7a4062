package crun_test

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

var postgres = server{
	name: "postgres", program: "postgres", args: []string{"/postgres/bin/postgres", "-D", "/data"},
	account: "postgres", stop: "SIGINT", address: "127.0.0.1:5432", serve: servePostgres,
	answers: func() error { return psql("SELECT 1;") },
	files:   map[string]string{"postgresql.conf": postgresConf}, cluster: true,
}

// The server's only socket is the one that readiness is seen by: it would open others afterwards.
const postgresConf = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 16MB
max_connections = 20
timezone = 'UTC'
log_timezone = 'UTC'
`

const postgresQueries = `
DROP TABLE IF EXISTS things;
CREATE TABLE things (id serial PRIMARY KEY, name text, size int);
INSERT INTO things (name, size) SELECT 'thing ' || n, n FROM generate_series(1, 5000) n;
CREATE INDEX ON things (size);
ANALYZE things;
SELECT sum(size) FROM things WHERE name LIKE '%7%';
BEGIN; UPDATE things SET size = size + 1 WHERE id % 3 = 0; COMMIT;
BEGIN; DELETE FROM things; ROLLBACK;
COPY things TO '/tmp/things';
SELECT pg_size_pretty(pg_database_size('postgres')), now();
VACUUM things;
SET work_mem = '64kB'; SELECT count(*) FROM (SELECT * FROM things a ORDER BY name, id) s;
CHECKPOINT;
`

func servePostgres() error {
	return repeat(2, func(int) error { return psql(postgresQueries) }) // backends
}

// psql runs beside the containers, in the same root.
func psql(queries string) error {
	cmd := exec.Command("/postgres/bin/psql", "-h", "127.0.0.1", "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: serversRoot()}
	cmd.Dir, cmd.Env = "/", []string{containerPath, "LC_ALL=C"}
	cmd.Stdin = strings.NewReader(queries)
	if out, err := process.Output(cmd); err != nil || strings.Contains(out, "ERROR") {
		return fmt.Errorf("%s: %w", out, err)
	}
	return nil
}
