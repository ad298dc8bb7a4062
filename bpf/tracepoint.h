/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* How programs hang on tracepoints. profiler/probes.go chooses. */
#pragma once

#include "kernel.h"

/* Two programs a tracepoint: tp_btf, and raw_tracepoint where that does not load. */
#define TRACEPOINT(name, call_)                                                \
	SEC("tp_btf/" #name) int name(u64 *ctx) { return call_; }              \
	SEC("raw_tp/" #name) int name##_raw(u64 *ctx) { return call_; }

/* The third kind is for kernels that may preempt the other two: perf-style, with preemption off, and nothing
 * but the current task and the record to go by. It returns KEEP, or perf(1) loses its own records. */
#define KEEP 1
#define PERF_TRACEPOINT(group, name, call_)                                    \
	SEC("tracepoint/" #group "/" #name) int name##_perf(u64 *ctx)          \
	{                                                                      \
		call_;                                                         \
		return KEEP;                                                   \
	}
