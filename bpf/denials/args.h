/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The arguments of a call, which the registers still hold when it returns. */
#pragma once

#include "state.h"

#define ARG(regs, field) BPF_CORE_READ((struct pt_regs___args *)regs, field)

#if defined(__TARGET_ARCH_x86)
struct pt_regs___args {
	unsigned long bx, cx, dx, si, di, bp, r8, r9, r10;
} RELOCATED;

static __always_inline void args_of(void *regs, bool compat, u64 *args)
{
	args[0] = compat ? (u32)ARG(regs, bx) : ARG(regs, di);
	args[1] = compat ? (u32)ARG(regs, cx) : ARG(regs, si);
	args[2] = compat ? (u32)ARG(regs, dx) : ARG(regs, dx);
	args[3] = compat ? (u32)ARG(regs, si) : ARG(regs, r10);
	args[4] = compat ? (u32)ARG(regs, di) : ARG(regs, r8);
	args[5] = compat ? (u32)ARG(regs, bp) : ARG(regs, r9);
}
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___args {
	u64 regs[31];
	u64 orig_x0; /* regs[0] holds what the call returns, once it has */
} RELOCATED;

static __always_inline void args_of(void *regs, bool compat, u64 *args)
{
	args[0] = ARG(regs, orig_x0);
	args[1] = ARG(regs, regs[1]);
	args[2] = ARG(regs, regs[2]);
	args[3] = ARG(regs, regs[3]);
	args[4] = ARG(regs, regs[4]);
	args[5] = ARG(regs, regs[5]);
	if (compat)
		for (int i = 0; i < ARGS; i++)
			args[i] = (u32)args[i];
}
#endif
