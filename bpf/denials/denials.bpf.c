//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0
/* What seccomp filters deny, seen where it happens. On entry the kernel asks the tracer, then seccomp, then
 * fires sys_enter: a denied call has an exit and no entry. profiler/denials has the words for what is
 * found here; docs/verify.md the reasons. */
#include "judge.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Two programs a tracepoint: tp_btf, and raw_tracepoint where that does not load. */
#define TRACEPOINT(name, call_)                                                \
	SEC("tp_btf/" #name) int name(u64 *ctx) { return call_; }              \
	SEC("raw_tp/" #name) int name##_raw(u64 *ctx) { return call_; }

static __always_inline int on_sys_enter(void *regs, u32 nr)
{
	struct task_struct *task = current_task();
	u32 *workload = workload_of_current();
	struct task_state *state;

	if (likely(!workload))
		return 0;
	state = state_of(task);
	if (unlikely(!state))
		state = state_new(task);
	if (!state)
		return 0;
	state->nr = nr;
	state->inside = 1;
	state->born = 0;
	state->trapped = 0;
	state->dying = 0;
	if (judging && seccomp_mode(task) == SECCOMP_MODE_FILTER)
		judge(regs, nr, *workload, phase_of(*workload, state));
	return 0;
}

/* What else exits without having entered: the child's end of fork, vfork, clone or clone3, and a call that a
 * signal interrupted while a supervisor (SECCOMP_RET_USER_NOTIF) was being asked: it begins again. */
static __always_inline bool is_no_denial(struct task_state *state, u32 nr, s64 ret)
{
	if (state->born && !ret && (state->nr == nr || state->nr == NR_UNKNOWN))
		return true;
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

static __always_inline int on_sys_exit(void *regs, s64 ret)
{
	struct task_struct *task = current_task();
	u32 *workload = workload_of_current(), nr;
	struct task_state *state;
	int mode;

	if (likely(!workload))
		return 0;
	state = state_of(task);
	if (likely(state && state->inside)) {
		state->inside = 0;
		return 0;
	}
	mode = seccomp_mode(task);
	if (!state) {
		state = state_new(task);
		if (mode == SECCOMP_MODE_FILTER)
			lose(LOSS_UNSURE);
		if (!state || mode != SECCOMP_MODE_DEAD)
			return 0;
	}
	nr = nr_of(regs);
	if (mode == SECCOMP_MODE_DEAD)
		kill_counted(*workload, task, state, nr);
	else if (mode == SECCOMP_MODE_FILTER && !is_no_denial(state, nr, ret))
		denied(*workload, task, state, state->trapped ? ACTION_TRAP : ACTION_ERRNO, nr, ret);
	state->born = 0;
	state->trapped = 0;
	state->dying = 0;
	return 0;
}

SEC("tp_btf/sys_enter")
int sys_enter(u64 *ctx) { return on_sys_enter((void *)ctx[0], ctx[1]); }

SEC("raw_tp/sys_enter")
int sys_enter_raw(u64 *ctx) { return on_sys_enter((void *)ctx[0], ctx[1]); }

TRACEPOINT(sys_exit, on_sys_exit((void *)ctx[0], ctx[1]))
TRACEPOINT(signal_generate, on_signal_generate(ctx[0], ctx[1], (void *)ctx[2]))
TRACEPOINT(signal_deliver, on_signal_deliver(ctx[0]))
TRACEPOINT(sched_process_fork, on_fork((void *)ctx[0], (void *)ctx[1]))
TRACEPOINT(sched_process_exec, on_exec((void *)ctx[0]))
TRACEPOINT(sched_process_exit, on_exit((void *)ctx[0]))
TRACEPOINT(cgroup_mkdir, on_cgroup_mkdir((void *)ctx[0]))
TRACEPOINT(cgroup_rmdir, on_cgroup_rmdir((void *)ctx[0]))
