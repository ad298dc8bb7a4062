/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Telling a denial from what only looks like it. */
#pragma once

#include "denied.h"

/* The workload of the task that is running. Bystanders come here at every call: loads cost them less than a helper does. */
static __always_inline u32 workload_here(void)
{
	if (task_storage)
		return workload_of(((struct task_struct *)bpf_get_current_task_btf())->cgroups->dfl_cgrp->kn->id);
	return workload_of_current();
}

/* A task of a workload that is not yet known. */
static __always_inline struct task_state *state_first(u32 workload)
{
	home_of(current_task(), workload);
	return state_new(typed_current());
}

/* What else exits without having entered: the child's end of fork, vfork, clone or clone3; a call that a signal
 * interrupted while a supervisor (SECCOMP_RET_USER_NOTIF) was being asked, and which begins again; what a tracer skips
 * on its own account. */
static __always_inline bool is_no_denial(struct task_struct *task, struct task_state *state, u32 nr, s64 ret)
{
	if (state->flags & BORN && !ret && (state->nr == nr || state->nr == NR_UNKNOWN))
		return true;
	if (ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK)
		return true;
	if (likely(!is_traced(task)))
		return false;
	return nr == NR_UNKNOWN || (ret == -ENOSYS && (is_emulated(task) || is_being_killed(task)));
}

/* Once, whether the task gets as far as sys_exit or not. */
static __always_inline u32 kill_once(struct task_state *state, u32 action)
{
	if (state->flags & KILLED)
		return NO_ACTION;
	state->flags |= KILLED;
	return action;
}

/* In mode DEAD only a task whose whole process is being killed comes to sys_exit: it has a signal to take. KILL_THREAD does
 * that, too, where the kernel saw no other thread; a thread that is alive now was then. */
static __always_inline u32 kill_of_exit(struct task_struct *task, struct task_state *state)
{
	return kill_once(state, live_threads(task) > 1 ? ACTION_KILL_PROCESS : ACTION_KILL);
}

/* What an exit without an entry tells. */
static __always_inline u32 action_of_exit(struct task_state *state, u32 *nr, s64 ret)
{
	struct task_struct *task = current_task();
	int mode = seccomp_mode(task);

	if (mode == SECCOMP_MODE_DEAD)
		return kill_of_exit(task, state);
	if (mode != SECCOMP_MODE_FILTER)
		return NO_ACTION;
	if (state->flags & ASKED && *nr == NR_UNKNOWN) {
		*nr = state->nr;
		return ACTION_TRACE;
	}
	if (is_no_denial(task, state, *nr, ret))
		return NO_ACTION;
	return state->flags & TRAPPED ? ACTION_TRAP : ACTION_ERRNO;
}

/* The first that is seen of a task is an exit: of a call that began before the watch, or of one that was denied. */
static __always_inline u32 action_of_first(u32 workload)
{
	struct task_state *state = state_first(workload);
	struct task_struct *task = current_task();
	int mode;

	if (!state)
		return NO_ACTION;
	mode = seccomp_mode(task);
	if (mode == SECCOMP_MODE_FILTER)
		lose(LOSS_UNSURE);
	return mode == SECCOMP_MODE_DEAD ? kill_of_exit(task, state) : NO_ACTION;
}

/* No regs: those of the current task. */
static __always_inline int on_sys_exit(void *ctx, void *regs, s64 ret)
{
	u32 workload = workload_here(), nr, action;
	struct task_state *state;

	if (likely(workload == NO_WORKLOAD))
		return 0;
	state = state_of(typed_current());
	if (likely(state && state->flags & INSIDE)) {
		state->flags = 0;
		return 0;
	}
	nr = nr_of(regs ?: regs_of_current(current_task()));
	if (is_compat(current_task()))
		ret = (s32)ret; /* a 32-bit tracer writes no more */
	if (state) {
		action = action_of_exit(state, &nr, ret);
		state->flags &= KILLED;
	} else {
		action = action_of_first(workload);
	}
	if (action != NO_ACTION)
		denied(ctx, action, nr, ret);
	return 0;
}

/* TRAP, and KILL since 5.16. Only the kernel sends it to the task that is running and
 * in no call: a process can forge its siginfo to itself, but needs a call for that. */
static __always_inline void sigsys_sent(u64 info, struct task_struct *task)
{
	u32 workload = workload_of_current();
	struct task_state *state;

	if (workload == NO_WORKLOAD || task != current_task() || info <= SPECIAL_SIGINFO)
		return;
	if (BPF_CORE_READ((struct kernel_siginfo *)info, si_code) != SYS_SECCOMP)
		return;
	state = state_of(typed_current());
	if (!state)
		state = state_first(workload);
	if (state && !(state->flags & INSIDE))
		state->flags |= TRAPPED;
}

