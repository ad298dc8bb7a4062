/* unsynced THREADS: THREADS threads that wait, then a filter that allows everything, loaded by the main thread without
 * SECCOMP_FILTER_FLAG_TSYNC: no other thread has it. Says "ready", and ends when its standard input does. Compiled with
 * -static -pthread. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *wait_forever(void *name)
{
	pthread_setname_np(pthread_self(), name);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, allow };
	pthread_t thread;
	char byte;

	for (int n = argc > 1 ? atoi(argv[1]) : 1; n > 0; n--)
		if (pthread_create(&thread, NULL, wait_forever, "worker"))
			return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return 3;
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
