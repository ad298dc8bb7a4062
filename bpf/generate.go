// Package bpf is scallop's kernel side: the C of its BPF programs, the compiled
// objects, and their generated Go face.
package bpf

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package bpf -target amd64,arm64 -cflags "-O2 -g -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu -Wall -Werror -mcpu=v3" -type event -type first_call -type call_key -type workload -type cgroup_bucket -type exe -type exe_key -type phase -type loss -type event_kind -type birth -type entrant -type cgroup_class Scallop scallop.bpf.c
