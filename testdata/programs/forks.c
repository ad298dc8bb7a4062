/* forks PROCESSES CALLS DEPTH: PROCESSES children, at most 32 at a time, make CALLS
 * getppid() each and end; every one first forks a child of its own that does the
 * same, DEPTH deep. Compiled with -static. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long calls;

static int life(int depth)
{
	int status = 0;

	if (depth > 0) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(life(depth - 1));
		for (long i = 0; i < calls; i++)
			syscall(SYS_getppid);
		waitpid(pid, &status, 0);
		return status != 0;
	}
	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	return 0;
}

int main(int argc, char **argv)
{
	int processes = atoi(argv[1]), running = 0, failed = 0, status;

	if (argc < 4)
		return 2;
	calls = atol(argv[2]);
	for (int i = 0; i < processes; i++) {
		pid_t pid;

		if (running == 32 && wait(&status) > 0) {
			failed |= status;
			running--;
		}
		pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(life(atoi(argv[3])));
		running++;
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
