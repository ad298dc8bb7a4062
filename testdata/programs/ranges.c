/* ranges: numbers that no table has: 100 times 511, 512, 5000 and 2^30-1 each, and 50
 * times -1 and 2^31-1+2^30. */
#include "bare.h"
#include <sys/syscall.h>

void _start(void)
{
	for (int i = 0; i < 100; i++) {
		call(511, 0, 0, 0, 0);
		call(512, 0, 0, 0, 0);
		call(5000, 0, 0, 0, 0);
		call((1 << 30) - 1, 0, 0, 0, 0);
	}
	for (int i = 0; i < 50; i++) {
		call(-1, 0, 0, 0, 0);
		call(0xbfffffff, 0, 0, 0, 0);
	}
	call(SYS_exit_group, 0, 0, 0, 0);
}
