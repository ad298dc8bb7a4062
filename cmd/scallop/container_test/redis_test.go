package container_test

import (
	"errors"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

// redis has no health check: a container like many.
var redis = server{
	name: "redis", program: "redis-server", stop: "SIGTERM",
	answers: func(r *room.Room) error { return servers.RedisAnswers(place(r, "6379")) },
	serve:   func(r *room.Room) error { return servers.ServeRedis(place(r, "6379"), redisConnections, redisCommands) },
}

const (
	redisConnections = 2
	redisCommands    = 140 // of each; there are some more
)

func redisImage() image {
	return image{
		name: "redis", copies: []string{"/usr/bin/redis-server", "/usr/bin/redis-cli"}, users: []string{"redis"},
		add: func(l *layer) error {
			uid, gid, err := ids("redis")
			return errors.Join(err,
				l.dir("/data", 0o750, uid, gid),
				l.file("/etc/redis.conf", 0o644, 0, 0, []byte(servers.RedisConf("/data", "6379"))),
			)
		},
		config: imageConfig{
			Cmd: []string{"/usr/bin/redis-server", "/etc/redis.conf"}, Env: []string{containerPath}, User: "redis", StopSignal: "SIGTERM",
		},
	}
}
