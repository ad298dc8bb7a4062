/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* All state that kernel and user space share, and that of the tasks. User space sets the real sizes
 * before loading; see profiler/denials/load.go. */
#pragma once

#include "kernel_denials.h"

#define ARGS 6

/* What a filter did, as far as it shows. SECCOMP_RET_USER_NOTIF, and _TRACE without a tracer, look like _ERRNO:
 * whoever answers gives the value that is returned. */
enum action {
	ACTION_ERRNO,
	ACTION_TRAP,
	ACTION_KILL, /* of the thread or of the process, which does the same to a process of one thread */
	ACTION_TRACE, /* a tracer skipped what the filter had asked it about */
	ACTION_KILL_THREAD,
	ACTION_KILL_PROCESS,
};

#define NO_ACTION 0xff

/* Why something is missing; names in profiler/denials/denials.go. */
enum denial_loss {
	LOSS_DENIALS_FULL, /* denials not counted: no room for another kind */
	LOSS_TASKS_FULL,   /* tasks whose denials are not seen */
	LOSS_UNSURE,	   /* exits of calls that may have begun before the watch */
	DENIAL_LOSSES,
};

/* Set before loading. */
const volatile bool task_storage = false; /* the state of tasks is kept with them */
const volatile bool keep_stacks = false;

/* Of struct task_state. */
#define INSIDE 1  /* sys_enter was seen, sys_exit not yet */
#define BORN 2	  /* has not made any call yet: fork returns in the child, too */
#define TRAPPED 4 /* a SIGSYS of seccomp was sent since the last call */
#define DYING 8	  /* a signal that ends it was delivered since the last call */
#define KILLED 16 /* its KILL is counted */
#define ASKED 32  /* the filter asked a tracer about call `nr` */

/* What is known of a task. Only the task itself writes it, and its parent before it runs. */
struct task_state {
	u32 nr;	   /* of the latest call that entered; of a child: of the call that made it */
	u32 flags; /* about what came since then */
};

/* Since Linux 5.12, in place of `tasks`: found faster, and freed with the task. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks_own SEC(".maps");

/* By the address of the task, which stays the same when a thread's execve takes over the number of
 * its leader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct task_state);
} tasks SEC(".maps");

/* Process → number of its workload, also of those that have ended: for what is told of them later (audit records). The least
 * recently used are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} homes SEC(".maps");

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
	u64 args[ARGS];
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

/* The user stack of the first one, from the call outwards. */
#define FRAMES 64

struct stack {
	s64 bytes; /* of frames; less than 0: there is none */
	u64 frames[FRAMES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct denial_key);
	__type(value, struct stack);
} stacks SEC(".maps");

/* Processes with a new stack: who names its frames has to be quick, before the process is gone. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} stacked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack);
} stack_scratch SEC(".maps");

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

/* `typed` is a pointer that the kernel's verifier knows to be a task: where state is kept with tasks. */
static __always_inline struct task_state *state_of(void *typed)
{
	u64 key = (u64)typed;

	if (task_storage)
		return bpf_task_storage_get(&tasks_own, typed, NULL, 0);
	return bpf_map_lookup_elem(&tasks, &key);
}

static __always_inline struct task_state *state_new(void *typed)
{
	struct task_state state = {}, *made;
	u64 key = (u64)typed;

	if (task_storage) {
		made = bpf_task_storage_get(&tasks_own, typed, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	} else {
		bpf_map_update_elem(&tasks, &key, &state, BPF_NOEXIST);
		made = bpf_map_lookup_elem(&tasks, &key);
	}
	if (!made)
		lose(LOSS_TASKS_FULL);
	return made;
}

static __always_inline void *typed_current(void)
{
	if (task_storage)
		return (void *)bpf_get_current_task_btf();
	return current_task();
}

static __always_inline void home_of(struct task_struct *task, u32 workload)
{
	u32 tgid = BPF_CORE_READ(task, tgid);

	bpf_map_update_elem(&homes, &tgid, &workload, BPF_ANY);
}

/* Another process with that number may have been a workload's. */
static __always_inline void home_forget(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);

	bpf_map_delete_elem(&homes, &tgid);
}

static __always_inline int seccomp_mode(struct task_struct *task)
{
	return BPF_CORE_READ(task, seccomp.mode);
}

static __always_inline u32 workload_of_current(void)
{
	return workload_of(current_cgroup_id());
}
