//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0
/* What seccomp filters deny, seen where it happens. On entry the kernel asks the tracer, then seccomp, then
 * fires sys_enter: a denied call has an exit and no entry. profiler/denials has the words for what is
 * found here; docs/denials.md the reasons. */
#include "judge.h"
#include "../tracepoint.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* The hot path, with the begin of on_sys_exit. No regs: those of the current task. */
static __always_inline int on_sys_enter(void *regs, u32 nr)
{
	u32 workload = workload_here();
	struct task_state *state;

	if (likely(workload == NO_WORKLOAD))
		return 0;
	state = state_of(typed_current());
	if (unlikely(!state))
		state = state_first(workload);
	if (!state)
		return 0;
	state->nr = nr;
	state->flags = INSIDE;
	if (judging && seccomp_mode(current_task()) == SECCOMP_MODE_FILTER)
		judge(regs ?: regs_of_current(current_task()), nr, workload);
	return 0;
}

SEC("tp_btf/sys_enter")
int sys_enter(u64 *ctx) { return on_sys_enter((void *)ctx[0], ctx[1]); }

SEC("raw_tp/sys_enter")
int sys_enter_raw(u64 *ctx) { return on_sys_enter((void *)ctx[0], ctx[1]); }

/* The records of both begin with the number, that of sys_exit goes on with what is returned. */
PERF_TRACEPOINT(raw_syscalls, sys_enter, on_sys_enter(NULL, ctx[1]))
PERF_TRACEPOINT(raw_syscalls, sys_exit, on_sys_exit(ctx, NULL, ctx[2]))
PERF_TRACEPOINT(sched, sched_process_exit, on_exit(ctx))
TRACEPOINT(sys_exit, on_sys_exit(ctx, (void *)ctx[0], ctx[1]))
TRACEPOINT(signal_generate, on_signal_generate(ctx[0], ctx[1], (void *)ctx[2]))
TRACEPOINT(signal_deliver, on_signal_deliver(ctx[0]))
TRACEPOINT(sched_process_fork, on_fork((void *)ctx[0], (void *)ctx[1]))
TRACEPOINT(sched_wakeup_new, on_fork(typed_current(), (void *)ctx[0]))
TRACEPOINT(sched_process_exit, on_exit(ctx))

/* Visits every task once. */
SEC("iter/task")
int seed_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		seed(task, task);
	return 0;
}
