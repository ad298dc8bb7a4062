package crun_test

import (
	"os/exec"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

var postgres = server{
	name: "postgres", program: "postgres", args: []string{"/postgres/bin/postgres", "-D", "/data"},
	account: "postgres", stop: "SIGINT", address: "127.0.0.1:5432",
	answers: func() error { return servers.PostgresAnswers(psql) },
	serve:   func() error { return servers.ServePostgres(psql, 2) },
	// The server's only socket is the one that readiness is seen by: it would open others afterwards.
	files: map[string]string{"postgresql.conf": servers.PostgresConf("")}, cluster: true,
}

// psql runs beside the containers, in the same root.
func psql(flags ...string) *exec.Cmd {
	cmd := exec.Command("/postgres/bin/psql", flags...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: serversRoot()}
	cmd.Dir = "/"
	return cmd
}
