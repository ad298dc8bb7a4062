/* What the C library turns into system calls: each job below has siblings that another
   library, version or architecture uses instead. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void *thread(void *arg) { return arg; }

static void on_signal(int sig) { (void)sig; }

static void files(void)
{
	struct stat st;
	struct timeval now[2] = {{0}};
	char buf[64];
	int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	must(fd >= 0, "open");
	must(write(fd, "x", 1) == 1, "write");
	must(lseek(fd, 0, SEEK_SET) == 0, "lseek");
	must(read(fd, buf, 1) == 1, "read");
	must(pread(fd, buf, 1, 0) == 1, "pread");
	must(fstat(fd, &st) == 0 && stat("f", &st) == 0 && lstat("f", &st) == 0, "stat");
	must(fchmod(fd, 0600) == 0 && chmod("f", 0600) == 0, "chmod");
	must(fchown(fd, -1, -1) == 0 && chown("f", -1, -1) == 0 && lchown("f", -1, -1) == 0, "chown");
	must(ftruncate(fd, 0) == 0 && truncate("f", 0) == 0, "truncate");
	must(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL) == 0, "posix_fadvise");
	must(utimes("f", now) == 0, "utimes");
	must(access("f", R_OK) == 0 && faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS) == 0, "access");
	must(link("f", "g") == 0 && symlink("f", "h") == 0, "link");
	must(readlink("h", buf, sizeof buf) == 1, "readlink");
	must(rename("g", "i") == 0, "rename");
	must(unlink("i") == 0 && unlink("h") == 0, "unlink");
	must(mkdir("d", 0700) == 0 && rmdir("d") == 0, "mkdir");
	must(creat("j", 0600) >= 0 && remove("j") == 0, "creat");
	must(close(fd) == 0, "close");
}

static void directory(void)
{
	DIR *dir = opendir(".");

	must(dir != NULL, "opendir");
	while (readdir(dir))
		;
	closedir(dir);
}

static void streams(void)
{
	char line[64];
	FILE *f = fopen("f", "w+");

	must(f != NULL, "fopen");
	fprintf(f, "%d lines\n", 1);
	rewind(f);
	must(fgets(line, sizeof line, f) != NULL, "fgets");
	fclose(f);
	must(unlink("f") == 0, "unlink");
}

static void descriptors(void)
{
	int a[2], b[2];

	must(pipe(a) == 0 && pipe2(b, O_CLOEXEC) == 0, "pipe");
	must(dup2(a[0], 40) == 40 && dup(a[0]) >= 0, "dup");
	must(eventfd(0, 0) >= 0 && inotify_init() >= 0, "eventfd");
}

static void waiting(void)
{
	struct timeval none = {0, 1000};
	struct timespec short_time = {0, 1000};
	struct pollfd p = {.fd = 0, .events = POLLIN};
	struct epoll_event ev;
	sigset_t set;
	int ep = epoll_create(1);

	must(ep >= 0 && epoll_wait(ep, &ev, 1, 0) == 0, "epoll");
	must(poll(&p, 1, 0) >= 0, "poll");
	must(ppoll(&p, 1, &short_time, NULL) >= 0, "ppoll");
	must(select(0, NULL, NULL, NULL, &none) == 0, "select");
	must(usleep(1) == 0 && nanosleep(&short_time, NULL) == 0, "sleep");
	must(time(NULL) > 0, "time");
	sigemptyset(&set);
	must(signalfd(-1, &set, 0) >= 0, "signalfd");
}

static void signals(void)
{
	must(signal(SIGUSR1, on_signal) != SIG_ERR, "signal");
	must(raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0, "raise");
	alarm(100);
	alarm(0);
	must(getpgrp() > 0, "getpgrp");
}

static void processes(void)
{
	pthread_t t;
	pid_t pid;
	int status;
	char *argv[] = {"child", "child", NULL};
	struct rlimit limit;
	const char *program = getenv("CHILD");

	must(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0, "thread");
	must((pid = fork()) >= 0, "fork");
	if (pid == 0)
		_exit(0);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	must(posix_spawn(&pid, program ? program : "/proc/self/exe", NULL, NULL, argv, environ) == 0, "spawn");
	must(waitpid(pid, &status, 0) == pid && status == 0, "wait for the spawned");
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0, "rlimit");
}

static void network(void)
{
	int s[2];
	char c;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
	must(send(s[0], "x", 1, 0) == 1 && recv(s[1], &c, 1, 0) == 1, "send");
}

static void memory(void)
{
	void *small = malloc(100), *large = malloc(1 << 20);

	must(small && large && (large = realloc(large, 4 << 20)), "malloc");
	free(small);
	free(large);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	files();
	directory();
	streams();
	descriptors();
	waiting();
	signals();
	processes();
	network();
	memory();
	puts("done");
	return 0;
}
