/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Phases that the kernel turns, and the phase of a task. */
#pragma once

#include "leader.h"
#include "move.h"

#define SIGKILL 9
#define TRACE_SIGNAL_IGNORED 1 /* include/trace/events/signal.h */
#define SEND_SIG_PRIV 1	       /* include/linux/sched/signal.h: from the kernel */

/* Runs before the signal can wake its target: the first call of a handler is
 * in the new phase already. */
static __always_inline int on_signal(int sig, u64 info, struct task_struct *task, int result)
{
	u32 workload = workload_of(task_cgroup_id(task));
	struct workload *w;
	struct event *event;
	bool stop;

	if (workload == NO_WORKLOAD || result == TRACE_SIGNAL_IGNORED)
		return 0;
	w = bpf_map_lookup_elem(&workloads, &workload);
	if (!w || !w->leader || w->leader != BPF_CORE_READ(task, tgid))
		return 0;
	stop = w->stop_signals & (1ULL << ((sig - 1) & 63));
	if (stop && w->phase == PHASE_SHUTDOWN)
		return 0;
	if (!stop && sig != SIGKILL)
		return 0;
	if (stop)
		w->phase = PHASE_SHUTDOWN;
	event = event_new(workload, stop ? EVENT_STOP_SIGNAL : EVENT_KILL_SIGNAL);
	if (!event)
		return 0;
	event->signal = sig;
	event->from_kernel = info == SEND_SIG_PRIV;
	bpf_ringbuf_submit(event, 0);
	return 0;
}
