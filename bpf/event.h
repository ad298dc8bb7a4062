/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What user space is told of at once. */
#pragma once

#include "maps.h"

static __always_inline struct event *event_new(u32 workload, enum event_kind kind)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		lose(workload, LOSS_EVENTS_DROPPED);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	event->kind = kind;
	event->workload = workload;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	return event;
}

static __always_inline void event_send(u32 workload, enum event_kind kind)
{
	struct event *event = event_new(workload, kind);

	if (event)
		bpf_ringbuf_submit(event, 0);
}
