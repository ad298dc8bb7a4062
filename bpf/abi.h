/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which syscall table a call used. The numbers are known to profiler/abi.go. */
#pragma once

#include "kernel.h"

#define ABI_NATIVE 0 /* x86_64, aarch64 */
#define ABI_COMPAT 1 /* x86, arm */
#define ABI_X32 2

#if defined(__TARGET_ARCH_x86)
/* Linux 5.10 to 7.x, arch/x86/include/asm/thread_info.h: set on entry by the
 * 32-bit entry points, int 0x80 from 64-bit code included. */
#define TS_COMPAT 0x0002
/* arch/x86/include/uapi/asm/unistd.h: __X32_SYSCALL_BIT */
#define X32_BIT 0x40000000
#define thread_is_compat(ti) ((ti)->status & TS_COMPAT)
#define thread_compat_word(t) BPF_CORE_READ(t, thread_info.status)
#define COMPAT_MASK TS_COMPAT
#define NR_WRITE 1
struct pt_regs {
	unsigned long di, si, dx;
} RELOCATED;
#define ARG1 di
#define ARG2 si
#define ARG3 dx
#elif defined(__TARGET_ARCH_arm64)
/* arch/arm64/include/asm/thread_info.h: TIF_32BIT, an AArch32 process. */
#define COMPAT_MASK (1UL << 22)
#define X32_BIT 0
#define thread_is_compat(ti) ((ti)->flags & COMPAT_MASK)
#define thread_compat_word(t) BPF_CORE_READ(t, thread_info.flags)
#define NR_WRITE 64
struct pt_regs {
	u64 regs[31];
} RELOCATED;
#define ARG1 regs[0]
#define ARG2 regs[1]
#define ARG3 regs[2]
#else
#error "scallop knows x86 and arm64"
#endif
