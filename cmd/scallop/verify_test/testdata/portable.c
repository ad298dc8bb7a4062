/* portable FOLDER: what ordinary programs do with files, processes, threads, time and sockets, through the C library
 * alone. Starts no other program than itself, which would bring its own C library. Ends with 0 if all
 * of it works. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			perror(#x);                                            \
			exit(1);                                               \
		}                                                              \
	} while (0)

static void files(void)
{
	struct stat info;
	char text[64];
	FILE *f;
	DIR *dir;
	int fd;

	MUST(mkdir("d", 0755) == 0);
	MUST((fd = open("d/a", O_CREAT | O_RDWR | O_TRUNC, 0644)) >= 0);
	MUST(write(fd, "hello", 5) == 5 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 5) == 5);
	MUST(pread(fd, text, 5, 0) == 5 && ftruncate(fd, 3) == 0 && fsync(fd) == 0);
	MUST(fstat(fd, &info) == 0 && fchmod(fd, 0600) == 0 && close(fd) == 0);
	MUST(stat("d/a", &info) == 0 && lstat("d/a", &info) == 0 && access("d/a", R_OK) == 0);
	MUST(faccessat(AT_FDCWD, "d/a", R_OK, AT_EACCESS) == 0);
	MUST(symlink("a", "d/l") == 0 && readlink("d/l", text, sizeof(text)) == 1);
	MUST(rename("d/a", "d/b") == 0 && link("d/b", "d/c") == 0 && chmod("d/b", 0644) == 0);
	MUST((f = fopen("d/b", "w")) && fprintf(f, "%d %s\n", 1, "text") > 0 && fclose(f) == 0);
	MUST((f = fopen("d/b", "r")) && fgets(text, sizeof(text), f) && fclose(f) == 0);
	MUST((dir = opendir("d")) != NULL);
	while (readdir(dir))
		;
	MUST(closedir(dir) == 0 && getcwd(text, sizeof(text)));
	MUST(unlink("d/b") == 0 && unlink("d/c") == 0 && unlink("d/l") == 0 && rmdir("d") == 0);
}

static void processes(char *self)
{
	char *args[] = {self, NULL};
	int status, ends[2];
	pid_t pid;

	MUST(pipe(ends) == 0);
	MUST((pid = fork()) >= 0);
	if (pid == 0) {
		MUST(dup2(ends[1], 9) == 9 && write(9, "x", 1) == 1);
		_exit(3);
	}
	MUST(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	MUST(posix_spawn(&pid, self, NULL, NULL, args, environ) == 0 && waitpid(pid, &status, 0) == pid && status == 0);
	MUST((pid = vfork()) >= 0);
	if (pid == 0) {
		execve(self, args, environ);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(close(ends[0]) == 0 && close(ends[1]) == 0 && getppid() > 0 && getuid() == geteuid());
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int turns;

static void *thread(void *unused)
{
	pthread_mutex_lock(&lock);
	turns++;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&lock);
	usleep(2000);
	return unused;
}

static void threads(void)
{
	pthread_t ids[4];

	for (int i = 0; i < 4; i++)
		MUST(pthread_create(&ids[i], NULL, thread, NULL) == 0);
	pthread_mutex_lock(&lock);
	while (turns < 4)
		pthread_cond_wait(&wake, &lock);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 4; i++)
		MUST(pthread_join(ids[i], NULL) == 0);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int sig) { alarms += sig != 0; }

static void times(void)
{
	struct itimerval soon = {{0, 0}, {0, 3000}};
	struct timespec now, moment = {0, 1000000};
	struct timeval tv = {0, 1000};
	fd_set none;

	signal(SIGALRM, on_alarm);
	MUST(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	while (!alarms)
		nanosleep(&moment, NULL);
	FD_ZERO(&none);
	MUST(select(0, &none, NULL, NULL, &tv) == 0 && poll(NULL, 0, 1) == 0);
	MUST(clock_gettime(CLOCK_REALTIME, &now) == 0 && time(NULL) > 0 && clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL) == 0);
	raise(SIGALRM);
}

static void sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct epoll_event event = {.events = EPOLLIN};
	int server, client, peer, ep;
	char text[8];

	MUST((server = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && bind(server, (void *)&address, size) == 0);
	MUST(listen(server, 4) == 0 && getsockname(server, (void *)&address, &size) == 0);
	MUST((client = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && connect(client, (void *)&address, size) == 0);
	MUST((peer = accept(server, NULL, NULL)) >= 0 && send(client, "hi", 2, 0) == 2);
	MUST((ep = epoll_create1(0)) >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, peer, &event) == 0);
	MUST(epoll_wait(ep, &event, 1, 1000) == 1 && recv(peer, text, sizeof(text), 0) == 2);
	MUST(shutdown(client, SHUT_RDWR) == 0 && close(client) == 0 && close(peer) == 0 && close(server) == 0 && close(ep) == 0);
}

static void memory(void)
{
	struct rlimit limit;
	char *p = malloc(100), random[16];

	for (int i = 0; i < 12; i++)
		MUST((p = realloc(p, 4096 << i)) != NULL);
	memset(p, 1, 4096);
	free(p);
	MUST(getrandom(random, sizeof(random), 0) == sizeof(random));
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0; /* a child of its own */
	MUST(chdir(argv[1]) == 0);
	files();
	processes(argv[0]);
	threads();
	times();
	sockets();
	memory();
	puts("all of it works");
	return 0;
}
