/* SPDX-License-Identifier: MIT */
/*
 * elastic.c - starting, waking and ending the service of blocking tasks.
 *
 * A submit queues, then sees how many serve; who stops serving takes itself off,
 * then sees the queue (B1).  So either the submit finds room for one more thread
 * and gets it, or those that serve find the task.  If it finds room but no thread
 * it says so (`lacking`) before it wakes somebody, as after a push.
 */
#include "config.h"

#include "alarm.h"
#include "elastic.h"
#include "errand.h"
#include "future.h"
#include "park.h"
#include "parker.h"
#include "pool.h"
#include "run.h"
#include "take.h"
#include "worker.h"

#include <pthread.h>

/* Counts one more.  false: there are enough. */
static bool
enter(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -- leave(): queue, then see them. */
	uint32_t n = atomic_load_explicit(&pool->elastic, memory_order_seq_cst);

	while (n < pool->config.blocking_limit) {
		/* ORDER B1 seq_cst -- leave() */
		if (atomic_compare_exchange_weak_explicit(
			    &pool->elastic, &n, n + 1, memory_order_seq_cst,
			    memory_order_seq_cst)) {
			return true;
		}
	}
	return false;
}

/* true: there are blocking tasks still. */
static bool
leave(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -- enter(): leave, then see the queue. */
	atomic_fetch_sub_explicit(&pool->elastic, 1, memory_order_seq_cst);
	return tpi_inject_nonempty(&pool->blocking);
}

/* Nobody could be had: they are everybody's, until somebody is. */
static void
tell_others(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -> tpi_elastic_lacks_threads(): as a push is. */
	atomic_store_explicit(&pool->lacking, 1, memory_order_seq_cst);
	tpi_park_notify(&pool->park, pool);
	tpi_alarm_raise();
}

bool
tpi_elastic_notify(struct tpar_pool *pool)
{
	/* ENDS: a thread has been had, or none is parked any more. */
	do {
		if (!tpi_inject_nonempty(&pool->blocking) || !enter(pool)) {
			return false;
		}
		/* Before the wake: that thread sees all that was queued by now. */
		if (TPI_UNLIKELY(tpi_load_relaxed(&pool->lacking) != 0)) {
			/* ORDER B1 seq_cst -- tell_others() */
			atomic_store_explicit(&pool->lacking, 0,
					      memory_order_seq_cst);
		}
		if (tpi_park_wake_elastic(pool)) {
			return true;
		}
		(void)leave(pool);
		/* One that parks meanwhile may have found us counted. */
	} while (tpi_park_any_parked(pool));
	tell_others(pool);
	return false;
}

/* The task has called pthread_exit(), and has been ended. */
static void
abandon(void *arg)
{
	struct tpi_worker *w = arg;
	struct tpar_future *f = tpi_load_relaxed(&w->taken);

	tpi_worker_hide(w);
	tpi_future_release(f);
	w->elastic = false;
	/* Below a wait that sleeps it has left already. */
	if (w->blocked == 1 && leave(w->pool)) {
		(void)tpi_elastic_notify(w->pool);
	}
}

static void
run(struct tpi_worker *w, struct tpar_future *f)
{
	tpi_worker_show(w, f);
	pthread_cleanup_push(abandon, w);
	if (tpi_intake_begins(&w->pool->intake) && tpi_future_claim(f)) {
		tpi_run_taken(w, f);
	}
	pthread_cleanup_pop(0);
	tpi_worker_hide(w);
	tpi_future_release(f);
}

void
tpi_elastic_serve(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	struct tpar_future *f;

	w->elastic = true;
	w->blocked++;
	/* ENDS: the queue is empty, or others take what is in it. */
	do {
		while ((f = tpi_take_blocking(pool)) != NULL) {
			(void)tpi_errand_check(w);
			run(w, f);
		}
		/* Somebody else takes one, or has not quite queued it. */
		if (tpi_inject_seems_nonempty(&pool->blocking)) {
			tpi_yield();
		}
	} while (leave(pool) && enter(pool));
	w->blocked--;
	w->elastic = false;
}

void
tpi_elastic_pause(struct tpi_worker *w)
{
	if (leave(w->pool)) {
		(void)tpi_elastic_notify(w->pool);
	}
}

void
tpi_elastic_resume(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;

	/* One too many for a while, if others were started. */
	/* ORDER B1 seq_cst -- leave() */
	atomic_fetch_add_explicit(&pool->elastic, 1, memory_order_seq_cst);
	/* There was no room for one that computes, maybe; now there is. */
	if (TPI_UNLIKELY(tpi_park_wants_wake(&pool->park)) &&
	    tpi_pool_any_work(pool)) {
		(void)tpi_park_wake_one(pool);
	}
}

bool
tpi_elastic_has_thread(struct tpar_pool *pool)
{
	/* If one is free: the alarm comes if it gets nothing. */
	return tpi_elastic_serves(pool) || tpi_park_any_free(pool) ||
	       tpi_elastic_notify(pool);
}
