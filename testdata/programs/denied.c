/* denied ACTION PROCESSES THREADS ROUNDS: under a filter of its own that answers 20 calls, native and 32-bit (int $0x80), with
 * ACTION, PROCESSES children with THREADS threads each make every one of the 40 ROUNDS times, between forks, vforks,
 * execs, sleeps that a timer interrupts, and handled signals, none of which is denied. ACTION is errno, zero (an errno of
 * 0), trap, log, thread, process (what is killed), trace (with a tracer that skips the calls), alone (trace without a
 * tracer) or allow. Of a kill, each thread makes one call: which one depends on its number; with no THREADS, the child itself does.
 *
 * Prints what was denied, a line a call: "ABI NUMBER COUNT". Ends with 0 if all went as it should; with a
 * kill, the main thread of each child outlives its threads. x86_64; or denied32.c; or aarch64, without the 32-bit calls and a
 * tracer. Compiled with -static -pthread. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Calls that do nothing with arguments of 0, and that the C library does not make here by itself. */
#if defined(__x86_64__) || defined(__i386__)
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define ABI "x86_64"
#define LISTS 2
#else
#define ARCH AUDIT_ARCH_I386
#define ABI "x86"
#define LISTS 1
#endif
static const int native[] = {
	SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid, SYS_getegid, SYS_getpgrp, SYS_getpgid, SYS_getsid, SYS_getpriority,
	SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_times, SYS_getitimer, SYS_uname, SYS_sysinfo, SYS_chdir,
	SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_link,
};
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define ABI "aarch64"
#define LISTS 1
static const int native[] = {
	SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid, SYS_getegid, SYS_getpgid, SYS_getsid, SYS_getpriority,
	SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_times, SYS_getitimer, SYS_uname, SYS_sysinfo, SYS_chdir,
	SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_symlinkat, SYS_mknodat,
};
#endif
/* The same as on x86_64, by their numbers in arch/x86/entry/syscalls/syscall_32.tbl. */
static const int compat[] = {64, 24, 47, 49, 50, 65, 132, 147, 96, 159, 160, 43, 105, 122, 116, 12, 39, 40, 10, 9};

#define CALLS 20
#define ALL (LISTS * CALLS)

static const char *action;
static int threads;
static long rounds;
static char *self;
static long *killed; /* by call, shared by all processes */

static unsigned int answer(void)
{
	if (!strcmp(action, "errno"))
		return SECCOMP_RET_ERRNO | EPERM;
	if (!strcmp(action, "zero"))
		return SECCOMP_RET_ERRNO;
	if (!strcmp(action, "trap"))
		return SECCOMP_RET_TRAP;
	if (!strcmp(action, "log"))
		return SECCOMP_RET_LOG;
	if (!strcmp(action, "thread"))
		return SECCOMP_RET_KILL_THREAD;
	if (!strcmp(action, "process"))
		return SECCOMP_RET_KILL_PROCESS;
	if (!strcmp(action, "trace") || !strcmp(action, "alone"))
		return SECCOMP_RET_TRACE;
	return SECCOMP_RET_ALLOW;
}

static int kills(void) { return !strcmp(action, "thread") || !strcmp(action, "process"); }

/* The architecture first; then its list of numbers; last both verdicts. */
static int install(void)
{
	struct sock_filter filter[LISTS * (CALLS + 1) + 4];
	struct sock_fprog program = {.len = LISTS * (CALLS + 1) + 4, .filter = filter};
	const int allow = program.len - 2, deny = program.len - 1;
	int n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, CALLS + 1);
	for (int list = 0; list < LISTS; list++) {
		const int *numbers = list ? compat : native;

		filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
		for (int i = 0; i < CALLS; i++, n++)
			filter[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], deny - n - 1,
								 i == CALLS - 1 ? allow - n - 1 : 0);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer());
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void on_signal(int sig) { (void)sig; }

