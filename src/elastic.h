/* SPDX-License-Identifier: MIT */
/*
 * elastic.h - threads for tasks that block: as many as there are such tasks, up
 * to the pool's blocking_limit, beside those that compute.
 *
 * They are threads of the pool like any other, parked when there is nothing to
 * do.  One that takes blocking tasks counts in `elastic`, not as active; a wait
 * in such a task takes it off meanwhile.  If no thread could be had the pool is
 * `lacking`: then they are work like any other, for whoever searches.
 * doc/BLOCKING.md.
 */
#ifndef TPI_ELASTIC_H
#define TPI_ELASTIC_H

#include "atomics.h"
#include "base.h"
#include "pool.h"

struct tpi_worker;

/* Is there a thread that takes blocking tasks, or will be in a moment? */
static inline bool
tpi_elastic_serves(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -- leave(): queue, then see them. */
	return atomic_load_explicit(&pool->elastic, memory_order_seq_cst) > 0;
}

/* Are blocking tasks everybody's?  For the last look of whoever parks. */
static inline bool
tpi_elastic_lacks_threads(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst <- tell_others() */
	return atomic_load_explicit(&pool->lacking, memory_order_seq_cst) != 0;
}

/*
 * After a blocking task was queued: one more thread for those, if there may be
 * one.  false: none was needed or could be had; then others have been told.
 */
bool tpi_elastic_notify(struct tpar_pool *pool);

/*
 * After the calling thread has put itself among the parked: who looked for one
 * before may have found none.
 */
static inline void
tpi_elastic_offer(struct tpar_pool *pool)
{
	/* Relaxed: the pool's lock orders it. */
	if (TPI_UNLIKELY(tpi_inject_seems_nonempty(&pool->blocking))) {
		(void)tpi_elastic_notify(pool);
	}
}

/* The calling worker, counted in `elastic`, takes blocking tasks until none is left. */
void tpi_elastic_serve(struct tpi_worker *worker);

/* It does not while it waits in one, and does again. */
void tpi_elastic_pause(struct tpi_worker *worker);
void tpi_elastic_resume(struct tpi_worker *worker);

/*
 * Will some thread get to the blocking tasks that are queued?  For who watches
 * (tpi_alarm_watch()); it may start one.
 */
bool tpi_elastic_has_thread(struct tpar_pool *pool);

#endif
