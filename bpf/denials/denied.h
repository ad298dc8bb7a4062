/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Counting a denial, and keeping who the first one was. */
#pragma once

#include "args.h"

#define NR_UNKNOWN 0xffffffff

static __always_inline bool is_compat(struct task_struct *task)
{
	return thread_compat_word(task) & COMPAT_MASK;
}

static __always_inline u32 phase_of(u32 workload)
{
	struct workload *w = bpf_map_lookup_elem(&workloads, &workload);

	if (!w)
		return 0;
	return w->entrants ? entrant_phase(w->phase) : w->phase;
}

static __always_inline void stack_keep(void *ctx, struct denial_key *key)
{
	u32 zero = 0, tgid = bpf_get_current_pid_tgid() >> 32;
	struct stack *stack = bpf_map_lookup_elem(&stack_scratch, &zero);

	if (!stack)
		return;
	stack->bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), BPF_F_USER_STACK);
	bpf_map_update_elem(&stacks, key, stack, BPF_NOEXIST); /* one more denial has a stack, or has none */
	bpf_ringbuf_output(&stacked, &tgid, sizeof(tgid), 0);  /* what does not fit is named later */
}

static __always_inline void denial_first(void *regs, u64 now, struct denial_key *key, struct denial *first)
{
	struct task_struct *task = current_task();
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct exe_key exe = {};

	exe_remember(task, key->workload, &exe);
	args_of(regs, is_compat(task), first->args);
	first->count = 1;
	first->first = now;
	first->last = now;
	first->exe_inode = exe.inode;
	first->exe_device = exe.device;
	first->tgid = pid_tgid >> 32;
	first->tid = pid_tgid;
	first->traced = is_traced(task);
	bpf_get_current_comm(first->comm, sizeof(first->comm));
}

static __always_inline bool denial_again(struct denial_key *key, u64 now)
{
	struct denial *denial = bpf_map_lookup_elem(&denials, key);

	if (!denial)
		return false;
	__sync_fetch_and_add(&denial->count, 1);
	if (denial->last < now) /* the one that became the first may have come a little later */
		denial->last = now;
	return true;
}

/* The first of its kind, unless another CPU was faster. */
static __always_inline void denial_count(void *ctx, void *regs, struct denial_key *key)
{
	u64 now = bpf_ktime_get_ns();
	struct denial first = {};

	if (likely(denial_again(key, now)))
		return;
	if (keep_stacks)
		stack_keep(ctx, key); /* before user space can find the denial */
	denial_first(regs, now, key, &first);
	if (!bpf_map_update_elem(&denials, key, &first, BPF_NOEXIST))
		return;
	if (!denial_again(key, now))
		lose(LOSS_DENIALS_FULL);
}

static __noinline int denied(void *ctx, u32 action, u32 nr, s64 ret)
{
	struct task_struct *task = current_task();
	struct denial_key key = {
		.ret = action == ACTION_ERRNO || action == ACTION_TRACE ? ret : 0,
		.nr = nr,
		.workload = workload_of_current(),
		.abi = is_compat(task) ? ABI_COMPAT : ABI_NATIVE,
		.action = action,
	};

	if (key.workload == NO_WORKLOAD)
		return 0;
	key.phase = phase_of(key.workload);
	/* The number -1 is none of x32, though it has the bit. */
	if (key.abi == ABI_NATIVE && nr != NR_UNKNOWN && nr & X32_BIT) {
		key.abi = ABI_X32;
		key.nr = nr & ~X32_BIT;
	}
	denial_count(ctx, regs_of_current(task), &key);
	return 0;
}
