/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which workload and phase a task belongs to: what every kernel side reads. The recorder's (scallop.bpf.c) decides it;
 * others are given its maps. */
#pragma once

#include "abi.h"

#define SECCOMP_MODE_FILTER 2 /* include/uapi/linux/seccomp.h; 3 since 5.16: a KILL is under way */

/* What the shortcut to a counter covers: the native and the compat ABI, the phases
 * below this, the numbers below this. The rest goes through a hash lookup. The
 * highest number of any native table is 472 (Linux 7.2). */
#define FAST_ABIS 2
#define FAST_PHASES 8
#define FAST_NUMBERS 512

enum phase {
	PHASE_SETUP,
	PHASE_HANDOVER,
	PHASE_STARTUP,
	PHASE_STEADY,
	PHASE_SHUTDOWN,
	PHASES = 16, /* the rest are the user's own */
};

/* Set before loading. */
const volatile u32 cgroup_mask = 0; /* buckets of cgroup_index - 1 */

/* The hierarchy whose cgroups tell workloads apart: cgroup2, or on a host without it one of v1. The verifier removes
 * the branches of the other kind. Set before loading. */
const volatile u32 hierarchy = 0;  /* cgroup_root.hierarchy_id, 0: cgroup2 */
const volatile u32 controller = 0; /* of a v1 hierarchy, as enum cgroup_subsys_id + 1; 0: cgroup2 */

#define LEADER_GONE 0xffffffff

/* A workload. The hot path reads two cache lines: the first one and a slot's. */
struct workload {
	u32 phase;    /* of its own processes; enum phase */
	u32 entrants; /* processes that joined and have not made their execve yet */
	u32 leader;   /* thread group ID, 0: not known yet, or LEADER_GONE */
	u32 leader_parent; /* thread group ID of its parent at its execve */
	u64 stop_signals; /* bit N-1: signal N to the leader begins shutdown */
	u64 last_new;	  /* ktime of the latest first call */
	u64 root;	  /* cgroup ID */
	u64 line[3];	  /* the rest of the first line */
	/* Slots of counters, 0: none yet. Only a shortcut to `calls`. */
	u16 slot[FAST_ABIS][FAST_PHASES][FAST_NUMBERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct workload);
} workloads SEC(".maps");

/* cgroup ID → workload. The truth is the hash `cgroups`; in front of it stands
 * a direct-mapped index of words `id << 16 | workload`, so that the usual answer costs
 * one cache line. Who sets a word: `root` user space, `child` the kernel, which
 * holds cgroup_mutex then (user space may clear it). The overflows count the recorded cgroups that
 * found their word taken. */
struct cgroup_bucket {
	u64 root;
	u64 child;
	u32 root_overflow;
	u32 child_overflow;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cgroup_bucket);
} cgroup_index SEC(".maps");

/* The values of `cgroups`: a workload's number or NO_WORKLOAD, the class, and flags. */
#define NO_WORKLOAD 0xffff
#define WORKLOAD_MASK 0xffff
#define CLASS_SHIFT 16
#define CLASS_MASK 3
#define MEMBER_OVERFLOWED (1 << 18) /* counted in child_overflow */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u32);
} cgroups SEC(".maps");

/* Thread groups that joined a workload from outside, until their execve. */
struct entrant {
	u32 workload;
	u32 called;   /* whether it has made a call inside */
	u64 exe_size; /* bytes of the program that it runs, 0: not known */
	u64 moving;   /* ID of the cgroup that it is about to be moved to, 0: it is in */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct entrant);
} entrants SEC(".maps");

static __noinline u32 workload_in_hash(u64 id)
{
	u32 *member = bpf_map_lookup_elem(&cgroups, &id);

	return member ? *member & WORKLOAD_MASK : NO_WORKLOAD;
}

static __always_inline u32 workload_of(u64 id)
{
	u32 key = id & cgroup_mask;
	struct cgroup_bucket *bucket = bpf_map_lookup_elem(&cgroup_index, &key);

	if (unlikely(!bucket))
		return NO_WORKLOAD;
	if (bucket->root >> 16 == id)
		return bucket->root & 0xffff;
	if (bucket->child >> 16 == id)
		return bucket->child & 0xffff;
	if (likely(!(bucket->root_overflow | bucket->child_overflow)))
		return NO_WORKLOAD;
	return workload_in_hash(id);
}

/* Where the state of the v1 hierarchy's controller is in a css_set: it leads to the task's cgroup there. */
static __always_inline struct cgroup_subsys_state **state_in(struct css_set *set)
{
	return (void *)set + bpf_core_field_offset(set->subsys) + (controller - 1) * sizeof(void *);
}

static __noinline u64 task_cgroup_id(struct task_struct *task)
{
	struct cgroup_subsys_state *state;

	if (!controller)
		return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	if (bpf_probe_read_kernel(&state, sizeof(state), state_in(BPF_CORE_READ(task, cgroups))))
		return 0;
	return BPF_CORE_READ(state, cgroup, kn, id);
}

/* The same through pointers that the verifier knows the types of: no helper is called. */
static __always_inline u64 typed_cgroup_id(struct task_struct *task)
{
	if (!controller)
		return task->cgroups->dfl_cgrp->kn->id;
	return (*state_in(task->cgroups))->cgroup->kn->id;
}

static __always_inline u64 current_cgroup_id(void)
{
	return controller ? task_cgroup_id(current_task()) : bpf_get_current_cgroup_id();
}

/* The tracepoints of cgroups tell of every hierarchy, and their IDs overlap. */
static __always_inline bool is_chosen(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == hierarchy;
}

static __always_inline struct entrant *entrant_of(u32 tgid)
{
	return bpf_map_lookup_elem(&entrants, &tgid);
}

/* A process that has joined and not made its execve is the runtime's: what it
 * calls under a filter is handover, before that setup. */
static __noinline u32 entrant_phase(u32 phase)
{
	struct entrant *entrant = entrant_of(bpf_get_current_pid_tgid() >> 32);

	if (!entrant)
		return phase;
	/* About to be moved, but not yet: if it is the workload's own, it goes on as that. */
	if (entrant->moving && entrant->moving != task_cgroup_id(current_task()))
		return phase;
	entrant->called = true;
	if (BPF_CORE_READ(current_task(), seccomp.mode) >= SECCOMP_MODE_FILTER)
		return PHASE_HANDOVER;
	return PHASE_SETUP;
}
