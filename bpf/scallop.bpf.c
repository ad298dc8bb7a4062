//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0
/* scallop's kernel side: exact counts per (workload, phase, ABI, number).
 * docs/kernel-side.md has the reasons and the measurements. */
#include "count.h"
#include "tracepoint.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* This CPU's counter. Nothing else writes it meanwhile: docs/kernel-side.md. */
static __always_inline void add_one(u32 slot)
{
	u32 cpu = bpf_get_smp_processor_id();
	u64 *n = bpf_map_lookup_elem(&counts, &cpu);

	if (n && slot < slots_per_cpu)
		n[slot]++;
}

/* The hot path. */
static __always_inline int count(u64 cgroup, bool compat, u32 nr)
{
	u32 workload = workload_of(cgroup), phase, abi, slot = 0;
	struct workload *w;

	if (likely(workload == NO_WORKLOAD))
		return 0;
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w)
		return 0;
	phase = w->phase;
	if (unlikely(w->entrants))
		phase = entrant_phase(phase);
	if (likely(nr < FAST_NUMBERS && phase < FAST_PHASES))
		slot = w->slot[compat][phase][nr];
	if (unlikely(!slot)) {
		abi = compat ? ABI_COMPAT : nr & X32_BIT ? ABI_X32 : ABI_NATIVE;
		slot = slot_find(workload, phase, abi, abi == ABI_X32 ? nr & ~X32_BIT : nr);
		if (!slot)
			return 0; /* counted there, as a loss */
	}
	add_one(slot);
	return 0;
}

/* Where the kernel gives no typed pointer to the task: helpers. */
static __always_inline int count_read(u32 nr)
{
	bool compat = thread_compat_word(current_task()) & COMPAT_MASK;

	return count(current_cgroup_id(), compat, nr);
}

static __always_inline int count_typed(u32 nr)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	return count(typed_cgroup_id(task), thread_is_compat(&task->thread_info), nr);
}

static __always_inline void move_read(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	u64 size;

	if (!watch_moves || likely(ctx[1] != NR_WRITE))
		return;
	size = BPF_CORE_READ(regs, ARG3);
	if (may_move(size) && !BPF_CORE_READ(current_task(), cred, euid.val))
		before_move(BPF_CORE_READ(regs, ARG1), BPF_CORE_READ(regs, ARG2), size);
}

static __always_inline void move_typed(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	struct task_struct *task;

	if (!watch_moves || likely(ctx[1] != NR_WRITE) || !may_move(regs->ARG3))
		return;
	task = (void *)bpf_get_current_task_btf();
	if (!task->cred->euid.val)
		before_move(regs->ARG1, regs->ARG2, regs->ARG3);
}

/* The record (TP_STRUCT__entry of sys_enter): the number, then the arguments. */
static __always_inline void move_recorded(u64 *ctx)
{
	if (!watch_moves || likely(ctx[1] != NR_WRITE) || !may_move(ctx[4]))
		return;
	if (!BPF_CORE_READ(current_task(), cred, euid.val))
		before_move(ctx[2], ctx[3], ctx[4]);
}

SEC("tp_btf/sys_enter")
int sys_enter(u64 *ctx)
{
	if (!HAVE_CURRENT_TASK_BTF) {
		move_read(ctx);
		return count_read(ctx[1]);
	}
	move_typed(ctx);
	return count_typed(ctx[1]);
}

SEC("raw_tp/sys_enter")
int sys_enter_raw(u64 *ctx)
{
	move_read(ctx);
	return count_read(ctx[1]);
}

static __always_inline int enter_recorded(u64 *ctx)
{
	move_recorded(ctx);
	return HAVE_CURRENT_TASK_BTF ? count_typed(ctx[1]) : count_read(ctx[1]);
}

PERF_TRACEPOINT(raw_syscalls, sys_enter, enter_recorded(ctx))

TRACEPOINT(cgroup_mkdir, on_cgroup_mkdir((void *)ctx[0], (void *)ctx[1]))
TRACEPOINT(cgroup_attach_task, on_cgroup_attach((void *)ctx[0], (void *)ctx[2], ctx[3]))
TRACEPOINT(cgroup_rmdir, on_cgroup_rmdir((void *)ctx[0]))
TRACEPOINT(sched_wakeup_new, on_fork(current_task(), (void *)ctx[0]))
TRACEPOINT(sched_process_exec, on_exec((void *)ctx[0]))
TRACEPOINT(sched_process_exit, on_exit((void *)ctx[0]))
PERF_TRACEPOINT(sched, sched_process_exec, on_exec(current_task()))
PERF_TRACEPOINT(sched, sched_process_exit, on_exit(current_task()))
TRACEPOINT(signal_generate, on_signal(ctx[0], ctx[1], (void *)ctx[2], ctx[4]))
