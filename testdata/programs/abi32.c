/* abi32: a 32-bit program for x86 or arm, 200 getpid() (20 on both) and an exit_group().
 * Compiled with -nostdlib -static; -m32 on x86_64, -marm by arm's compiler on aarch64. */
#if defined(__i386__)
#define EXIT_GROUP 252

static long call(long nr, long a)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a) : "memory");
	return ret;
}
#elif defined(__arm__)
#define EXIT_GROUP 248

static long call(long nr, long a)
{
	register long r7 __asm__("r7") = nr;
	register long r0 __asm__("r0") = a;

	__asm__ volatile("svc #0" : "+r"(r0) : "r"(r7) : "memory");
	return r0;
}
#endif

void _start(void)
{
	for (int i = 0; i < 200; i++)
		call(20, 0);
	call(EXIT_GROUP, 0);
}
