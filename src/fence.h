/* SPDX-License-Identifier: MIT */
/*
 * fence.h - a Dekker pair of which one side is free: the frequent side puts a
 * light fence between its store and its load, the rare side a heavy one, which
 * has every running thread of the process execute a full fence meanwhile.
 *
 * Light against heavy orders as two seq_cst fences would (Goldblat, Open-Std
 * P1202); light against light orders nothing.  The deque publishes with the
 * light one, park.c looks with the heavy one; see doc/SLEEP.md#fences.
 */
#ifndef TPI_FENCE_H
#define TPI_FENCE_H

#include "atomics.h"
#include "base.h"

/* Does the system have the heavy one?  Else both sides are seq_cst. */
bool tpi_fence_available(void);

/* Only where it is available. */
void tpi_fence_heavy(void);

/* Orders the caller's stores before its later loads, for a heavy fence. */
static inline void
tpi_fence_light(void)
{
#ifdef TPI_MODEL
	/* ORDER S3 seq_cst -- tpi_fence_heavy() */
	atomic_thread_fence(memory_order_seq_cst);
#else
	/* ORDER S3 seq_cst -- tpi_fence_heavy(): of the compiler's order only. */
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

#endif
