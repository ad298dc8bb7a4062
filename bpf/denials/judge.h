/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Calls whose arguments decide about them: how often they were made with which arguments. Only where a filter
 * logs instead of denying, so that they do enter. */
#pragma once

#include "tell.h"

/* The calls, and which of their arguments decide: bit N for argument N. */
struct judge_key {
	u32 nr;
	u32 abi;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct judge_key);
	__type(value, u32);
} judges SEC(".maps");

struct judged_key {
	u64 args[ARGS]; /* those that do not decide are 0 */
	u32 nr;
	u32 workload;
	u8 phase;
	u8 abi;
	u8 pad[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct judged_key);
	__type(value, u64);
} judged SEC(".maps");

const volatile bool judging = false; /* set before loading, if there are judges */

static __always_inline void judged_count(struct judged_key *key)
{
	u64 one = 1, *n = bpf_map_lookup_elem(&judged, key);

	if (!n && !bpf_map_update_elem(&judged, key, &one, BPF_NOEXIST))
		return;
	n = n ?: bpf_map_lookup_elem(&judged, key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		lose(LOSS_DENIALS_FULL);
}

static __noinline int judge(void *regs, u32 nr, u32 workload)
{
	bool compat = is_compat(current_task());
	struct judged_key key = {.nr = nr, .workload = workload, .phase = phase_of(workload)};
	struct judge_key call = {};
	u32 *mask;

	key.abi = compat ? ABI_COMPAT : ABI_NATIVE;
	if (!compat && nr & X32_BIT) {
		key.abi = ABI_X32;
		key.nr &= ~X32_BIT;
	}
	call.nr = key.nr;
	call.abi = key.abi;
	mask = bpf_map_lookup_elem(&judges, &call);
	if (!mask)
		return 0;
	args_of(regs, compat, key.args);
	for (int i = 0; i < ARGS; i++)
		if (!(*mask & 1 << i))
			key.args[i] = 0;
	judged_count(&key);
	return 0;
}
