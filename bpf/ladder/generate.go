// Package ladder is the BPF programs that scallop's own are measured against.
package ladder

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package ladder -target amd64,arm64 -cflags "-O2 -g -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu -Wall -Werror -mcpu=v3" Ladder ladder.bpf.c
