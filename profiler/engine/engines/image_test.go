package engines_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

const (
	imageName = "scallop.test/engines:1"
	label     = "scallop.test/made-by"
)

// makeImage writes an image that all engines can load: busybox, asleep.
func makeImage(t *testing.T, r *room.Room) string {
	t.Helper()
	busybox, err := os.ReadFile(hosttest.Tool(t, "busybox", "busybox-static"))
	if err != nil {
		t.Fatal(err)
	}
	layer := archive(t, map[string][]byte{"bin/busybox": busybox, "bin/sh": busybox})
	config := encode(t, map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"Cmd":        []string{"/bin/busybox", "sleep", "1000"},
			"Labels":     map[string]string{label: "image"},
			"StopSignal": "SIGQUIT",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	manifest := encode(t, []map[string]any{{"Config": "config.json", "RepoTags": []string{imageName}, "Layers": []string{"layer.tar"}}})
	files := map[string][]byte{"config.json": config, "layer.tar": layer, "manifest.json": manifest}
	path := r.Path("image.tar")
	if err := os.WriteFile(path, archive(t, files), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func archive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