#if defined(__x86_64__)
static void make(int which)
{
	long ret;

	if (which < CALLS)
		__asm__ volatile("syscall"
				 : "=a"(ret)
				 : "a"((long)native[which]), "D"(0L), "S"(0L), "d"(0L)
				 : "rcx", "r11", "memory");
	else
		__asm__ volatile("int $0x80"
				 : "=a"(ret)
				 : "a"((long)compat[which - CALLS]), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
				 : "memory", "r8", "r9", "r10", "r11");
}
#else
static void make(int which)
{
#if defined(__i386__)
	if (which & 1) {
		long ret;

		__asm__ volatile("int $0x80" : "=a"(ret) : "a"(native[which]), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory");
		return;
	}
#endif
	syscall(native[which], 0L, 0L, 0L, 0L, 0L);
}
#endif

static int logs(void) { return !strcmp(action, "log"); }

/* The kernel's audit thread takes its time for each record of a kill or a log. When 64 wait, who makes another one waits,
 * too: for a minute, if it misses that there is room again, and then the record is lost. */
static void let_audit_follow(long records)
{
	struct timespec pause = {.tv_sec = records / 500, .tv_nsec = records % 500 * 2000000};

	nanosleep(&pause, NULL);
}

static void *work(void *number)
{
	struct timespec moment = {.tv_nsec = 100000};

	if (kills()) {
		let_audit_follow((long)number);
		__atomic_add_fetch(&killed[(long)number % ALL], 1, __ATOMIC_RELAXED);
		make((long)number % ALL);
		exit(9); /* not reached */
	}
	for (long i = 0; i < rounds; i++) {
		for (int which = 0; which < ALL; which++) {
			make(which);
			if (logs())
				let_audit_follow(2);
		}
		if (i % 8 == 0)
			nanosleep(&moment, NULL);
		if (i % 5 == 0)
			raise(SIGUSR1);
	}
	return NULL;
}

/* A child by each kind of fork, which ends at once, and one that makes its execve. */
static int breed(void)
{
	int failed = 0, status;

	for (int i = 0; i < 3; i++) {
		pid_t pid = i == 1 ? vfork() : fork();

		if (pid == 0 && i == 2)
			execl(self, self, "allow", "0", "0", "0", NULL);
		if (pid == 0)
			_exit(0);
		if (waitpid(pid, &status, 0) != pid || status)
			failed = 1;
	}
	return failed;
}

static int life(long process)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	pthread_t ids[64];
	int failed = 0;

	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, (void *)(process * threads + i)))
			return 1;
	setitimer(ITIMER_REAL, &never, NULL);
	failed |= breed();
	if (!threads && kills())
		work((void *)process);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return failed;
}

#if defined(__x86_64__) || defined(__i386__)
#if defined(__i386__)
#define orig_rax orig_eax
#define rax eax
#endif
/* Follows all that the child starts, and skips what the filter asks about. */
static int trace(pid_t child)
{
	int status, failed = 0;
	pid_t pid;

	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK);
	ptrace(PTRACE_CONT, child, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		struct user_regs_struct regs;
		long pass = 0;

		if (!WIFSTOPPED(status)) {
			failed |= pid == child && status;
			continue;
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			ptrace(PTRACE_GETREGS, pid, 0, &regs);
			regs.orig_rax = -1;
			regs.rax = -EPERM;
			ptrace(PTRACE_SETREGS, pid, 0, &regs);
		} else if (!(status >> 16) && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP) {
			pass = WSTOPSIG(status);
		}
		ptrace(PTRACE_CONT, pid, 0, pass);
	}
	return failed;
}
#else
static int trace(pid_t child) { return child != 0; }
#endif

static int child_of(long process)
{
	pid_t pid;

	if (strcmp(action, "trace"))
		return life(process);
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(life(process));
	}
	return trace(pid);
}

static void tell(int processes)
{
	for (int i = 0; i < ALL; i++) {
		long n = kills() ? killed[i] : (long)processes * threads * rounds;

		if (n && strcmp(action, "allow"))
			printf("%s %d %ld\n", i < CALLS ? ABI : "x86", i < CALLS ? native[i] : compat[i - CALLS], n);
	}
}

int main(int argc, char **argv)
{
	struct sigaction handled = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int processes, failed = 0, status;

	if (argc < 5)
		return 2;
	self = argv[0];
	action = argv[1];
	processes = atoi(argv[2]);
	threads = atoi(argv[3]);
	rounds = atol(argv[4]);
	killed = mmap(NULL, ALL * sizeof(*killed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGALRM, &handled, NULL);
	sigaction(SIGUSR1, &handled, NULL);
	sigaction(SIGSYS, &handled, NULL);
	if (killed == MAP_FAILED || (processes && install()))
		return 3;
	for (long i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(child_of(i));
	}
	while (wait(&status) > 0)
		if (strcmp(action, "process") && threads)
			failed |= !WIFEXITED(status) || WEXITSTATUS(status);
		else
			failed |= !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS;
	tell(processes);
	return failed;
}
