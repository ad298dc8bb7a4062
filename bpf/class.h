/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What kind of cgroup a name tells of. profiler/cgroup/class.go has the same rule for
 * cgroups that were there before. */
#pragma once

#include "maps.h"

#define CGROUP_NAME 256	  /* NAME_MAX and a NUL */
#define CONTAINER_ID 64	  /* hexadecimal digits, of every engine */
#define SUFFIX 8	  /* bytes that tell .service, .scope and .slice */

/* The last eight bytes of a name as a big-endian number. */
#define SUFFIX_SERVICE 0x2e73657276696365ULL /* .service */
#define SUFFIX_SCOPE 0x2e73636f7065ULL	     /* .scope, six bytes */
#define SUFFIX_SLICE 0x2e736c696365ULL	     /* .slice, six bytes */
#define SIX_BYTES 0xffffffffffffULL

static __always_inline bool is_hex(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Before the begin of a short name come zeros. */
static __always_inline u64 suffix_of(const u8 *name, u32 end)
{
	u64 suffix = 0;

	for (u32 i = SUFFIX; i > 0; i--)
		suffix = suffix << 8 | name[(end - i) & (CGROUP_NAME - 1)];
	return suffix;
}

static __noinline u32 class_of_name(struct cgroup *cgroup)
{
	u8 name[CGROUP_NAME] = {};
	long n = bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(cgroup, kn, name));
	u32 end = n - 1, digits = 0;
	u64 suffix;
	bool scope;

	if (n <= 1)
		return CLASS_PLAIN;
	suffix = suffix_of(name, end);
	if ((suffix & SIX_BYTES) == SUFFIX_SLICE)
		return CLASS_SLICE;
	scope = (suffix & SIX_BYTES) == SUFFIX_SCOPE;
	if (scope)
		end -= 6;
	for (u32 i = 1; i <= CONTAINER_ID; i++) {
		if (!is_hex(name[(end - i) & (CGROUP_NAME - 1)]))
			break;
		digits++;
	}
	if (digits == CONTAINER_ID)
		return CLASS_WHOLE;
	return scope || suffix == SUFFIX_SERVICE ? CLASS_UNIT : CLASS_PLAIN;
}
