/* SPDX-License-Identifier: MIT */
/*
 * sentinel.h - one of those that sleep while somebody has forks, which nobody
 * sees, wakes now and then to ask for them: first soon, then every millisecond.
 * Without fork-join computations nobody does.
 */
#ifndef TPI_SENTINEL_H
#define TPI_SENTINEL_H

#include "base.h"

struct tpar_pool;
struct tpi_worker;

/* Of one sleep; all 0 at first. */
struct tpi_guard {
	bool is_sentinel;
	int64_t nap; /* nanoseconds */
};

/* Until when to sleep, if it was not to be later than deadline; 0: for ever. */
int64_t tpi_sentinel_until(struct tpi_guard *guard, struct tpi_worker *worker,
			   int64_t deadline_ns);

/* It has slept for its time: somebody is woken if there is something to be had. */
void tpi_sentinel_look(struct tpi_guard *guard, struct tpar_pool *pool);

/* It does not sleep any more. */
void tpi_sentinel_end(struct tpi_guard *guard, struct tpar_pool *pool);

#endif
