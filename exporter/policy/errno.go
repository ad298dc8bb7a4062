package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxErrno is the kernel's MAX_ERRNO: seccomp cuts larger values to it.
const MaxErrno = 4095

// ENOSYS is the same number in every ABI that has a table but MIPS, which nobody recorded on or filters here.
const ENOSYS = 38

// Errno takes the name of an error of the kernel, e.g. ENOSYS, or its number, 0 to 4095.
func Errno(s string) (uint, error) {
	if n, ok := errnos[strings.ToUpper(s)]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > MaxErrno {
		return 0, fmt.Errorf("errno %.64q is not known: use a name like ENOSYS or EPERM, or a number from 0 to %d", s, MaxErrno)
	}
	return uint(n), nil
}
