/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* When a process becomes the workload's own, and its leader. */
#pragma once

#include "entrant.h"

static __always_inline u64 parents_exe_size(struct task_struct *task)
{
	return exe_size(BPF_CORE_READ(task, real_parent));
}

/* systemd (255 on) starts this one in a unit's cgroup; it prepares everything, and then executes what the unit says. */
static __always_inline bool is_systemd_executor(struct task_struct *task)
{
	const u8 want[] = "systemd-executor";
	u8 name[sizeof(want)] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name));
	return !__builtin_memcmp(name, want, sizeof(want));
}

/* A runtime goes on as itself after an execve of its own program. One that began outside, before it was
 * moved in: `/proc/self/exe init`, which its parent takes for done long before this tracepoint. And one inside: runc
 * executes a sealed copy of itself (CVE-2019-5736), and nothing but the runtime executes a program of the same size to
 * which no path leads. */
static __always_inline bool is_same_runtime(struct task_struct *task, struct entrant *entrant, u32 workload)
{
	u64 size = entrant->exe_size ? entrant->exe_size : parents_exe_size(task);

	if (!size || exe_size(task) != size)
		return false;
	if (workload != entrant->workload)
		return workload == NO_WORKLOAD && entrant->moving;
	return !entrant->called || exe_is_pathless(task);
}

static __always_inline bool is_still_runtime(struct task_struct *task, struct entrant *entrant, u32 workload)
{
	return entrant && (is_same_runtime(task, entrant, workload) || is_systemd_executor(task));
}

/* A runtime whose move into a new workload was not seen coming (before_move) and has not been told yet: its parent
 * outside runs the same program. */
static __always_inline bool is_arriving(struct task_struct *task, struct workload *w, u32 workload)
{
	return w->phase == PHASE_SETUP && !w->leader && exe_size(task) == parents_exe_size(task) &&
	       workload_of(task_cgroup_id(BPF_CORE_READ(task, real_parent))) != workload;
}

/* The leader is the first process that makes its execve here. If that was a child of one that is still to make
 * its own (a hook that the runtime runs inside), then that one takes over. */
static __always_inline bool leads(struct workload *w, u32 tgid, bool entrant)
{
	if (!entrant && w->phase != PHASE_SETUP)
		return false;
	return !w->leader || (entrant && w->leader_parent == tgid);
}

/* Runs in the new program, before its first instruction: from here on the
 * process is the workload's own. */
static __always_inline int on_exec(struct task_struct *task)
{
	u32 workload = workload_of(task_cgroup_id(task));
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct exe_key exe = {};
	struct workload *w;
	struct event *event;
	bool entrant;

	if (is_still_runtime(task, entrant_of(tgid), workload))
		return 0;
	entrant = entrant_leave(tgid);
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (workload == NO_WORKLOAD || !w)
		return 0;
	if (!entrant && is_arriving(task, w, workload)) {
		entrant_join(workload, tgid, exe_size(task), 0);
		return 0;
	}
	if (entrant)
		bpf_map_update_elem(&settled, &tgid, &workload, BPF_ANY);
	if (!exe_remember(task, workload, &exe))
		lose(workload, LOSS_EXES_FULL);
	if (!leads(w, tgid, entrant))
		return 0;
	w->leader = tgid;
	w->leader_parent = BPF_CORE_READ(task, real_parent, tgid);
	if (w->phase == PHASE_SETUP)
		w->phase = PHASE_STARTUP;
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

	if (BPF_CORE_READ(task, signal, live.counter))
		return 0; /* other threads of the process live on */
	entrant_leave(tgid);
	bpf_map_delete_elem(&settled, &tgid);
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (workload == NO_WORKLOAD || !w || tgid != w->leader)
		return 0;
	w->leader = LEADER_GONE; /* its number may be given to another process */
	event = event_new(workload, EVENT_LEADER_EXIT);
	if (!event)
		return 0;
	event->exit_code = BPF_CORE_READ(task, exit_code);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
