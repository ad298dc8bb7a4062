/* calls THREADS CALLS: THREADS threads make CALLS getppid() each.
 * Compiled with -static -pthread. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls;

static void *work(void *unused)
{
	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	return unused;
}

int main(int argc, char **argv)
{
	int threads = atoi(argv[1]);
	pthread_t *ids = calloc(threads, sizeof(*ids));

	calls = argc > 2 ? atol(argv[2]) : 0;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, NULL))
			return 1;
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
