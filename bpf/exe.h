/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which executable a task runs, and that executable's path. */
#pragma once

#include "members.h"

/* Executable → its path, components from the last to the first. */
struct exe_key {
	u64 inode;
	u32 device;
	u32 workload; /* device numbers of containers are used again */
};

#define EXE_PATH 256

struct exe {
	u32 length;
	/* Twice the length that is used, so that the verifier sees every write in
	 * bounds. */
	u8 path[2 * EXE_PATH];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct exe_key);
	__type(value, struct exe);
} exes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exe);
} exe_scratch SEC(".maps");

/* Directories (and mounts) that a path may have; deeper ones are cut at the front. */
#define EXE_DEPTH 24

static __always_inline void exe_of(struct task_struct *task, struct exe_key *key)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	key->inode = BPF_CORE_READ(inode, i_ino);
	key->device = BPF_CORE_READ(inode, i_sb, s_dev);
}

static __always_inline u64 exe_size(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm, exe_file, f_inode, i_size);
}

/* container_of(vfsmount, struct mount, mnt), relocated. */
static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline struct vfsmount *vfsmount_of(struct mount *mount)
{
	return (void *)mount + bpf_core_field_offset(struct mount, mnt);
}

/* Whether no path leads to the task's executable: it is unlinked, was never linked (memfd), or lies
 * on a mount that hangs nowhere. */
static __always_inline bool exe_is_pathless(struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = mount_of(mnt);

	if (!BPF_CORE_READ(file, f_inode, i_nlink))
		return true;
	return BPF_CORE_READ(mount, mnt_parent) == mount && mnt != BPF_CORE_READ(task, fs, root.mnt);
}

/* Walks from the file up to the task's root, across mounts, as d_path() does:
 * bpf_d_path() is not to be had in tracepoints. Components end up NUL-terminated, the
 * file's own name first. */
static __always_inline u32 exe_walk(struct task_struct *task, u8 *out)
{
	struct vfsmount *root_mnt = BPF_CORE_READ(task, fs, root.mnt);
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	u32 used = 0;

	for (int i = 0; i < EXE_DEPTH; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		long n;

		if (!dentry || (dentry == root && mnt == root_mnt))
			break;
		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			struct mount *mount = mount_of(mnt);
			struct mount *up = BPF_CORE_READ(mount, mnt_parent);

			if (up == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mnt = vfsmount_of(up);
			continue;
		}
		n = bpf_probe_read_kernel_str(out + (used & (EXE_PATH - 1)), EXE_PATH,
					      BPF_CORE_READ(dentry, d_name.name));
		if (n <= 0 || used + n >= EXE_PATH)
			break;
		used += n;
		if (dentry == parent)
			break;
		dentry = parent;
	}
	return used;
}

/* Keeps the path of the task's executable, once; false: there is no room for it. */
static __always_inline bool exe_remember(struct task_struct *task, u32 workload,
					 struct exe_key *key)
{
	u32 zero = 0;
	struct exe *exe;

	exe_of(task, key);
	key->workload = workload;
	if (bpf_map_lookup_elem(&exes, key))
		return true;
	exe = bpf_map_lookup_elem(&exe_scratch, &zero);
	if (!exe)
		return true;
	exe->length = exe_walk(task, exe->path);
	return !bpf_map_update_elem(&exes, key, exe, BPF_ANY);
}
