/* kinds: 20 different calls, 1,000 times each, then exit_group(): 20,001 calls in
 * all. Each fails or changes nothing. */
#include "bare.h"
#include <sys/syscall.h>

#ifndef SYS_getpgrp /* aarch64 */
#define SYS_getpgrp SYS_getgroups
#endif

static const short kinds[20] = {
	SYS_getppid, SYS_getpid,   SYS_gettid,	   SYS_getuid,	 SYS_geteuid,
	SYS_getgid,  SYS_getegid,  SYS_getpgrp,	   SYS_umask,	 SYS_sched_yield,
	SYS_close,   SYS_dup,	   SYS_lseek,	   SYS_fchmod,	 SYS_fsync,
	SYS_listen,  SYS_shutdown, SYS_getsockname, SYS_getpgid, SYS_getsid,
};

void _start(void)
{
	for (int i = 0; i < 1000; i++)
		for (int k = 0; k < 20; k++)
			call(kinds[k], -1, 0, 0, 0);
	call(SYS_exit_group, 0, 0, 0, 0);
}
