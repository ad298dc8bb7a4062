/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which task belongs to which workload, decided when it happens. */
#pragma once

#include "exe.h"
#include "maps.h"

#define NO_WORKLOAD 0xffffffff

static __noinline u32 workload_in_hash(u64 id)
{
	u32 *workload = bpf_map_lookup_elem(&cgroups, &id);

	return workload ? *workload : NO_WORKLOAD;
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

static __always_inline u64 task_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* Only the tracepoints of cgroup2, whose hierarchy is number 0: IDs of v1
 * hierarchies overlap with its IDs. */
static __always_inline bool is_cgroup2(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == 0;
}

/* A child of a recorded cgroup is recorded from its birth: this runs under
 * cgroup_mutex, before any task can be in it. */
static __always_inline int on_cgroup_mkdir(struct cgroup *cgroup)
{
	struct cgroup_bucket *bucket;
	u32 workload, key;
	u64 id;

	if (!is_cgroup2(cgroup))
		return 0;
	workload = workload_of(BPF_CORE_READ(cgroup, self.parent, cgroup, kn, id));
	if (workload == NO_WORKLOAD)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_update_elem(&cgroups, &id, &workload, BPF_ANY)) {
		lose(workload, LOSS_CGROUPS_FULL);
		return 0;
	}
	key = id & cgroup_mask;
	bucket = bpf_map_lookup_elem(&cgroup_index, &key);
	if (!bucket)
		return 0;
	if (bucket->child || id >> 48)
		bucket->child_overflow = 1;
	else
		bucket->child = id << 16 | workload;
	return 0;
}

static __always_inline int on_cgroup_rmdir(struct cgroup *cgroup)
{
	struct cgroup_bucket *bucket;
	u32 key;
	u64 id;

	if (!is_cgroup2(cgroup))
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_delete_elem(&cgroups, &id))
		return 0;
	key = id & cgroup_mask;
	bucket = bpf_map_lookup_elem(&cgroup_index, &key);
	if (bucket && bucket->child >> 16 == id)
		bucket->child = 0;
	return 0;
}

static __always_inline bool is_entrant(struct workload *w, u32 tgid)
{
	return unlikely(w->entrants) && bpf_map_lookup_elem(&entrants, &tgid);
}

static __always_inline void entrant_join(struct workload *w, u32 workload, u32 tgid)
{
	if (bpf_map_update_elem(&entrants, &tgid, &workload, BPF_NOEXIST))
		lose(workload, LOSS_ENTRANTS_FULL);
	else
		__sync_fetch_and_add(&w->entrants, 1);
}

/* Returns whether the thread group was an entrant. */
static __always_inline bool entrant_leave(struct workload *w, u32 tgid)
{
	if (likely(!w->entrants) || bpf_map_delete_elem(&entrants, &tgid))
		return false;
	__sync_fetch_and_add(&w->entrants, -1);
	return true;
}

/* Runs before the child's first instruction. A process born into a workload by a
 * parent outside it (CLONE_INTO_CGROUP), or by an entrant, is an entrant. */
static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = BPF_CORE_READ(child, tgid);
	u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	struct workload *w;
	u32 workload;

	if (tgid == parent_tgid)
		return 0;
	workload = workload_of(task_cgroup_id(child));
	if (workload == NO_WORKLOAD)
		return 0;
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w)
		return 0;
	if (is_entrant(w, parent_tgid) || workload_of(task_cgroup_id(parent)) != workload)
		entrant_join(w, workload, tgid);
	return 0;
}

static __always_inline struct event *event_new(u32 workload, enum event_kind kind)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		lose(workload, LOSS_EVENTS_DROPPED);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	event->kind = kind;
	event->workload = workload;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	return event;
}

/* Runs in the new program, before its first instruction: from here on the
 * process is the workload's own, and the first such process is the leader. */
static __always_inline int on_exec(struct task_struct *task)
{
	u32 workload = workload_of(task_cgroup_id(task));
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct exe_key exe = {};
	struct workload *w;
	struct event *event;

	if (workload == NO_WORKLOAD)
		return 0;
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w)
		return 0;
	exe_remember(task, workload, &exe);
	if (!entrant_leave(w, tgid) || w->leader)
		return 0;
	w->leader = tgid;
	event = event_new(workload, EVENT_LEADER_EXEC);
	if (!event)
		return 0;
	event->exe_inode = exe.inode;
	event->exe_device = exe.device;
	event->seccomp = BPF_CORE_READ(task, seccomp.mode);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	u32 workload = workload_of(task_cgroup_id(task));
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct workload *w;
	struct event *event;

	if (workload == NO_WORKLOAD || BPF_CORE_READ(task, signal, live.counter))
		return 0; /* not ours, or other threads of the process live on */
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w)
		return 0;
	entrant_leave(w, tgid);
	if (tgid != w->leader)
		return 0;
	w->leader = LEADER_GONE; /* its number may be given to another process */
	event = event_new(workload, EVENT_LEADER_EXIT);
	if (!event)
		return 0;
	event->exit_code = BPF_CORE_READ(task, exit_code);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
