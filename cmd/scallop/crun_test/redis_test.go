package crun_test

import "github.com/scallop-sec/scallop/profiler/hosttest/servers"

var redisPlace = servers.Place{Address: "127.0.0.1:6379", Patience: patience}

var redis = server{
	name: "redis", program: "redis-server", args: []string{"/usr/bin/redis-server", "/data/redis.conf"},
	account: "redis", stop: "SIGTERM", address: redisPlace.Address,
	answers: func() error { return servers.RedisAnswers(redisPlace) },
	serve:   func() error { return servers.ServeRedis(redisPlace, 2, 140) },
	files:   map[string]string{"redis.conf": servers.RedisConf("/data", "6379")},
}
