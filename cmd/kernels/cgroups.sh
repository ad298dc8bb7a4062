# Functions that replace the guest's cgroups, which are cgroup2 alone.

# v1 CONTROLLERS…: a hierarchy each, and systemd's without one.
v1() {
	umount /sys/fs/cgroup
	mount -t tmpfs none /sys/fs/cgroup
	for name in "$@"; do
		mkdir "/sys/fs/cgroup/$name"
		mount -t cgroup -o "$name" none "/sys/fs/cgroup/$name"
	done
	mkdir /sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd
}

# hybrid: what systemd mounts on a host that is neither the one nor the other.
hybrid() {
	v1 pids memory cpu,cpuacct
	mkdir /sys/fs/cgroup/unified
	mount -t cgroup2 none /sys/fs/cgroup/unified
}

