package servers

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

const postgresConf = `
listen_addresses = '127.0.0.1'
unix_socket_directories = 'SOCKETS'
shared_buffers = 16MB
max_connections = 20
timezone = 'UTC'
log_timezone = 'UTC'
`

// PostgresConf is a configuration with the usual local port. The folder of Unix sockets may be empty: then there are none.
func PostgresConf(sockets string) string { return strings.ReplaceAll(postgresConf, "SOCKETS", sockets) }

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

// Psql makes the command line of the client, for where it runs.
type Psql func(flags ...string) *exec.Cmd

// PostgresAnswers tells whether PostgreSQL is there, by one query.
func PostgresAnswers(p Psql) error { return p.run("SELECT 1;") }

// ServePostgres has as many backends do the same, one after the other.
func ServePostgres(p Psql, backends int) error {
	return repeat(backends, func(int) error { return p.run(postgresQueries) })
}

func (p Psql) run(queries string) error {
	cmd := p("-h", "127.0.0.1", "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "PGCONNECT_TIMEOUT=5"}
	cmd.Stdin = strings.NewReader(queries)
	out, err := process.Output(cmd)
	if err == nil && strings.Contains(out, "ERROR") {
		err = fmt.Errorf("psql: %s", out)
	}
	return err
}
