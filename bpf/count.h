/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The first call of each (workload, phase, ABI, number): gives it a counter and keeps
 * who made it. Everything after it takes the shortcut in struct workload. */
#pragma once

#include "phase.h"

/* Inserts key with what is taken from `pool`, unless somebody was faster. Returns
 * the slot that the key has now, 0 if it cannot have one. */
static __always_inline u32 claim(void *pool, struct call_key *key, struct first_call *first)
{
	struct first_call *winner;
	long err;

	if (bpf_map_pop_elem(pool, &first->slot)) {
		lose(key->workload, LOSS_CALLS_FULL);
		return 0;
	}
	err = bpf_map_update_elem(&calls, key, first, BPF_NOEXIST);
	if (!err)
		return first->slot;
	bpf_map_push_elem(pool, &first->slot, BPF_ANY);
	winner = bpf_map_lookup_elem(&calls, key);
	if (winner)
		return winner->slot;
	lose(key->workload, LOSS_CALLS_FAILED);
	return 0;
}

/* Where the shortcut to a counter is, NULL if it has none. */
static __always_inline u16 *shortcut(struct workload *w, u32 phase, u32 abi, u32 nr)
{
	if (unlikely(abi >= FAST_ABIS || phase >= FAST_PHASES || nr >= FAST_NUMBERS))
		return NULL;
	return &w->slot[abi][phase][nr];
}

static __always_inline u32 slot_claim(struct workload *w, struct call_key *key)
{
	struct task_struct *task = current_task();
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct first_call first = {};
	struct exe_key exe = {};
	u32 slot;

	exe_of(task, &exe);
	first.time = bpf_ktime_get_ns();
	first.exe_inode = exe.inode;
	first.exe_device = exe.device;
	first.tgid = pid_tgid >> 32;
	first.tid = pid_tgid;
	bpf_get_current_comm(first.comm, sizeof(first.comm));
	slot = claim(&free_slots, key, &first);
	if (slot)
		w->last_new = first.time;
	return slot;
}

/* Returns the slot of a call that has no shortcut yet, 0 if there is none. */
static __noinline u32 slot_find(u32 workload, u32 phase, u32 abi, u32 nr)
{
	struct call_key key = {.workload = workload, .phase = phase, .abi = abi, .nr = nr};
	struct workload *w = bpf_map_lookup_elem(&workloads, &workload);
	struct first_call *first;
	u16 *fast;
	u32 slot;

	if (!w)
		return 0;
	if (nr >= NR_LIMIT) {
		lose(workload, LOSS_CALLS_RANGE);
		return 0;
	}
	first = bpf_map_lookup_elem(&calls, &key);
	slot = first ? first->slot : slot_claim(w, &key);
	fast = shortcut(w, phase, abi, nr);
	if (slot && fast)
		*fast = slot;
	return slot;
}
