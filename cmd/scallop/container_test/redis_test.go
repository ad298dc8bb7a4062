package container_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// redis has no health check: a container like many.
var redis = server{name: "redis", program: "redis-server", stop: "SIGTERM", serve: serveRedis, answers: func(r *room.Room) error {
	return withRedis(r, func(c *redisClient) error { return c.want("PONG", "PING") })
}}

func redisImage() image {
	return image{
		name: "redis", copies: []string{"/usr/bin/redis-server", "/usr/bin/redis-cli"}, users: []string{"redis"},
		add: func(l *layer) error {
			uid, gid, err := ids("redis")
			return errors.Join(err,
				l.dir("/data", 0o750, uid, gid),
				l.file("/etc/redis.conf", 0o644, 0, 0, []byte("bind 127.0.0.1\nport 6379\ndir /data\npidfile /data/redis.pid\nsave 900 1\nappendonly no\n")),
			)
		},
		config: imageConfig{
			Cmd: []string{"/usr/bin/redis-server", "/etc/redis.conf"}, Env: []string{containerPath}, User: "redis", StopSignal: "SIGTERM",
		},
	}
}

// redisCommands are repeated; # is the number of the request.
var redisCommands = []struct {
	want    string // "" is any answer but an error
	command string
}{
	{"PONG", "PING"},
	{"OK", "SET key:# value-#"},
	{"1", "INCR counter:#"},
	{"3", "RPUSH list:# a b c"},
	{"2", "HSET hash:# one 1 two 2"},
	{"7", "EVAL return(7) 0"},
	{"", "INFO server"},
}

const (
	redisConnections = 2
	redisRounds      = 20
)

// redisRequests are those of every connection's rounds; there are some more.
var redisRequests = uint64(redisConnections * redisRounds * len(redisCommands))

func serveRedis(r *room.Room) error {
	for range redisConnections {
		if err := withRedis(r, talkRedis); err != nil {
			return err
		}
	}
	return nil
}

func talkRedis(c *redisClient) error {
	err := repeat(redisRounds*len(redisCommands), func(i int) error {
		pair, number := redisCommands[i%len(redisCommands)], strconv.Itoa(i)
		return c.want(pair.want, strings.Fields(strings.ReplaceAll(pair.command, "#", number))...)
	})
	large := strings.Repeat("v", 4<<20)
	return firstError(err, func() error { return c.want("OK", "SET", "large", large) },
		func() error { return c.want(large, "GET", "large") },
		func() error { return saveRedis(c) },
		func() error { return c.want("OK", "FLUSHALL", "ASYNC") })
}

// saveRedis has a child of the server write a snapshot, and waits for it.
func saveRedis(c *redisClient) error {
	if err := c.want("Background saving started", "BGSAVE"); err != nil {
		return err
	}
	var info string
	err := poll(func() (err error) {
		info, err = c.do("INFO", "persistence")
		if err == nil && !strings.Contains(info, "rdb_bgsave_in_progress:0") {
			err = errors.New("BGSAVE not done")
		}
		return err
	}, nil)
	if err == nil && !strings.Contains(info, "rdb_last_bgsave_status:ok") {
		err = errors.New("BGSAVE failed")
	}
	return err
}

// redisClient speaks RESP over one connection.
type redisClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func withRedis(r *room.Room, use func(*redisClient) error) error {
	conn, err := r.Dial(context.Background(), "tcp", "127.0.0.1:6379")
	if err != nil {
		return err
	}
	defer conn.Close()
	return use(&redisClient{conn, bufio.NewReader(conn)})
}

func (c *redisClient) want(want string, command ...string) error {
	got, err := c.do(command...)
	if err == nil && want != "" && got != want {
		err = fmt.Errorf("answer %.40q, want %.40q", got, want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command[0], err)
	}
	return nil
}

func (c *redisClient) do(command ...string) (string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(c.conn, b.String()); err != nil {
		return "", err
	}
	return c.answer()
}

// answer reads one value; no command here is answered with a list.
func (c *redisClient) answer() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, line := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '+', ':':
		return line, nil
	case '-':
		return "", errors.New(line)
	}
	size, err := strconv.Atoi(line)
	if err != nil || size < 0 {
		return "", err
	}
	data := make([]byte, size+2)
	_, err = io.ReadFull(c.in, data)
	return string(data[:size]), err
}
