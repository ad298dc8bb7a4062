/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* A write to cgroup.procs, seen on its way into the kernel. The kernel tells of a move only when it is done, and
 * the moved process may have made calls in its new cgroup by then. */
#pragma once

#include "entrant.h"

#define CGROUP_SUPER_MAGIC 0x27e0eb    /* include/uapi/linux/magic.h */
#define CGROUP2_SUPER_MAGIC 0x63677270
#define PID_TEXT 16		       /* bytes: more than a decimal process ID and its newline */
#define PROCS_NAME 16		       /* bytes: more than cgroup.procs and its NUL */

static __always_inline bool is_digit(u8 c)
{
	return c >= '0' && c <= '9';
}

/* The ID of the cgroup that has this directory, 0: it is of another hierarchy. */
static __always_inline u64 cgroup_of(struct inode *directory)
{
	struct kernfs_node *node = BPF_CORE_READ(directory, i_private);

	return is_chosen(BPF_CORE_READ(node, priv)) ? BPF_CORE_READ(node, id) : 0;
}

/* The ID of the cgroup whose cgroup.procs is open as fd, 0: it is another file. */
static __always_inline u64 procs_of(u32 fd)
{
	const u8 want[PROCS_NAME] = "cgroup.procs";
	struct fdtable *table = BPF_CORE_READ(current_task(), files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	u8 name[PROCS_NAME] = {};
	struct dentry *dentry;
	struct file *file;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	if (bpf_probe_read_kernel(&file, sizeof(file), &files[fd]))
		return 0;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != (controller ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC))
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	for (int i = 0; i < PROCS_NAME; i++) {
		if (name[i] != want[i])
			return 0;
	}
	return cgroup_of(BPF_CORE_READ(dentry, d_parent, d_inode));
}

/* Marks the process that is about to move as an entrant. What cannot be told here (a writer in another PID
 * namespace, another call than write) is left to on_cgroup_attach. */
static __noinline int before_move(u32 fd, u64 user, u64 size)
{
	struct workload *w;
	u8 text[PID_TEXT] = {};
	u32 pid = 0, workload;
	u64 id;

	if (bpf_probe_read_user(text, 1, (void *)user) || !is_digit(text[0]))
		return 0;
	id = procs_of(fd);
	if (!id)
		return 0;
	workload = workload_of(id);
	if (workload == NO_WORKLOAD || workload_of(task_cgroup_id(current_task())) == workload)
		return 0; /* a workload may sort its own processes */
	if (bpf_probe_read_user(text, size & (PID_TEXT - 1), (void *)user))
		return 0;
	for (int i = 0; i < PID_TEXT && is_digit(text[i]); i++)
		pid = 10 * pid + text[i] - '0';
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w || (pid && BPF_CORE_READ(current_task(), thread_pid, level)))
		return 0;
	if (!pid)
		pid = bpf_get_current_pid_tgid() >> 32;
	if (pid != w->leader)
		entrant_join(workload, pid, 0, id);
	return 0;
}

/* Only root's processes are looked at: what another user moves (a rootless engine) is told by on_cgroup_attach.
 * Most writes are longer than a process ID, or one byte that wakes somebody: those cost a comparison. A process that
 * writes 0 without a newline is missed: what it calls before its execve is filed as the workload's. */
static __always_inline bool may_move(u64 size)
{
	return unlikely(size - 2 < PID_TEXT - 2);
}
