package servers

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

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

const redisConf = `
bind 127.0.0.1
port PORT
dir DIR
pidfile DIR/redis.pid
save 900 1
appendonly no
`

// RedisConf is a configuration that has a local port; all that Redis writes is in the folder.
func RedisConf(dir, port string) string {
	return strings.NewReplacer("DIR", dir, "PORT", port).Replace(redisConf)
}

// redisCommands are repeated; # is the number of the round.
var redisCommands = []struct {
	want    string // "" is any answer but an error
	command string
}{
	{"PONG", "PING"},
	{"OK", "SET key:# value-#"},
	{"value-#", "GET key:#"},
	{"1", "INCR counter:#"},
	{"3", "RPUSH list:# a b c"},
	{"", "LRANGE list:# 0 -1"},
	{"2", "HSET hash:# one 1 two 2"},
	{"1", "EXPIRE key:# 100"},
	{"1", "UNLINK list:#"},
	{"", "INFO server"},
}

// RedisAnswers tells whether Redis is there, by one command.
func RedisAnswers(p Place) error {
	return withRedis(p, func(c *redis) error { return c.want("PONG", "PING") })
}

// ServeRedis gives as many commands on each connection, in turn, and then what clients do once. Connections follow each other.
func ServeRedis(p Place, connections, commands int) error {
	return repeat(connections, func(int) error {
		return withRedis(p, func(c *redis) error { return c.serve(commands) })
	})
}

// redis is a client of it that speaks RESP over one connection.
type redis struct {
	conn     net.Conn
	in       *bufio.Reader
	patience time.Duration
}

func withRedis(p Place, use func(*redis) error) error {
	conn, err := p.dial()(context.Background(), "tcp", p.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	return use(&redis{conn, bufio.NewReader(conn), p.Patience})
}

func (c *redis) serve(commands int) error {
	if err := repeat(commands, func(i int) error {
		pair, round := redisCommands[i%len(redisCommands)], strconv.Itoa(i/len(redisCommands))
		numbered := func(s string) string { return strings.ReplaceAll(s, "#", round) }
		return c.want(numbered(pair.want), strings.Fields(numbered(pair.command))...)
	}); err != nil {
		return err
	}
	return c.serveRare()
}

// serveRare is what clients do once: large values, settings, a script, a snapshot. It leaves a state that whoever serves next
// does not find.
func (c *redis) serveRare() error {
	large := strings.Repeat("v", 4<<20)
	for _, pair := range [][]string{
		{"OK", "SET", "large", large},
		{large, "GET", "large"},
		{"OK", "CONFIG", "SET", "maxmemory", "256mb"},
		{"", "CONFIG", "GET", "*"},
		{"", "CLIENT", "LIST"},
		{"7", "EVAL", "return 7", "0"},
	} {
		if err := c.want(pair[0], pair[1:]...); err != nil {
			return err
		}
	}
	if err := c.save(); err != nil {
		return err
	}
	return c.want("OK", "FLUSHALL", "ASYNC")
}

// save has a child of the server write a snapshot, and waits for it.
func (c *redis) save() error {
	if err := c.want("Background saving started", "BGSAVE"); err != nil {
		return err
	}
	var info string
	err := process.Poll(c.patience, nil, func() (err error) {
		info, err = c.do("INFO", "persistence")
		if err == nil && !strings.Contains(info, "rdb_bgsave_in_progress:0") {
			err = errors.New("BGSAVE not done")
		}
		return err
	})
	if err == nil && !strings.Contains(info, "rdb_last_bgsave_status:ok") {
		err = errors.New("BGSAVE failed")
	}
	return err
}

func (c *redis) want(want string, command ...string) error {
	got, err := c.do(command...)
	if err == nil && want != "" && got != want {
		err = fmt.Errorf("answer %.40q, want %.40q", got, want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command[0], err)
	}
	return nil
}

func (c *redis) do(command ...string) (string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.patience)); err != nil {
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

// answer reads one value; the elements of an array are joined by spaces.
func (c *redis) answer() (string, error) {
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
	if kind == '$' {
		data := make([]byte, size+2)
		_, err := io.ReadFull(c.in, data)
		return string(data[:size]), err
	}
	elements := make([]string, size)
	for i := range elements {
		if elements[i], err = c.answer(); err != nil {
			return "", err
		}
	}
	return strings.Join(elements, " "), nil
}
