/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the monotonic clock, and a cheaper one for short spins.
 */
#ifndef TPI_CLOCK_H
#define TPI_CLOCK_H

#include "base.h"

/*
 * CLOCK_MONOTONIC in nanoseconds.  Reading it cannot fail: each Linux has it, and
 * it needs nothing.  Only a sandbox that forbids it would, and that takes all
 * deadlines away at once: no wait could say so, for those that sleep already would
 * never know.  So it is a broken invariant, which ends the process with words.
 */
int64_t tpi_clock_now(void);

/* true if `deadline_ns` is a time (not TPAR_FOREVER) that has come. */
static inline bool
tpi_clock_passed(int64_t deadline_ns)
{
	return deadline_ns < 0 ||
	       (deadline_ns > 0 && tpi_clock_now() >= deadline_ns);
}

#endif
