#!/bin/busybox sh
# The guest's first process. /what says what it is for.
/bin/busybox --install -s /bin
export PATH=/bin:/programs HOME=/ SCALLOP_TEST_PROGRAMS=/programs SCALLOP_TEST_REPOSITORY=/repository SCALLOP_TEST_EMULATED=1
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t tmpfs none /run
mount -t cgroup2 none /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ip link set lo up
cd /tmp || exit
. /what
poweroff -f
