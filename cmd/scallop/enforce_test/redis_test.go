package enforce_test

import (
	"net"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

func newRedis(t *testing.T) *server {
	t.Helper()
	s := &server{name: "redis-server", dir: hosttest.SharedDir(t), place: servers.Place{Address: servers.FreeAddress(t)}, stop: "TERM"}
	s.pidFile = s.dir + "/redis.pid"
	_, port, err := net.SplitHostPort(s.place.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.args = []string{"redis-server", writeFile(t, s.dir, "redis.conf", servers.RedisConf(s.dir, port))}
	s.ready = []string{"--ready-tcp", s.place.Address}
	s.answers = servers.RedisAnswers
	s.serve = func(p servers.Place, commands int) error { return servers.ServeRedis(p, 1, commands) }
	return s
}
