/* actor: does what it is told on standard input, one letter at a time, and answers with
 * a dot on standard output when it has done it (after an execve, the new program does). Compiled
 * with -static -pthread.
 *
 *	p u g s	getppid(), getuid(), getgid(), getsid()
 *	x	execve() of itself
 *	f	fork(); the child obeys from here on, the parent again when it has ended
 *	k N\n	the same, and N is the child's process ID
 *	c	seccomp(): a filter that allows everything
 *	w N\n	write N to file descriptor 3
 *	h	getppid() for ever, in eight threads
 *	t	SIGTERM is ignored
 *	b	SIGTERM is blocked
 *	q	_exit()
 *	n	nothing
 */
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOVE 3
#define THREADS 8

static char *name = "actor";

static void confine(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void *hammer(void *unused)
{
	for (;;)
		syscall(SYS_getppid);
	return unused;
}

#define LINE 32

static int read_line(char *line)
{
	int n = 0;

	while (n < LINE && read(0, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	return n;
}

static int pass_on(void)
{
	char line[LINE];
	int n = read_line(line);

	return write(MOVE, line, n) == n;
}

/* Returns as fork() does. */
static int fork_as(void)
{
	char line[LINE + 1] = {};
	pid_t pid;

	read_line(line);
	pid = atoi(line);
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (unsigned long)&pid, .set_tid_size = 1};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void block(void)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
}

static void obey(char order)
{
	char *argv[] = {name, "again", NULL}, *envp[] = {NULL};

	switch (order) {
	case 'p':
		syscall(SYS_getppid);
		break;
	case 'u':
		syscall(SYS_getuid);
		break;
	case 'g':
		syscall(SYS_getgid);
		break;
	case 's':
		syscall(SYS_getsid, 0);
		break;
	case 'x':
		execve(name, argv, envp);
		_exit(3);
	case 'f':
		if (fork() == 0)
			break;
		wait(NULL);
		break;
	case 'k':
		switch (fork_as()) {
		case -1:
			_exit(6);
		case 0:
			break;
		default:
			wait(NULL);
		}
		break;
	case 'c':
		confine();
		break;
	case 'w':
		if (!pass_on())
			_exit(4);
		break;
	case 'h':
		for (int i = 1; i < THREADS; i++) {
			pthread_t id;

			if (pthread_create(&id, NULL, hammer, NULL))
				_exit(5);
		}
		if (write(1, ".", 1) == 1)
			hammer(NULL);
		break;
	case 't':
		signal(SIGTERM, SIG_IGN);
		break;
	case 'b':
		block();
		break;
	case 'q':
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	char order;

	name = argv[0];
	if (argc > 1 && write(1, ".", 1) != 1)
		return 1;
	while (read(0, &order, 1) == 1) {
		obey(order);
		if (write(1, ".", 1) != 1)
			return 1;
	}
	return 0;
}
