package container_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

// server is what an image holds, and the traffic that it gets in every life.
type server struct {
	name    string // of the image
	program string // base name
	stop    string // the image's stop signal
	probed  bool   // the image has a health check
	answers func(*room.Room) error
	serve   func(*room.Room) error
}

func everyServer() []server { return []server{nginx, redis, postgres} }

// place of a server in a room: each has its usual port.
func place(r *room.Room, port string) servers.Place {
	return servers.Place{Address: "127.0.0.1:" + port, Dial: r.Dial, Patience: defaultPatience}
}

// buildImages builds what every engine loads, once.
var buildImages = sync.OnceValues(func() (string, error) {
	postgres, err := postgresImage()
	if err != nil {
		return "", err
	}
	return imageArchive(filepath.Dir(scallop), []image{nginxImage(), redisImage(), postgres, toolsImage(), pauseImage()})
})

func images(t *testing.T) string {
	t.Helper()
	path, err := buildImages()
	var lack *lackError
	if errors.As(err, &lack) {
		hosttest.Lack(t, lack.what)
	}
	if err != nil {
		t.Fatalf("build the images: %v", err)
	}
	return path
}

// lackError is what the host does not have.
type lackError struct{ what string }

func (e *lackError) Error() string { return "lacks " + e.what }

// pauseImage is the container of a pod that holds its namespaces.
func pauseImage() image {
	return image{name: "pause", config: imageConfig{Cmd: []string{"/bin/sleep", "infinity"}}}
}

const containerPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
