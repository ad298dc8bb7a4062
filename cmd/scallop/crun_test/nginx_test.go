package crun_test

import (
	"maps"

	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

var nginxPlace = servers.Place{Address: "127.0.0.1:80", Patience: patience}

var nginx = server{
	name: "nginx", program: "nginx", args: []string{"/usr/sbin/nginx", "-c", "/data/nginx.conf", "-g", "daemon off;"},
	account: "root", stop: "SIGQUIT", address: nginxPlace.Address,
	answers: func() error { return servers.NginxAnswers(nginxPlace) },
	serve:   func() error { return servers.ServeNginx(nginxPlace, 100) },
	files:   nginxFiles(),
}

func nginxFiles() map[string]string {
	files := maps.Clone(servers.NginxFiles())
	files["nginx.conf"] = servers.NginxConf("/run", "80", "/data")
	return files
}
