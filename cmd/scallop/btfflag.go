package main

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// btfFlag names a file with the types of the running kernel, for one that does not tell them itself.
type btfFlag struct {
	path  string
	types *btf.Spec
}

// btfUsage is its help.
const btfUsage = "read this kernel's types from `FILE`, where it was built without BTF"

// Set reads the file, raw BTF or an ELF file with a section of it.
func (f *btfFlag) Set(path string) error {
	types, err := btf.LoadSpec(path)
	if err != nil {
		return fmt.Errorf("reading the kernel's types: %w: make the file with pahole --btf_encode_detached from the kernel's vmlinux with debug information", err)
	}
	var task *btf.Struct
	if err := types.TypeByName("task_struct", &task); err != nil {
		return fmt.Errorf("reading the kernel's types: %w: these are not a kernel's", err)
	}
	f.path, f.types = path, types
	return nil
}

func (f *btfFlag) String() string { return f.path }

// Type is what help calls the value.
func (f *btfFlag) Type() string { return "file" }
