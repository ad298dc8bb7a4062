package container_test

import (
	"errors"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

var nginx = server{
	name: "nginx", program: "nginx", stop: "SIGQUIT", probed: true,
	answers: func(r *room.Room) error { return servers.NginxAnswers(place(r, "80")) },
	serve:   func(r *room.Room) error { return servers.ServeNginx(place(r, "80"), 140) },
}

func nginxImage() image {
	return image{
		name: "nginx", copies: []string{"/usr/sbin/nginx"}, users: []string{"www-data"},
		add: func(l *layer) error {
			return errors.Join(
				l.dir("/var/lib/nginx", 0o755, 0, 0),
				l.dir("/var/log/nginx", 0o755, 0, 0),
				l.file("/etc/nginx/nginx.conf", 0o644, 0, 0, []byte(servers.NginxConf("/run", "80", "/srv/html"))),
				l.files("/srv/html", servers.NginxFiles()),
			)
		},
		config: imageConfig{
			Cmd: []string{"/usr/sbin/nginx", "-g", "daemon off;"}, Env: []string{containerPath}, StopSignal: "SIGQUIT",
			Labels: map[string]string{"org.example.server": "nginx"},
			// Without --spider, wget polls if it was faster than nginx: not in every life.
			Healthcheck: health("/bin/wget", "-q", "--spider", "http://127.0.0.1/small"),
		},
	}
}
