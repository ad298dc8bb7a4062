//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0
/* What scallop's kernel side is measured against: an empty program, and other
 * designs of the same job. Only cmd/ladder loads them. */
#include "../kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NUMBERS 512 /* system call numbers that have a counter */


static __always_inline u64 cgroup_id(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

SEC("tp_btf/sys_enter")
int empty(u64 *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int empty_exit(u64 *ctx)
{
	return 0;
}

SEC("raw_tp/sys_enter")
int empty_raw(u64 *ctx)
{
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int empty_perf(void *ctx)
{
	return 0;
}

/* Design: a per-CPU hash of {cgroup, nr}, for every cgroup there is. */
struct call {
	u64 cgroup;
	u64 nr;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct call);
	__type(value, u64);
} hash_counts SEC(".maps");

SEC("tp_btf/sys_enter")
int hash(u64 *ctx)
{
	struct call call = {.cgroup = bpf_get_current_cgroup_id(), .nr = ctx[1]};
	u64 *n = bpf_map_lookup_elem(&hash_counts, &call);
	u64 one = 1;

	if (likely(n))
		(*n)++;
	else
		bpf_map_update_elem(&hash_counts, &call, &one, BPF_NOEXIST);
	return 0;
}

/* cgroup ID → workload, for the designs below; user space fills it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u32);
} recorded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NUMBERS);
	__type(key, u32);
	__type(value, u64);
} array_counts SEC(".maps");

#define UNKNOWN 0xffffffff

static __noinline u32 workload_lookup(u64 id)
{
	u32 *workload = bpf_map_lookup_elem(&recorded, &id);

	return workload ? *workload : UNKNOWN;
}

static __always_inline u64 *counter(u32 workload, u64 nr)
{
	u32 key = workload * NUMBERS + (nr & (NUMBERS - 1));

	return bpf_map_lookup_elem(&array_counts, &key);
}

/* Design: each CPU remembers the cgroup it saw last; the counters are a per-CPU
 * array. Needs an invalidation that is left out here. */
struct cached {
	u64 cgroup;
	u32 workload;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cached);
} cache SEC(".maps");

static __always_inline u32 workload_cached(void)
{
	u64 id = cgroup_id((void *)bpf_get_current_task_btf());
	u32 zero = 0;
	struct cached *c = bpf_map_lookup_elem(&cache, &zero);

	if (!c)
		return UNKNOWN;
	if (unlikely(c->cgroup != id)) {
		c->workload = workload_lookup(id);
		c->cgroup = id;
	}
	return c->workload;
}

SEC("tp_btf/sys_enter")
int cached_atomic(u64 *ctx)
{
	u32 workload = workload_cached();
	u64 *n;

	if (workload == UNKNOWN)
		return 0;
	n = counter(workload, ctx[1]);
	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

/* The same with a plain add: the difference is what the atomic costs. */
SEC("tp_btf/sys_enter")
int cached_plain(u64 *ctx)
{
	u32 workload = workload_cached();
	u64 *n;

	if (workload == UNKNOWN)
		return 0;
	n = counter(workload, ctx[1]);
	if (n)
		(*n)++;
	return 0;
}

/* Design: the task itself carries its workload (Linux 5.11). Needs a way to
 * move tasks that change cgroup, left out here. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32); /* workload + 1 */
} tasks SEC(".maps");

static __noinline int task_remember(void)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	u32 workload = workload_lookup(cgroup_id(task)) + 1;

	bpf_task_storage_get(&tasks, task, &workload, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

SEC("tp_btf/sys_enter")
int task_storage(u64 *ctx)
{
	u32 *workload = bpf_task_storage_get(&tasks, (void *)bpf_get_current_task_btf(), 0, 0);
	u64 *n;

	if (unlikely(!workload))
		return task_remember();
	if (!*workload)
		return 0;
	n = counter(*workload - 1, ctx[1]);
	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}
