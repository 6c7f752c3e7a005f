/* SPDX-License-Identifier: MIT */
/*
 * submit.h - what submits of one task and of many share, and the latter for the
 * library's own use.
 */
#ifndef TPI_SUBMIT_H
#define TPI_SUBMIT_H

#include "base.h"
#include "future.h"
#include "pool.h"
#include "thread.h"
#include "worker.h"

#include <taskpar/future.h>

/* Spreads outside threads over shared heaps and injector shards. */
static inline unsigned
tpi_submit_hint(void)
{
	return (uint32_t)tpi_wrap_mul(tpi_thread_hint(), 2654435761u) >> 16;
}

/*
 * The calling thread's worker if it is one of this pool's.  Not while it sleeps
 * in a wait, where it may get to run callbacks: who pushes must be active (S3).
 */
static inline struct tpi_worker *
tpi_submit_worker(struct tpar_pool *pool)
{
	struct tpi_worker *w = tpi_thread_self.worker;

	return w != NULL && w->pool == pool && TPI_LIKELY(!w->blocked) ? w
								       : NULL;
}

/* May the calling thread submit now? */
static inline bool
tpi_submit_is_open(struct tpar_pool *pool)
{
	uint32_t closed = tpi_load_relaxed(&pool->intake.closed);

	return TPI_LIKELY(closed == TPI_OPEN) ||
	       (closed == TPI_DRAINING && tpi_pool_is_callers(pool));
}

/* Do the calling thread's tasks count against queue_limit? */
static inline bool
tpi_submit_is_limited(struct tpar_pool *pool)
{
	return pool->intake.limit != 0 && tpi_submit_worker(pool) == NULL &&
	       !tpi_pool_is_callers(pool);
}

enum tpar_err tpi_submit_refuse_closed(void);
enum tpar_err tpi_submit_refuse_full(const struct tpar_pool *pool);

/* Says what is wrong with a task, or what its future looks like. */
enum tpar_err tpi_submit_check(const struct tpar_task *task,
			       struct tpi_shape *shape);

/*
 * The injector for what this thread submits from outside, or has a priority of
 * its own, or blocks.
 */
struct tpi_inject *tpi_submit_injector(struct tpar_pool *pool,
				       enum tpar_priority priority,
				       bool blocking);

/* After n such tasks were queued. */
void tpi_submit_tell(struct tpar_pool *pool, size_t n, bool blocking);

/* What flags a task may have. */
#define TPI_TASK_FLAGS (TPAR_NO_INLINE | TPAR_SHIELDED | TPAR_BLOCKING)

/*
 * tpar_submit_many() on a resolved pool.  limited: outside tasks count against
 * the pool's queue_limit.
 */
enum tpar_err tpi_submit_many(struct tpar_pool *pool,
			      const struct tpar_task *tmpl, void *args,
			      size_t arg_stride, size_t n,
			      tpar_future **futures, bool limited);

#endif
