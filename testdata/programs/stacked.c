/* stacked: main_loop() calls outer(), which calls inner(), which makes one getppid(). Then it waits for the end of its input.
 * Compiled with -nostdlib -static -fno-omit-frame-pointer. */
#include "bare.h"
#include <sys/syscall.h>

#define FRAME __attribute__((noinline, noclone))
/* Or the call before is a jump, and a function that calls none keeps no frame, whatever the flags say. */
#define AFTER __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

FRAME void inner(void)
{
	call(SYS_getppid, 0, 0, 0, 0);
	AFTER;
}

FRAME void outer(void)
{
	inner();
	AFTER;
}

FRAME void main_loop(void)
{
	char c;

	outer();
	call(SYS_read, 0, (long)&c, 1, 0);
	AFTER;
}

void _start(void)
{
	main_loop();
	call(SYS_exit_group, 0, 0, 0, 0);
}
