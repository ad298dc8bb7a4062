/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The kernel structures that scallop reads, with only the fields it touches:
 * CO-RE relocates them on the running kernel. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __s64 s64;
typedef __u64 u64;

#define RELOCATED __attribute__((preserve_access_index))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct thread_info {
	unsigned long flags;
	u32 status; /* x86 only */
} RELOCATED;

struct kernfs_node {
	void *priv; /* of a directory of a cgroup file system: its cgroup */
	u64 id;
	const char *name;
} RELOCATED;

struct cgroup_root {
	int hierarchy_id;
} RELOCATED;

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} RELOCATED;

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
} RELOCATED;

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* really one for each controller */
	struct cgroup *dfl_cgrp;
} RELOCATED;

struct qstr {
	const unsigned char *name;
} RELOCATED;

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
} RELOCATED;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
	s64 i_size;
	u32 i_nlink;
	void *i_private; /* of a kernfs: the kernfs_node */
} RELOCATED;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} RELOCATED;

struct vfsmount {
	struct dentry *mnt_root;
} RELOCATED;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} RELOCATED;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} RELOCATED;

struct file {
	struct path f_path;
	struct inode *f_inode;
} RELOCATED;

struct fdtable {
	u32 max_fds;
	struct file **fd;
} RELOCATED;

struct files_struct {
	struct fdtable *fdt;
} RELOCATED;

struct fs_struct {
	struct path root;
} RELOCATED;

struct pid {
	u32 level; /* depth of the namespace that it is in, 0: the initial one */
} RELOCATED;

struct mm_struct {
	struct file *exe_file;
} RELOCATED;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
} RELOCATED;

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t euid;
} RELOCATED;

struct seccomp {
	int mode;
} RELOCATED;

struct task_struct {
	struct thread_info thread_info;
	s32 pid;
	s32 tgid;
	char comm[16];
	int exit_code;
	struct task_struct *real_parent;
	const struct cred *cred;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct signal_struct *signal;
	struct seccomp seccomp;
	struct css_set *cgroups;
} RELOCATED;

/* Up to 5.10, the helper that returns the current task as a typed pointer does
 * not exist (it came with 5.11). */
enum bpf_func_id___probe { BPF_FUNC_get_current_task_btf___probe = 158 };
#define HAVE_CURRENT_TASK_BTF                                                  \
	bpf_core_enum_value_exists(enum bpf_func_id___probe,                   \
				   BPF_FUNC_get_current_task_btf___probe)

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}
