/* SPDX-License-Identifier: MIT */
/*
 * take.h - how a worker finds its next task.
 *
 * In this order: if its turn has come, one from elsewhere (tpi_take_aside());
 * the own deque, newest first; HIGH tasks; other workers' deques, oldest first,
 * several at once; the injector; LOW tasks.  See doc/TOUR.md#steal.
 */
#ifndef TPI_TAKE_H
#define TPI_TAKE_H

#include "base.h"
#include "deque.h"
#include "pool.h"
#include "worker.h"

/* Tasks taken between two looks aside; a prime, to beat with nothing. */
#define TPI_TICKS_PER_LOOK 7

/* Tasks taken at once from an injector. */
#define TPI_INJECT_BATCH (TPI_DEQUE_SIZE / 2 < 32 ? TPI_DEQUE_SIZE / 2 : 32)

/* The shard that is `beyond` after this worker's own one. */
static inline struct tpi_inject *
tpi_take_shard(struct tpi_worker *w, unsigned beyond)
{
	struct tpar_pool *pool = w->pool;

	return &pool->shard[(w->index / TPI_WORKERS_PER_SHARD + beyond) %
			    pool->shards];
}

/* One task that goes before the own deque now, or NULL. */
struct tpar_future *tpi_take_aside(struct tpi_worker *worker);

/* The next task that the worker need not search for, or NULL. */
static inline struct tpar_future *
tpi_take_own(struct tpi_worker *w)
{
	struct tpar_future *f = NULL;

	if (TPI_UNLIKELY(--w->ticks == 0)) {
		f = tpi_take_aside(w);
	}
	return f != NULL ? f : tpi_deque_pop_owner(&w->deque);
}

/* The next blocking task; NULL: there is none, or somebody else takes it. */
struct tpar_future *tpi_take_blocking(struct tpar_pool *pool);

/* One look at everything else; a batch may go to the own deque. */
struct tpar_future *tpi_take_scan(struct tpi_worker *worker);

/* Is somebody just taking a batch, so that a nap would not be worth it? */
bool tpi_take_busy(struct tpar_pool *pool);

#endif
