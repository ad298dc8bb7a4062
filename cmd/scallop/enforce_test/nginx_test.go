package enforce_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

func newNginx(t *testing.T) *server {
	t.Helper()
	s := &server{name: "nginx", dir: hosttest.SharedDir(t), place: servers.Place{Address: servers.FreeAddress(t)}, stop: "QUIT", workers: 2, reload: true}
	s.pidFile = s.dir + "/nginx.pid"
	s.args = []string{"nginx", "-g", "daemon off;", "-c", writeFile(t, s.dir, "nginx.conf", servers.NginxConf(s.dir, s.place.Address, s.dir+"/html"))}
	for name, text := range servers.NginxFiles() {
		writeFile(t, s.dir, "html/"+name, text)
	}
	s.ready = []string{"--ready-http", "http://" + s.place.Address + "/small", "--stop-signal", "QUIT,TERM,INT"}
	s.answers, s.serve = servers.NginxAnswers, servers.ServeNginx
	return s
}
