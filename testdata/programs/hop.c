/* hop DIR THREADS CALLS: makes two threaded cgroups, a and b, below the cgroup DIR, or takes those that are there; each thread makes CALLS getsid(), and moves
 * from the one to the other after every hundred. Compiled with -static -pthread. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOP 100

static const char *names[2] = {"a", "b"};
static int threads_of[2]; /* their cgroup.threads */
static long calls;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_below(const char *dir, const char *name, const char *file)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		fail(path);
	return fd;
}

static void make(const char *dir, int i)
{
	char path[4096];
	int type;

	snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail(path);
	type = open_below(dir, names[i], "cgroup.type");
	if (write(type, "threaded", 8) != 8)
		fail("cgroup.type");
	threads_of[i] = open_below(dir, names[i], "cgroup.threads");
}

static void *hop(void *unused)
{
	for (long i = 0; i < calls; i++) {
		if (i % HOP == 0 && write(threads_of[i / HOP % 2], "0", 1) != 1)
			fail("cgroup.threads");
		syscall(SYS_getsid, 0);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int n = argc == 4 ? atoi(argv[2]) : 0;
	pthread_t ids[64];

	if (n < 1 || n > 64)
		return 2;
	calls = atol(argv[3]);
	make(argv[1], 0);
	make(argv[1], 1);
	for (int i = 0; i < n; i++)
		if (pthread_create(&ids[i], NULL, hop, NULL))
			fail("pthread_create");
	for (int i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
