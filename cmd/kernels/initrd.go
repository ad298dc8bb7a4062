package main

import (
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/u-root/u-root/pkg/cpio"
)

//go:embed init.sh
var initScript string

// mountPoints are the guest's empty folders.
var mountPoints = []string{"dev", "mnt", "proc", "run", "sys", "tmp"}

// writeInitrd makes the guest's root: busybox, a tree of files, and what its first process is to do. It is not compressed:
// unpacking costs an emulated CPU more than reading.
func writeInitrd(w io.Writer, shell []byte, tree, what string) error {
	var records []cpio.Record
	for _, dir := range mountPoints {
		records = append(records, cpio.Directory(dir, 0o755))
	}
	files, err := treeRecords(tree)
	if err != nil {
		return err
	}
	records = append(records, files...)
	records = append(records, cpio.StaticFile("bin/busybox", string(shell), 0o755),
		cpio.StaticFile("init", initScript, 0o755), cpio.StaticFile("what", what, 0o644))
	return writeRecords(w, records)
}

// writeTree makes a root of a folder.
func writeTree(w io.Writer, dir string) error {
	records, err := treeRecords(dir)
	if err != nil {
		return err
	}
	return writeRecords(w, records)
}

func writeRecords(w io.Writer, records []cpio.Record) error {
	archive := cpio.Newc.Writer(w)
	if err := cpio.WriteRecordsAndDirs(archive, records); err != nil {
		return fmt.Errorf("writing the guest's root: %w", err)
	}
	return cpio.WriteTrailer(archive)
}

// treeRecords are all that is below a folder, in the order of their names.
func treeRecords(tree string) ([]cpio.Record, error) {
	var records []cpio.Record
	recorder := cpio.NewRecorder()
	err := filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == tree {
			return err
		}
		record, err := recorder.GetRecord(path)
		if err != nil {
			return fmt.Errorf("taking %s into a guest's root: %w", path, err)
		}
		if record.Name, err = filepath.Rel(tree, path); err != nil {
			return err
		}
		records = append(records, record)
		return nil
	})
	return records, err
}
