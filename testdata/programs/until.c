/* until: getppid() without a pause until SIGTERM, then prints how often. Compiled with -static. */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	stop = signal;
}

int main(void)
{
	unsigned long calls = 0;

	signal(SIGTERM, on_term);
	while (!stop) {
		syscall(SYS_getppid);
		calls++;
	}
	printf("%lu\n", calls);
	return 0;
}
