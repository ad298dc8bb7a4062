/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Further fields of kernel structures, beside those of ../kernel.h and ../abi.h. What follows ___ is no part of a
 * name: CO-RE relocates by what stands before it. */
#pragma once

#include "abi.h"

struct task_struct___denied {
	u32 ptrace;
	void *stack;
} RELOCATED;

struct kernel_siginfo {
	int si_code;
} RELOCATED;

#if defined(__TARGET_ARCH_x86)
struct pt_regs___denied {
	unsigned long orig_ax;
} RELOCATED;
#define NR_FIELD orig_ax
#define STACK_PADDING 0
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___denied {
	s32 syscallno;
} RELOCATED;
#define NR_FIELD syscallno
#define STACK_PADDING 0
#endif

#define PT_PTRACED 1	       /* include/linux/ptrace.h */
#define SECCOMP_MODE_FILTER 2
#define SECCOMP_MODE_DEAD 3    /* kernel/seccomp.c, since 5.16: a KILL is under way */
#define SIGKILL 9
#define SIGSYS 31
#define SYS_SECCOMP 1	       /* include/uapi/asm-generic/siginfo.h */
#define ERESTARTSYS 512	       /* include/linux/errno.h: never reach the program */
#define ERESTART_RESTARTBLOCK 516
#define SPECIAL_SIGINFO 1UL    /* include/linux/sched/signal.h: SEND_SIG_NOINFO and _PRIV are no pointers */

/* Kernels from 5.15 on tell where a task's registers are. */
enum bpf_func_id___regs { BPF_FUNC_task_pt_regs___regs = 175 };
#define HAVE_TASK_PT_REGS                                                      \
	bpf_core_enum_value_exists(enum bpf_func_id___regs, BPF_FUNC_task_pt_regs___regs)

/* Before: at the top of its stack. THREAD_SIZE of x86_64 and arm64 with pages of 4 KiB. */
#define THREAD_SIZE 16384

static __always_inline u32 nr_of(void *regs)
{
	return BPF_CORE_READ((struct pt_regs___denied *)regs, NR_FIELD);
}

static __always_inline void *regs_of_current(struct task_struct *task)
{
	void *stack;

	if (HAVE_TASK_PT_REGS && HAVE_CURRENT_TASK_BTF)
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	stack = BPF_CORE_READ((struct task_struct___denied *)task, stack);
	return stack + THREAD_SIZE - STACK_PADDING - bpf_core_type_size(struct pt_regs___denied);
}
