/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Further fields of kernel structures, beside those of ../kernel.h and ../abi.h. What follows ___ is no part of a
 * name: CO-RE relocates by what stands before it. */
#pragma once

#include "../exe.h"

struct sigset___denied {
	u64 sig[1];
} RELOCATED;

struct sigpending___denied {
	struct sigset___denied signal;
} RELOCATED;

struct kernel_siginfo {
	int si_code;
} RELOCATED;

struct signal_struct___denied {
	u32 flags;
	int group_exit_code;
} RELOCATED;

struct task_struct___denied {
	struct kernel_siginfo *last_siginfo; /* while it is stopped for a tracer: why */
	u32 ptrace;
	void *stack;
	u8 on_cpu; /* in 7.2; up to 6.18 an int, of which this is the lowest byte */
	u32 __state; /* since 5.14 */
	struct sigpending___denied pending;
	struct signal_struct___denied *signal;
} RELOCATED;

struct task_struct___old {
	long state; /* up to 5.13 */
} RELOCATED;

struct thread_info___work {
	unsigned long syscall_work; /* generic entry code: x86 since 5.11 */
} RELOCATED;

#if defined(__TARGET_ARCH_x86)
struct pt_regs___denied {
	unsigned long orig_ax;
} RELOCATED;
#define NR_FIELD orig_ax
#define TIF_SYSCALL_EMU 6 /* arch/x86/include/asm/thread_info.h, up to 5.10 */
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs___denied {
	s32 syscallno;
} RELOCATED;
#define NR_FIELD syscallno
#define TIF_SYSCALL_EMU 12 /* arch/arm64/include/asm/thread_info.h */
#endif

#define PT_PTRACED 1	       /* include/linux/ptrace.h */
#define STOP_SECCOMP (7 << 8 | 5) /* include/uapi/linux/ptrace.h: PTRACE_EVENT_SECCOMP, SIGTRAP */
#define SYSCALL_WORK_EMU 8     /* include/linux/thread_info.h */
#define TASK_INTERRUPTIBLE 1   /* include/linux/sched.h; bits above the lowest eight do not matter here */
#define TASK_STATES 0xff
#define SECCOMP_MODE_DEAD 3    /* kernel/seccomp.c, since 5.16: a KILL is under way */
#define SIGNAL_GROUP_EXIT (4 | 8) /* include/linux/sched/signal.h: and _COREDUMP, which ends in it */
#define SIGKILL 9
#define SIGCHLD 17
#define SIGSYS 31
#define SYS_SECCOMP 1	       /* include/uapi/asm-generic/siginfo.h */
#define E2BIG 7
#define ENOSYS 38
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

/* Where the registers of user space are while a task is in the kernel. */
static __always_inline void *regs_of(struct task_struct *task)
{
	void *stack = BPF_CORE_READ((struct task_struct___denied *)task, stack);

	return stack + THREAD_SIZE - bpf_core_type_size(struct pt_regs___denied);
}

static __always_inline void *regs_of_current(struct task_struct *task)
{
	if (HAVE_TASK_PT_REGS && HAVE_CURRENT_TASK_BTF)
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return regs_of(task);
}

static __always_inline bool is_traced(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___denied *)task, ptrace) & PT_PTRACED;
}

/* Whether a tracer lets the task's calls end before they begin (PTRACE_SYSEMU). */
static __always_inline bool is_emulated(struct task_struct *task)
{
	struct thread_info___work *work = (void *)&task->thread_info;

	if (bpf_core_field_exists(work->syscall_work))
		return BPF_CORE_READ(work, syscall_work) & SYSCALL_WORK_EMU;
	return BPF_CORE_READ(task, thread_info.flags) & 1UL << TIF_SYSCALL_EMU;
}

static __always_inline bool is_being_killed(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___denied *)task, pending.signal.sig[0]) & 1UL << (SIGKILL - 1);
}

/* Whether the task waits in the kernel for something that a signal can interrupt: no other wait is that of a call for
 * sure. */
static __always_inline bool is_waiting(struct task_struct *task)
{
	struct task_struct___denied *now = (void *)task;
	struct task_struct___old *old = (void *)task;
	u64 state;

	if (bpf_core_field_exists(now->__state))
		state = BPF_CORE_READ(now, __state);
	else
		state = BPF_CORE_READ(old, state);
	return !BPF_CORE_READ(now, on_cpu) && (state & TASK_STATES) == TASK_INTERRUPTIBLE;
}

/* The threads of its process that have not begun to exit. */
static __always_inline int live_threads(struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, live.counter);
}

/* What all threads of the task's process are ending with; -1: they are not. */
static __always_inline int group_exit_code(struct task_struct *task)
{
	struct task_struct___denied *now = (void *)task;

	if (!(BPF_CORE_READ(now, signal, flags) & SIGNAL_GROUP_EXIT))
		return -1;
	return BPF_CORE_READ(now, signal, group_exit_code);
}

struct bpf_iter__task {
	struct task_struct *task;
} RELOCATED;
