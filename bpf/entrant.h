/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Processes that come into a workload from outside: a container runtime's, until their execve. */
#pragma once

#include "exe.h"
#include "membership.h"

/* Returns whether the thread group was an entrant. */
static __always_inline bool entrant_leave(u32 tgid)
{
	struct entrant *entrant = entrant_of(tgid);
	struct workload *w;
	u32 workload;

	if (!entrant)
		return false;
	workload = entrant->workload;
	if (bpf_map_delete_elem(&entrants, &tgid))
		return false; /* somebody else was faster */
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (w)
		__sync_fetch_and_add(&w->entrants, -1);
	return true;
}

/* Joining twice is no mistake: the write to cgroup.procs and the move both tell. */
static __always_inline void entrant_join(u32 workload, u32 tgid, u64 exe_size, u64 moving)
{
	struct workload *w = bpf_map_lookup_elem(&workloads, &workload);
	struct entrant entrant = {.workload = workload, .exe_size = exe_size, .moving = moving};
	struct entrant *before = entrant_of(tgid);

	if (!w)
		return;
	if (before && before->workload != workload)
		entrant_leave(tgid);
	/* Before the insertion: whoever finds the entry finds the counter raised. */
	__sync_fetch_and_add(&w->entrants, 1);
	if (!bpf_map_update_elem(&entrants, &tgid, &entrant, BPF_NOEXIST))
		return;
	__sync_fetch_and_add(&w->entrants, -1);
	if (!entrant_of(tgid))
		lose(workload, LOSS_ENTRANTS_FULL);
}

/* Runs before the child's first instruction, under the run queue's lock: sched_process_fork tells the same,
 * but from Linux 7.0 on that can be preempted, and be missed. A process born into a workload by a
 * parent outside it (CLONE_INTO_CGROUP), or by an entrant, is an entrant. */
static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = BPF_CORE_READ(child, tgid);
	u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	struct entrant *entrant;
	u32 workload;

	if (tgid == parent_tgid)
		return 0;
	workload = workload_of(task_cgroup_id(child));
	if (workload == NO_WORKLOAD)
		return 0;
	entrant = entrant_of(parent_tgid);
	if (entrant)
		entrant_join(workload, tgid, entrant->exe_size, 0);
	else if (workload_of(task_cgroup_id(parent)) != workload)
		entrant_join(workload, tgid, exe_size(parent), 0);
	return 0;
}

/* A process that the workload started itself, or its leader, may be moved within the
 * workload by anybody: that does not make it an entrant. */
static __always_inline bool is_own(struct task_struct *task, u32 workload, u32 tgid)
{
	struct workload *w = bpf_map_lookup_elem(&workloads, &workload);
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	u32 parent_tgid = BPF_CORE_READ(parent, tgid);

	u32 *settled_in = bpf_map_lookup_elem(&settled, &tgid);

	if ((w && w->leader == tgid) || (settled_in && *settled_in == workload))
		return true;
	return workload_of(task_cgroup_id(parent)) == workload && !entrant_of(parent_tgid);
}

/* A thread that comes alone (cgroup.threads) is of a process that was in the same threaded tree before: no container
 * runtime's. The first one is as good as an execve. */
static __always_inline void thread_arrives(u32 workload)
{
	struct workload *w = bpf_map_lookup_elem(&workloads, &workload);

	if (w && w->phase == PHASE_SETUP)
		w->phase = PHASE_STARTUP;
}

/* Runs after the move, under cgroup_mutex. The mover is the current task: one inside sorts its own processes, or has
 * moved itself in by a write that was seen. */
static __always_inline int on_cgroup_attach(struct cgroup *cgroup, struct task_struct *task, bool process)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct entrant *entrant;
	u32 workload;

	if (!is_chosen(cgroup))
		return 0;
	workload = workload_of(BPF_CORE_READ(cgroup, kn, id));
	if (workload == NO_WORKLOAD)
		return 0; /* what has left may be in the middle of sys_enter: user space sweeps it later */
	/* In v1, a write to `tasks` moves a process that has one thread, too. */
	if (!process && !(controller && BPF_CORE_READ(task, pid) == tgid)) {
		thread_arrives(workload);
		return 0;
	}
	if (is_own(task, workload, tgid)) {
		entrant_leave(tgid); /* it was taken for one when the move began */
		return 0;
	}
	entrant = entrant_of(tgid);
	if (entrant) {
		entrant->exe_size = exe_size(task);
		entrant->moving = 0;
	} else if (workload_of(task_cgroup_id(current_task())) != workload) {
		entrant_join(workload, tgid, exe_size(task), 0);
	}
	return 0;
}
