/* SPDX-License-Identifier: MIT */
/*
 * elastic.h - threads for tasks that block: as many as there are such tasks, up
 * to the pool's blocking_limit, beside those that compute.
 *
 * They are threads of the pool like any other, parked when there is nothing to
 * do.  One that takes blocking tasks counts in `elastic`, not as active; a wait
 * in such a task takes it off meanwhile.  While nobody takes them they are work
 * like any other, for whoever searches.  doc/BLOCKING.md.
 */
#ifndef TPI_ELASTIC_H
#define TPI_ELASTIC_H

#include "atomics.h"
#include "base.h"
#include "pool.h"

struct tpi_worker;

/* Is there a thread that takes blocking tasks? */
static inline bool
tpi_elastic_serves(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -- tpi_elastic_serve(): queue, then see them. */
	return atomic_load_explicit(&pool->elastic, memory_order_seq_cst) > 0;
}

/*
 * After a blocking task was queued: one more thread for those, if there may be
 * one.  false: none was needed or could be had; then others have been told.
 */
bool tpi_elastic_notify(struct tpar_pool *pool);

/* The calling worker, counted in `elastic`, takes blocking tasks until none is left. */
void tpi_elastic_serve(struct tpi_worker *worker);

/* It does not while it waits in one, and does again. */
void tpi_elastic_pause(struct tpi_worker *worker);
void tpi_elastic_resume(struct tpi_worker *worker);

/* Will some thread get to the blocking tasks that are queued? */
bool tpi_elastic_has_thread(struct tpar_pool *pool);

#endif
