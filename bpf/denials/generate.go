// Package denials is the kernel side of seeing what seccomp filters deny: its C, the
// compiled objects, and their generated Go face.
package denials

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package denials -target amd64,arm64 -cflags "-O2 -g -I.. -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu -Wall -Werror -mcpu=v3" -type denial_key -type denial -type action -type denial_loss -type task_state -type stack -type judge_key -type judged_key Denials denials.bpf.c
