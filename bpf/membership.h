/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which cgroup belongs to which workload, decided when it is made. */
#pragma once

#include "class.h"
#include "event.h"

/* Whether a new cgroup belongs to its parent's workload. All below a container does. A unit's
 * plain children do; units and containers below it (of a user's own systemd) stand for themselves. Elsewhere
 * a cgroup is a workload of its own, unless a process of the parent's workload made it. */
static __always_inline bool joins_parent(u32 parent, u32 class)
{
	switch (parent >> CLASS_SHIFT & CLASS_MASK) {
	case CLASS_WHOLE:
		return true;
	case CLASS_UNIT:
		return class == CLASS_PLAIN;
	default:
		return class == CLASS_PLAIN && (parent & WORKLOAD_MASK) != NO_WORKLOAD &&
		       workload_of(task_cgroup_id(current_task())) == (parent & WORKLOAD_MASK);
	}
}

/* Begins a workload: what its tasks call is setup until the first execve. */
static __always_inline u32 workload_begin(u64 id, u32 class, const char *path)
{
	struct workload *w;
	struct birth *birth;
	u32 workload;

	if (bpf_map_pop_elem(&free_workloads, &workload)) {
		lose(no_workload_row, LOSS_WORKLOADS_FULL);
		return NO_WORKLOAD;
	}
	w = bpf_map_lookup_elem(&workloads, &workload);
	birth = bpf_map_lookup_elem(&births, &workload);
	if (!w || !birth)
		return NO_WORKLOAD;
	w->phase = PHASE_SETUP;
	w->stop_signals = birth_stop_signals;
	w->root = id;
	birth->time = bpf_ktime_get_ns();
	birth->class = class;
	birth->length = bpf_probe_read_kernel_str(birth->path, sizeof(birth->path), path);
	birth->cgroup = id;
	event_send(workload, EVENT_BIRTH);
	return workload;
}

/* Puts the cgroup into the index; false: its word was taken. */
static __always_inline bool index_add(u64 id, u32 workload)
{
	u32 key = id & cgroup_mask;
	struct cgroup_bucket *bucket = bpf_map_lookup_elem(&cgroup_index, &key);

	if (!bucket)
		return false;
	if (bucket->child || id >> 48) {
		bucket->child_overflow++;
		return false;
	}
	bucket->child = id << 16 | workload;
	return true;
}

/* Runs under cgroup_mutex, before any task can be in the new cgroup. */
static __always_inline int on_cgroup_mkdir(struct cgroup *cgroup, const char *path)
{
	u32 *parent, member, workload, class;
	u64 id;

	if (!is_chosen(cgroup))
		return 0;
	id = BPF_CORE_READ(cgroup, self.parent, cgroup, kn, id);
	parent = bpf_map_lookup_elem(&cgroups, &id);
	if (!parent)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	class = class_of_name(cgroup);
	if (joins_parent(*parent, class)) {
		workload = *parent & WORKLOAD_MASK;
		class = *parent >> CLASS_SHIFT & CLASS_MASK;
	} else {
		workload = class == CLASS_SLICE ? NO_WORKLOAD : workload_begin(id, class, path);
	}
	member = workload | class << CLASS_SHIFT;
	if (workload != NO_WORKLOAD && !index_add(id, workload))
		member |= MEMBER_OVERFLOWED;
	if (bpf_map_update_elem(&cgroups, &id, &member, BPF_ANY))
		lose(workload == NO_WORKLOAD ? no_workload_row : workload, LOSS_CGROUPS_FULL);
	return 0;
}

static __always_inline int on_cgroup_rmdir(struct cgroup *cgroup)
{
	struct cgroup_bucket *bucket;
	u32 *found, member, key;
	struct workload *w;
	u64 id;

	if (!is_chosen(cgroup))
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	found = bpf_map_lookup_elem(&cgroups, &id);
	if (!found)
		return 0;
	member = *found;
	bpf_map_delete_elem(&cgroups, &id);
	key = id & cgroup_mask;
	bucket = bpf_map_lookup_elem(&cgroup_index, &key);
	if (bucket && member & MEMBER_OVERFLOWED)
		bucket->child_overflow--;
	else if (bucket && bucket->child >> 16 == id)
		bucket->child = 0;
	member &= WORKLOAD_MASK;
	w = bpf_map_lookup_elem(&workloads, &member);
	if (w && w->root == id)
		event_send(member, EVENT_GONE);
	return 0;
}
