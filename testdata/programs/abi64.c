/* abi64: a 64-bit program that makes 300 64-bit getpid(), 200 by int 0x80 (number 20
 * there, which is writev here) and 100 with x32's bit. */
#include "bare.h"
#include <sys/syscall.h>

static long call80(long nr)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(0L) : "memory");
	return ret;
}

void _start(void)
{
	for (int i = 0; i < 300; i++)
		call(SYS_getpid, 0, 0, 0, 0);
	for (int i = 0; i < 200; i++)
		call80(20);
	for (int i = 0; i < 100; i++)
		call(0x40000000 + SYS_getpid, 0, 0, 0, 0);
	call(SYS_exit_group, 0, 0, 0, 0);
}
