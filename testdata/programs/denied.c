/* denied ACTION PROCESSES THREADS CALLS: under a filter of its own that answers getppid() with ACTION,
 * PROCESSES children with THREADS threads each make CALLS getppid(), between forks, vforks, execs, sleeps that a timer
 * interrupts, and handled signals, none of which is denied. ACTION is errno, zero (an errno of 0), trap, thread, process
 * (what is killed) or allow. Ends with 0 if all went as it should; with a kill, the main thread of each child
 * outlives a thread. Compiled with -static -pthread. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int threads;
static long calls;
static char *self;

static unsigned int action_of(const char *name)
{
	if (!strcmp(name, "errno"))
		return SECCOMP_RET_ERRNO | EPERM;
	if (!strcmp(name, "zero"))
		return SECCOMP_RET_ERRNO;
	if (!strcmp(name, "trap"))
		return SECCOMP_RET_TRAP;
	if (!strcmp(name, "thread"))
		return SECCOMP_RET_KILL_THREAD;
	if (!strcmp(name, "process"))
		return SECCOMP_RET_KILL_PROCESS;
	return SECCOMP_RET_ALLOW;
}

static int install(unsigned int action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void on_signal(int sig) { (void)sig; }

static void *work(void *unused)
{
	struct timespec moment = {.tv_nsec = 100000};

	for (long i = 0; i < calls; i++) {
		syscall(SYS_getppid);
		if (i % 64 == 0)
			nanosleep(&moment, NULL);
		if (i % 50 == 0)
			raise(SIGUSR1);
	}
	return unused;
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

static int life(void)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	pthread_t ids[64];
	int failed = 0;

	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, NULL))
			return 1;
	setitimer(ITIMER_REAL, &never, NULL);
	failed |= breed();
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return failed;
}

int main(int argc, char **argv)
{
	struct sigaction handled = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int processes, failed = 0, status;

	if (argc < 5)
		return 2;
	self = argv[0];
	processes = atoi(argv[2]);
	threads = atoi(argv[3]);
	calls = atol(argv[4]);
	sigaction(SIGALRM, &handled, NULL);
	sigaction(SIGUSR1, &handled, NULL);
	sigaction(SIGSYS, &handled, NULL);
	if (processes && install(action_of(argv[1])))
		return 3;
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(life());
	}
	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status);
	return failed;
}
