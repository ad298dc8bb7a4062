/* Forks without threads, and writes: what is allowed of clone and ioctl for this is limited to
   some arguments. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	puts("done");
	return 0;
}
