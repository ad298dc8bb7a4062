/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Counting a denial, and what must be known of tasks to tell one. */
#pragma once

#include "subtree.h"

#define NR_UNKNOWN 0xffffffff

static __always_inline u32 *workload_of_current(void)
{
	u64 id = bpf_get_current_cgroup_id();

	return bpf_map_lookup_elem(&watched, &id);
}

static __always_inline u32 *workload_of_task(struct task_struct *task)
{
	u64 id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);

	return bpf_map_lookup_elem(&watched, &id);
}

static __always_inline void denial_first(struct task_struct *task, u64 now, struct denial *first)
{
	struct inode *exe = BPF_CORE_READ(task, mm, exe_file, f_inode);
	u64 pid_tgid = bpf_get_current_pid_tgid();

	first->count = 1;
	first->first = now;
	first->last = now;
	first->exe_inode = BPF_CORE_READ(exe, i_ino);
	first->exe_device = BPF_CORE_READ(exe, i_sb, s_dev);
	first->tgid = pid_tgid >> 32;
	first->tid = pid_tgid;
	first->traced = BPF_CORE_READ((struct task_struct___denied *)task, ptrace) & PT_PTRACED;
	bpf_get_current_comm(first->comm, sizeof(first->comm));
}

static __always_inline bool denial_again(struct denial_key *key, u64 now)
{
	struct denial *denial = bpf_map_lookup_elem(&denials, key);

	if (!denial)
		return false;
	__sync_fetch_and_add(&denial->count, 1);
	denial->last = now;
	return true;
}

/* The first of its kind, unless another CPU was faster. */
static __always_inline void denial_count(struct task_struct *task, struct denial_key *key)
{
	u64 now = bpf_ktime_get_ns();
	struct denial first = {};

	if (likely(denial_again(key, now)))
		return;
	denial_first(task, now, &first);
	if (!bpf_map_update_elem(&denials, key, &first, BPF_NOEXIST))
		return;
	if (!denial_again(key, now))
		lose(LOSS_DENIALS_FULL);
}

static __always_inline u32 phase_of(u32 workload, struct task_state *state)
{
	u32 *phase = bpf_map_lookup_elem(&phases, &workload);

	if (!state->own)
		return PHASE_HANDOVER;
	return phase ? *phase : 0;
}

static __always_inline void denied(u32 workload, struct task_struct *task, struct task_state *state,
				   u32 action, u32 nr, s64 ret)
{
	bool compat = thread_compat_word(task) & COMPAT_MASK;
	struct denial_key key = {
		.ret = action == ACTION_ERRNO ? ret : 0,
		.nr = nr,
		.workload = workload,
		.phase = phase_of(workload, state),
		.abi = compat ? ABI_COMPAT : ABI_NATIVE,
		.action = action,
	};

	/* The number -1 is none of x32, though it has the bit. */
	if (!compat && nr != NR_UNKNOWN && nr & X32_BIT) {
		key.abi = ABI_X32;
		key.nr = nr & ~X32_BIT;
	}
	denial_count(task, &key);
}

/* Once, whether the task gets as far as sys_exit or not. */
static __always_inline void kill_counted(u32 workload, struct task_struct *task, struct task_state *state, u32 nr)
{
	if (state->killed)
		return;
	state->killed = 1;
	denied(workload, task, state, ACTION_KILL, nr, 0);
}

/* TRAP, and KILL since 5.16. Only the kernel sends it to the task that is running and
 * in no call: a process can forge its siginfo to itself, but needs a call for that. */
static __always_inline int on_signal_generate(int sig, u64 info, struct task_struct *task)
{
	struct task_state *state;

	if (likely(sig != SIGSYS) || task != current_task() || info <= SPECIAL_SIGINFO)
		return 0;
	if (BPF_CORE_READ((struct kernel_siginfo *)info, si_code) != SYS_SECCOMP || !workload_of_current())
		return 0;
	state = state_of(task);
	if (!state)
		state = state_new(task);
	if (state && !state->inside)
		state->trapped = 1;
	return 0;
}

static __always_inline int on_signal_deliver(int sig)
{
	struct task_state *state;

	if (likely(sig != SIGKILL && sig != SIGSYS))
		return 0;
	state = state_of(current_task());
	if (state)
		state->dying = 1;
	return 0;
}

/* Runs before the child's first instruction. Whoever comes from outside begins as a stranger. */
static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct task_state born = {.born = 1, .nr = NR_UNKNOWN};
	struct task_state *state;

	if (likely(!workload_of_task(child)))
		return 0;
	state = state_of(parent);
	if (state) {
		born.own = state->own;
		born.nr = state->nr;
	} else if (workload_of_task(parent)) {
		born.own = seccomp_mode(parent) >= SECCOMP_MODE_FILTER;
	}
	state_put(child, &born);
	return 0;
}

static __always_inline int on_exec(struct task_struct *task)
{
	struct task_state *state = state_of(task);

	if (state && seccomp_mode(task) >= SECCOMP_MODE_FILTER)
		state->own = 1;
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
	return mode == SECCOMP_MODE_FILTER && !state->inside && !state->dying &&
	       (BPF_CORE_READ(task, exit_code) & 0x7f) == SIGSYS;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct task_state *state = state_of(task);
	u32 *workload = workload_of_current();
	u64 key = (u64)task;

	if (workload && !state && seccomp_mode(task) == SECCOMP_MODE_DEAD)
		state = state_new(task);
	if (!state)
		return 0;
	if (workload && is_killed(task, state))
		kill_counted(*workload, task, state, nr_of(regs_of_current(task)));
	bpf_map_delete_elem(&tasks, &key);
	return 0;
}
