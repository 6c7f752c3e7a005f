/* SPDX-License-Identifier: MIT */
/*
 * errand.h - a function that each thread of a pool calls once, between two
 * tasks or while it waits.
 *
 * Errands are numbered; a worker compares the number of the pool's newest with
 * that of the last one that it knows.  doc/STATES.md#errand.
 */
#ifndef TPI_ERRAND_H
#define TPI_ERRAND_H

#include "atomics.h"
#include "base.h"
#include "pool.h"
#include "worker.h"

#include <taskpar/pool.h>

struct tpi_errand {
	struct tpi_errand *next;   /* [m:pool] the next younger one */
	uint32_t number;	   /* [c] */
	tpar_worker_fn fn;	   /* [c] */
	void *arg;		   /* [c] */
	struct tpi_parker *parker; /* [c] of who waits for it, or NULL */
	unsigned left;	  /* [m:pool] workers that have not called it */
	unsigned running; /* [m:pool] of those, who is just doing so */
};

/* This worker is one of those that errands are for; those before are not. */
void tpi_errand_begin(struct tpi_worker *worker);

/* It is no more, after those that it still owes. */
void tpi_errand_end(struct tpi_worker *worker);

void tpi_errand_run(struct tpi_worker *worker);

/*
 * Calls what the calling worker owes; it holds no lock.  true: there was
 * something, which may have taken wake-ups that were meant for the caller.
 */
static inline bool
tpi_errand_check(struct tpi_worker *w)
{
	if (TPI_LIKELY(tpi_load_relaxed(&w->pool->errands) == w->errand)) {
		return false;
	}
	tpi_errand_run(w);
	return true;
}

#endif
