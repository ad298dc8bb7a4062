/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which cgroups are watched: those that user space names, and what is made below them. */
#pragma once

#include "state.h"

/* Only cgroup2, whose hierarchy is number 0: IDs of v1 hierarchies overlap with its IDs. */
static __always_inline bool is_cgroup2(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == 0;
}

/* Runs before any task can be in the new cgroup. */
static __always_inline int on_cgroup_mkdir(struct cgroup *cgroup)
{
	u64 id = BPF_CORE_READ(cgroup, self.parent, cgroup, kn, id);
	u32 *parent, workload;

	if (!is_cgroup2(cgroup))
		return 0;
	parent = bpf_map_lookup_elem(&watched, &id);
	if (!parent)
		return 0;
	workload = *parent;
	id = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_update_elem(&watched, &id, &workload, BPF_ANY))
		lose(LOSS_CGROUPS_FULL);
	return 0;
}

static __always_inline int on_cgroup_rmdir(struct cgroup *cgroup)
{
	u64 id = BPF_CORE_READ(cgroup, kn, id);

	if (is_cgroup2(cgroup))
		bpf_map_delete_elem(&watched, &id);
	return 0;
}
