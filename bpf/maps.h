/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* All state that kernel and user space share. Sizes here are the least ones: user
 * space sets the real ones before loading (see profiler/sizes.go, which also
 * computes the memory of each map). */
#pragma once

#include "members.h"

/* Numbers are below this, x32's bit left out. */
#define NR_LIMIT (1U << 30)

/* Why something is missing from a recording; names in profiler/losses.go. */
enum loss {
	LOSS_CALLS_FULL,     /* calls not counted: no counter left */
	LOSS_CALLS_FAILED,   /* calls not counted: a map refused the update */
	LOSS_CALLS_RANGE,    /* calls not counted: not a number that any table can have */
	LOSS_CGROUPS_FULL,   /* child cgroups not recorded at all */
	LOSS_ENTRANTS_FULL,  /* processes whose setup was filed as the workload's */
	LOSS_EXES_FULL,	     /* executables whose path is not known */
	LOSS_EVENTS_DROPPED, /* phase or leader events that user space never got */
	LOSS_WORKLOADS_FULL, /* new workloads not recorded at all */
	LOSSES = 8,
};

/* Set before loading. */
const volatile u32 slots_per_cpu = 1; /* counters of one CPU, slot 0 is unused */
const volatile u32 no_workload_row = 0; /* of `losses`, for what belongs to no workload */
const volatile bool watch_moves = false; /* workloads may be joined by a write to cgroup.procs */
const volatile u64 birth_stop_signals = 0; /* stop_signals of a workload that is born */

/* Numbers of workloads that user space has handed out for births. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, u32);
} free_workloads SEC(".maps");

/* Workloads that were born in the kernel, by number: what user space needs to name them,
 * even if they are gone by then. */
#define BIRTH_PATH 1000

struct birth {
	u64 cgroup; /* ID, 0: none */
	u64 time;   /* ktime, ns */
	u32 length; /* of path, with its NUL */
	u32 class;  /* enum cgroup_class */
	u8 path[BIRTH_PATH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct birth);
} births SEC(".maps");

/* What kind of cgroup a name tells of; profiler/cgroup/class.go says the same. */
enum cgroup_class {
	CLASS_PLAIN,
	CLASS_SLICE, /* of systemd: holds no processes */
	CLASS_UNIT,  /* a service or scope of systemd */
	CLASS_WHOLE, /* a container, or what the user named: all below belongs to it */
};

/* Thread groups that were entrants and made their execve: the workload's own, though their parents may be
 * outside. The least recently used are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} settled SEC(".maps");

/* The slots that user space has handed out for use, from 1. A queue is the one
 * atomic allocator that 5.10 has (no compare-and-swap before 5.12). */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, u32);
} free_slots SEC(".maps");

/* Every (workload, phase, ABI, number) that was ever seen, with its first call. */
struct call_key {
	u16 workload;
	u8 phase;
	u8 abi;
	u32 nr;
};

struct first_call {
	u64 time; /* ktime, ns */
	u64 exe_inode;
	u32 exe_device;
	u32 slot; /* of its counter */
	u32 tgid;
	u32 tid;
	u8 comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct call_key);
	__type(value, struct first_call);
} calls SEC(".maps");

/* The counters: for each CPU, slots_per_cpu of them. User space sets the size of
 * the value. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u64));
} counts SEC(".maps");

/* By workload and reason, and one row for what belongs to no workload. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LOSSES);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

/* What user space is told of at once. */
enum event_kind {
	EVENT_LEADER_EXEC = 1, /* startup begins */
	EVENT_STOP_SIGNAL,     /* shutdown begins */
	EVENT_KILL_SIGNAL,     /* SIGKILL to the leader */
	EVENT_LEADER_EXIT,
	EVENT_BIRTH, /* a workload was born: see `births` */
	EVENT_GONE,  /* the cgroup of a workload was removed: nobody is in it any more */
};

struct event {
	u64 time; /* ktime, ns */
	u64 exe_inode;
	u32 exe_device;
	u32 kind;
	u32 workload;
	u32 tgid;	 /* who did it: the sender of a signal, else the leader */
	u32 signal;
	u32 from_kernel; /* the signal's sender is the kernel itself */
	u32 exit_code;	 /* as wait(2) gives it */
	u32 seccomp;	 /* the leader's mode at its execve */
	u8 comm[16];	 /* of tgid */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Types reach the generated Go through variables that use them. */
const struct event *unused_event __attribute__((unused));
const enum event_kind *unused_event_kind __attribute__((unused));
const enum phase *unused_phase __attribute__((unused));
const enum loss *unused_loss __attribute__((unused));
const enum cgroup_class *unused_class __attribute__((unused));

static __always_inline void lose(u32 workload, enum loss reason)
{
	u32 key = workload * LOSSES + reason;
	u64 *n = bpf_map_lookup_elem(&losses, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}
