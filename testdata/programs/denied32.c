/* denied as a 32-bit program: its calls enter by turns as the C library makes them (SYSENTER, SYSCALL) and by int $0x80.
 * x86. Compiled with -m32 -static -pthread. */
#include "denied.c"
