/* child FILTER CALLS RESULTS: installs the filter, makes the calls, and dies of an illegal instruction, so that no
 * call needs to be allowed. x86_64.
 *
 * CALLS are struct call; what each returned goes to RESULTS, which is as long as there are calls. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { X86_64, X86, X32, GETPPID };

struct call {
	uint32_t abi; /* GETPPID: nr times getppid; the result is nanoseconds */
	uint32_t nr;
	uint64_t args[6];
};

static long call64(long nr, const uint64_t *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static long call80(long nr, const uint64_t *a)
{
	long ret;

	__asm__ volatile("push %%rbp\n\tpush %%rbx\n\t"
			 "mov 0(%%rdi), %%rbx\n\tmov 8(%%rdi), %%rcx\n\tmov 16(%%rdi), %%rdx\n\t"
			 "mov 24(%%rdi), %%rsi\n\tmov 40(%%rdi), %%rbp\n\tmov 32(%%rdi), %%rdi\n\t"
			 "int $0x80\n\tpop %%rbx\n\tpop %%rbp"
			 : "=a"(ret), "+D"(a)
			 : "a"(nr)
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
}

static long loop(uint32_t n)
{
	static const uint64_t none[6];
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < n; i++)
		call64(SYS_getppid, none);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec;
}

static void *map(const char *path, int flags, size_t *size)
{
	struct stat st;
	int fd = open(path, flags);
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(1);
	}
	*size = st.st_size;
	p = mmap(NULL, *size, flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	return p;
}

int main(int argc, char **argv)
{
	struct rlimit none = {0, 0};
	struct sock_fprog prog;
	struct call *calls;
	int64_t *results;
	size_t size, n;

	if (argc != 4)
		return 1;
	prog.filter = map(argv[1], O_RDONLY, &size);
	prog.len = size / sizeof(struct sock_filter);
	calls = map(argv[2], O_RDONLY, &size);
	n = size / sizeof(*calls);
	results = map(argv[3], O_RDWR, &size);
	if (size != n * sizeof(*results))
		return 1;
	setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		perror("install the filter");
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		struct call *c = &calls[i];

		if (c->abi == GETPPID)
			results[i] = loop(c->nr);
		else if (c->abi == X86)
			results[i] = call80(c->nr, c->args);
		else
			results[i] = call64(c->abi == X32 ? c->nr | 0x40000000 : c->nr, c->args);
	}
	__builtin_trap();
}
