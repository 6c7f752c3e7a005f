/* SPDX-License-Identifier: MIT */
/*
 * parked.h - the lists of a pool's threads: those that are parked, and the
 * structures of those that have ended, spare for others.  All under its lock.
 */
#ifndef TPI_PARKED_H
#define TPI_PARKED_H

#include "atomics.h"
#include "base.h"
#include "pool.h"
#include "worker.h"

static inline void
tpi_parked_push_locked(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;

	tpi_store_relaxed(&w->parked, TPI_PARKED);
	w->next = pool->parked;
	pool->parked = w;
	pool->parked_count++;
}

static inline struct tpi_worker *
tpi_parked_pop_locked(struct tpar_pool *pool)
{
	struct tpi_worker *w = pool->parked;

	if (w != NULL) {
		pool->parked = w->next;
		pool->parked_count--;
	}
	return w;
}

static inline void
tpi_parked_remove_locked(struct tpi_worker *w)
{
	struct tpi_worker **at = &w->pool->parked;

	while (*at != w) {
		at = &(*at)->next;
	}
	*at = w->next;
	w->pool->parked_count--;
	tpi_store_relaxed(&w->parked, 0);
}

static inline void
tpi_parked_push_spare_locked(struct tpi_worker *w)
{
	w->next = w->pool->spare;
	w->pool->spare = w;
}

/* The thread of `w` runs no more tasks. */
static inline void
tpi_parked_drop_locked(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;

	pool->threads--;
	if (tpi_pool_quiet_locked(pool)) {
		tpi_pool_wake_waiting_locked(pool);
	}
}

/*
 * May one thread more compute or wait?  So many as workers, and blocking_limit
 * for waits; those that serve blocking tasks have a limit of their own.  One that
 * stops serving is no longer counted there, and looks once it has parked.
 */
static inline bool
tpi_parked_room_locked(struct tpar_pool *pool)
{
	return pool->threads - pool->parked_count <
	       pool->park.width + pool->config.blocking_limit +
		       tpi_load_relaxed(&pool->elastic);
}

#endif
