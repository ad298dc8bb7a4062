package enforce_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

const redisConf = `
bind 127.0.0.1
port PORT
dir DIR
pidfile DIR/redis.pid
save 900 1
`

func newRedis(t *testing.T) *server {
	t.Helper()
	s := &server{name: "redis-server", dir: hosttest.SharedDir(t), address: freeAddress(t), stop: "TERM"}
	s.pidFile = s.dir + "/redis.pid"
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("DIR", s.dir, "PORT", port).Replace(redisConf)
	s.args = []string{"redis-server", writeFile(t, s.dir, "redis.conf", conf)}
	s.ready = []string{"--ready-tcp", s.address}
	s.answers = func() error {
		return withRedis(s, func(c *redisClient) error { return c.want("PONG", "PING") })
	}
	s.serve = func(n int) error {
		return withRedis(s, func(c *redisClient) error { return serveRedis(c, n) })
	}
	return s
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

func serveRedis(c *redisClient, n int) error {
	if err := saveRedis(c); err != nil {
		return err
	}
	for i := range n {
		pair := redisCommands[i%len(redisCommands)]
		round := strconv.Itoa(i / len(redisCommands))
		want := strings.ReplaceAll(pair.want, "#", round)
		if err := c.want(want, strings.Fields(strings.ReplaceAll(pair.command, "#", round))...); err != nil {
			return fmt.Errorf("command %d of %d: %w", i+1, n, err)
		}
	}
	return rareRedis(c)
}

// rareRedis is what clients do once: large values, settings, a script, both ways
// to save, all in a state that the next life does not find.
func rareRedis(c *redisClient) error {
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
	if err := saveRedis(c); err != nil {
		return err
	}
	return c.want("OK", "FLUSHALL", "ASYNC")
}

// saveRedis has a child of the server write a snapshot, and waits for it.
func saveRedis(c *redisClient) error {
	if err := c.want("Background saving started", "BGSAVE"); err != nil {
		return err
	}
	for deadline := time.Now().Add(defaultPatience); ; time.Sleep(10 * time.Millisecond) {
		info, err := c.do("INFO", "persistence")
		switch {
		case err != nil:
			return err
		case strings.Contains(info, "rdb_bgsave_in_progress:0") && strings.Contains(info, "rdb_last_bgsave_status:ok"):
			return nil
		case strings.Contains(info, "rdb_last_bgsave_status:err"):
			return errors.New("BGSAVE failed")
		case time.Now().After(deadline):
			return errors.New("BGSAVE not done in time")
		}
	}
}

// redisClient speaks RESP over one connection.
type redisClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func withRedis(s *server, use func(*redisClient) error) error {
	conn, err := net.DialTimeout("tcp", s.address, time.Second)
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
	if err := c.conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
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
