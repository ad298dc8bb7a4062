//go:build ignore

// SPDX-License-Identifier: MIT OR GPL-2.0
/* scallop's kernel side: exact counts per (workload, phase, ABI, number).
 * docs/kernel-side.md has the reasons and the measurements. */
#include "count.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Two programs a tracepoint: tp_btf, and raw_tracepoint where that does not load. */
#define TRACEPOINT(name, call_)                                                \
	SEC("tp_btf/" #name) int name(u64 *ctx) { return call_; }              \
	SEC("raw_tp/" #name) int name##_raw(u64 *ctx) { return call_; }

/* What the hot path needs of the current task: typed loads where the kernel
 * gives a typed pointer, helpers elsewhere. */
struct caller {
	u64 cgroup;
	u32 compat;
};

static __always_inline void caller_typed(struct caller *c)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	c->cgroup = task->cgroups->dfl_cgrp->kn->id;
	c->compat = !!thread_is_compat(&task->thread_info);
}

static __always_inline void caller_read(struct caller *c)
{
	c->cgroup = bpf_get_current_cgroup_id();
	c->compat = !!(thread_compat_word(current_task()) & COMPAT_MASK);
}

/* The hot path. */
static __always_inline int count(struct caller *c, u32 nr)
{
	u32 workload = workload_of(c->cgroup), phase, abi, key, slot = 0;
	struct workload *w;
	struct row *row;
	u64 *n;

	if (likely(workload == NO_WORKLOAD))
		return 0;
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w)
		return 0;
	phase = w->phase;
	if (unlikely(w->entrants))
		phase = entrant_phase(phase);
	abi = c->compat ? ABI_COMPAT : nr & X32_BIT ? ABI_X32 : ABI_NATIVE;
	if (abi == ABI_X32)
		nr &= ~X32_BIT;
	key = w->row[row_index(phase, abi)];
	row = bpf_map_lookup_elem(&rows, &key);
	if (likely(row && nr < ROW_NUMBERS))
		slot = row->slot[nr & (ROW_NUMBERS - 1)];
	if (unlikely(!slot)) {
		slot = slot_find(workload, phase, abi, nr);
		if (!slot)
			return 0; /* counted there, as a loss */
	}
	key = bpf_get_smp_processor_id() * slots_per_cpu + slot;
	n = bpf_map_lookup_elem(&counts, &key);
	if (n)
		(*n)++;
	return 0;
}

SEC("tp_btf/sys_enter")
int sys_enter(u64 *ctx)
{
	struct caller c;

	if (HAVE_CURRENT_TASK_BTF)
		caller_typed(&c);
	else
		caller_read(&c);
	return count(&c, ctx[1]);
}

SEC("raw_tp/sys_enter")
int sys_enter_raw(u64 *ctx)
{
	struct caller c;

	caller_read(&c);
	return count(&c, ctx[1]);
}

TRACEPOINT(cgroup_mkdir, on_cgroup_mkdir((void *)ctx[0]))
TRACEPOINT(cgroup_rmdir, on_cgroup_rmdir((void *)ctx[0]))
TRACEPOINT(sched_process_fork, on_fork((void *)ctx[0], (void *)ctx[1]))
TRACEPOINT(sched_process_exec, on_exec((void *)ctx[0]))
TRACEPOINT(sched_process_exit, on_exit((void *)ctx[0]))
TRACEPOINT(signal_generate, on_signal(ctx[0], ctx[1], (void *)ctx[2], ctx[4]))
