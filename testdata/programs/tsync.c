/* tsync THREADS FILTERS: while THREADS threads make calls without a pause, of which some take a moment, the main thread
 * loads FILTERS filters into all of them (SECCOMP_FILTER_FLAG_TSYNC). The first FILTERS - 1 allow everything, the last one answers
 * getppid() with EPERM; then each thread makes 100 of these. Compiled with -static -pthread. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int denied;

static void *work(void *unused)
{
	struct timespec moment = {.tv_nsec = 50000};
	int made = 0;

	while (!denied) {
		syscall(SYS_getuid);
		nanosleep(&moment, NULL);
		sched_yield();
	}
	while (made < 100)
		made += syscall(SYS_getppid) == -1 && errno == EPERM;
	return unused;
}

static int load(unsigned int answer)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

int main(int argc, char **argv)
{
	struct timespec moment = {.tv_nsec = 1000000};
	pthread_t ids[64];
	int threads, filters;

	if (argc < 3)
		return 2;
	threads = atoi(argv[1]);
	filters = atoi(argv[2]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 3;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, NULL))
			return 1;
	for (int i = 1; i < filters; i++) {
		nanosleep(&moment, NULL);
		if (load(SECCOMP_RET_ALLOW))
			return 4;
	}
	if (load(SECCOMP_RET_ERRNO | EPERM))
		return 4;
	denied = 1;
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
