/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the monotonic clock, and a cheaper one for short spins.
 */
#ifndef TPI_CLOCK_H
#define TPI_CLOCK_H

#include "base.h"

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t tpi_clock_now(void);

/* true if `deadline_ns` is a time (not TPAR_FOREVER) that has come. */
static inline bool
tpi_clock_passed(int64_t deadline_ns)
{
	return deadline_ns < 0 ||
	       (deadline_ns > 0 && tpi_clock_now() >= deadline_ns);
}

#endif