/* The task tells its tracer (with SIGCHLD, unless that does not want it) that the filter asks. The tracer may put another
 * number in place of the call's, or -1 to skip it. */
static __always_inline void tracer_asked(void)
{
	struct task_struct *task = current_task();
	struct task_state *state;

	/* Not by exit_code: the tracer may have fetched that already. */
	if (!is_traced(task) || BPF_CORE_READ((struct task_struct___denied *)task, last_siginfo, si_code) != STOP_SECCOMP)
		return;
	state = state_of(typed_current());
	if (!state || state->flags & INSIDE)
		return;
	state->nr = nr_of(regs_of_current(task));
	state->flags |= ASKED;
}

static __always_inline int on_signal_generate(int sig, u64 info, struct task_struct *task)
{
	if (unlikely(sig == SIGSYS))
		sigsys_sent(info, task);
	else if (sig == SIGCHLD)
		tracer_asked();
	return 0;
}

static __always_inline int on_signal_deliver(int sig)
{
	struct task_state *state;

	if (likely(sig != SIGKILL && sig != SIGSYS))
		return 0;
	state = state_of(typed_current());
	if (state)
		state->flags |= DYING;
	return 0;
}

/* Runs before the child's first instruction. */
static __always_inline int on_fork(void *parent, void *child)
{
	u32 workload = workload_of(task_cgroup_id(child));
	struct task_state *state, *of_parent;

	if (likely(workload == NO_WORKLOAD)) {
		home_forget(child);
		return 0;
	}
	home_of(child, workload);
	of_parent = state_of(parent);
	state = state_new(child);
	if (!state)
		return 0;
	state->nr = of_parent ? of_parent->nr : NR_UNKNOWN;
	state->flags = BORN;
	return 0;
}

/* Whether the filter has killed the task without an exit of its call: before 5.16 always, since then
 * (mode DEAD) where KILL_THREAD leaves other threads alive. The others of a KILL_PROCESS have the same
 * exit code, but a signal was delivered to them. */
static __always_inline bool is_killed(struct task_struct *task, struct task_state *state)
{
	int mode = seccomp_mode(task);

	if (mode == SECCOMP_MODE_DEAD)
		return true;
	return mode == SECCOMP_MODE_FILTER && !(state->flags & (INSIDE | DYING)) &&
	       (BPF_CORE_READ(task, exit_code) & 0x7f) == SIGSYS;
}

/* Since 5.16 only KILL_THREAD comes here first, unless the watch began in between. Before, KILL_PROCESS ends the process
 * with SIGSYS, which KILL_THREAD does, too, if it sees no other thread. There was one if the process ends with something
 * else. */
static __always_inline u32 kill_of_end(struct task_struct *task, struct task_state *state)
{
	int code = group_exit_code(task);
	bool unsure = code < 0 ? seccomp_mode(task) != SECCOMP_MODE_DEAD && live_threads(task) == 0 : (code & 0x7f) == SIGSYS;

	return kill_once(state, unsure ? ACTION_KILL : ACTION_KILL_THREAD);
}

static __always_inline int on_exit(void *ctx)
{
	struct task_struct *task = current_task();
	struct task_state *state = state_of(typed_current());
	u32 workload = workload_of_current(), action;
	u64 key = (u64)task;

	if (unlikely(!state) && seccomp_mode(task) == SECCOMP_MODE_DEAD && workload != NO_WORKLOAD)
		state = state_first(workload);
	if (!state)
		return 0;
	action = is_killed(task, state) ? kill_of_end(task, state) : NO_ACTION;
	if (action != NO_ACTION)
		denied(ctx, action, nr_of(regs_of_current(task)), 0);
	if (!task_storage)
		bpf_map_delete_elem(&tasks, &key);
	return 0;
}

/* What the tasks are in that were there before the watch. Those that run make their next call, or
 * return from one: then LOSS_UNSURE. */
static __always_inline void seed(struct task_struct *task, void *typed)
{
	u64 key = (u64)task;
	struct task_state state = {.nr = nr_of(regs_of(task))}, *made;
	u32 workload = workload_of(task_cgroup_id(task));

	if (workload == NO_WORKLOAD)
		return;
	home_of(task, workload);
	if (state_of(typed) || !is_waiting(task))
		return;
	if (state.nr != NR_UNKNOWN)
		state.flags = INSIDE;
	if (!task_storage) {
		if (bpf_map_update_elem(&tasks, &key, &state, BPF_NOEXIST) == -E2BIG)
			lose(LOSS_TASKS_FULL);
		return;
	}
	made = bpf_task_storage_get(&tasks_own, typed, &state, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!made)
		lose(LOSS_TASKS_FULL);
}
