/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* All state that kernel and user space share, and that of the tasks. User space sets the real sizes
 * before loading; see profiler/denials/load.go. */
#pragma once

#include "kernel_denials.h"

/* What a filter did, as far as it shows. SECCOMP_RET_TRACE and _USER_NOTIF look like _ERRNO:
 * whoever answers gives the value that is returned. */
enum action {
	ACTION_ERRNO,
	ACTION_TRAP,
	ACTION_KILL,
};

/* Why something is missing; names in profiler/denials/denials.go. */
enum denial_loss {
	LOSS_DENIALS_FULL, /* denials not counted: no room for another kind */
	LOSS_TASKS_FULL,   /* tasks whose denials are not seen */
	LOSS_CGROUPS_FULL, /* child cgroups that are not watched */
	LOSS_UNSURE,	   /* exits of calls that may have begun before the watch */
	DENIAL_LOSSES,
};

#define PHASE_HANDOVER 1 /* enum phase, ../maps.h */

/* Watched cgroups, by ID → number of the workload that they belong to. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u32);
} watched SEC(".maps");

/* The recorder's `workloads`, which begin with the phase; user space puts it here. Without a
 * recorder it is one word of zero. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} phases SEC(".maps");

/* What is known of a task. Only the task itself writes it, and its parent before it runs. */
struct task_state {
	u32 nr;	    /* of the latest call that entered; of a child: of the call that made it */
	u8 inside;  /* sys_enter was seen, sys_exit not yet */
	u8 born;    /* has not made any call yet: fork returns in the child, too */
	u8 trapped; /* a SIGSYS of seccomp was sent since the last call */
	u8 dying;   /* a signal that ends it was delivered since the last call */
	u8 killed;  /* its KILL is counted */
	u8 own;	    /* of the workload itself; 0: of whoever starts it, until an execve under a filter */
	u8 pad[2];
};

/* By the address of the task, which stays the same when a thread's execve takes over the number of
 * its leader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct task_state);
} tasks SEC(".maps");

struct denial_key {
	s64 ret; /* what the call returned; 0 for TRAP and KILL */
	u32 nr;
	u32 workload;
	u8 phase;
	u8 abi;
	u8 action;
	u8 pad[5];
};

/* How often, and of the first one: when, who. */
struct denial {
	u64 count;
	u64 first; /* ktime, ns */
	u64 last;
	u64 exe_inode;
	u32 exe_device;
	u32 tgid;
	u32 tid;
	u32 traced; /* a debugger was attached, which can skip calls, too */
	u8 comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct denial_key);
	__type(value, struct denial);
} denials SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DENIAL_LOSSES);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

/* Types reach the generated Go through variables that use them. */
const enum action *unused_action __attribute__((unused));
const enum denial_loss *unused_loss __attribute__((unused));

static __always_inline void lose(enum denial_loss reason)
{
	u32 key = reason;
	u64 *n = bpf_map_lookup_elem(&losses, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline struct task_state *state_of(struct task_struct *task)
{
	u64 key = (u64)task;

	return bpf_map_lookup_elem(&tasks, &key);
}

static __always_inline struct task_state *state_put(struct task_struct *task, struct task_state *state)
{
	u64 key = (u64)task;

	if (bpf_map_update_elem(&tasks, &key, state, BPF_ANY)) {
		lose(LOSS_TASKS_FULL);
		return NULL;
	}
	return bpf_map_lookup_elem(&tasks, &key);
}

static __always_inline int seccomp_mode(struct task_struct *task)
{
	return BPF_CORE_READ(task, seccomp.mode);
}

/* A task that was there before the watch, or was moved in. With a filter it is past its execve. */
static __always_inline struct task_state *state_new(struct task_struct *task)
{
	struct task_state state = {.own = seccomp_mode(task) >= SECCOMP_MODE_FILTER};

	return state_put(task, &state);
}
