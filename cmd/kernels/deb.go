package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
)

// maxMember bounds what is taken out of a package, in bytes.
const maxMember = 256 << 20

// unpack takes one file out of a package: the first whose base name matches (path.Match).
func unpack(ctx context.Context, deb, pattern string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what follows the file is not read
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", deb, err)
	}
	data, err := member(out, pattern)
	cancel()
	_ = cmd.Wait() // killed, unless it had written all
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", deb, err)
	}
	return data, nil
}

// member is the content of the first regular file in a tar whose base name matches.
func member(r io.Reader, pattern string) ([]byte, error) {
	for files := tar.NewReader(r); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("there is no %s in it: has the package another layout now?", pattern)
		}
		if err != nil {
			return nil, err
		}
		if ok, err := path.Match(pattern, path.Base(header.Name)); err != nil || !ok || header.Typeflag != tar.TypeReg {
			continue
		}
		if header.Size > maxMember {
			return nil, fmt.Errorf("%s has %d bytes: more than a kernel can have", header.Name, header.Size)
		}
		return io.ReadAll(files)
	}
}
