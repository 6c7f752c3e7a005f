/* SPDX-License-Identifier: MIT */
/*
 * elastic.c - starting, waking and ending the service of blocking tasks.
 *
 * A submit queues, then sees how many serve; who stops serving takes itself off,
 * then sees the queue (B1).  So either the submit finds room for one more thread
 * and gets it, or those that serve find the task.
 */
#include "config.h"

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
#include <sched.h>

/* Counts one more.  false: there are enough. */
static bool
enter(struct tpar_pool *pool)
{
	uint32_t n = tpi_load_relaxed(&pool->elastic);

	while (n < pool->config.blocking_limit) {
		/* ORDER B1 seq_cst -- tpi_elastic_serves() */
		if (atomic_compare_exchange_weak_explicit(
			    &pool->elastic, &n, n + 1, memory_order_seq_cst,
			    memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

/* true: there are blocking tasks still. */
static bool
leave(struct tpar_pool *pool)
{
	/* ORDER B1 seq_cst -- tpi_elastic_serves(): leave, then see the queue. */
	atomic_fetch_sub_explicit(&pool->elastic, 1, memory_order_seq_cst);
	return tpi_inject_nonempty(&pool->blocking);
}

/* Nobody serves and nobody can be had: they are everybody's. */
static void
tell_others(struct tpar_pool *pool)
{
	if (!tpi_elastic_serves(pool)) {
		tpi_park_notify(&pool->park, pool);
		tpi_park_alarm();
	}
}

bool
tpi_elastic_notify(struct tpar_pool *pool)
{
	if (!tpi_inject_nonempty(&pool->blocking) || !enter(pool)) {
		return false;
	}
	if (tpi_park_wake_elastic(pool)) {
		return true;
	}
	(void)leave(pool);
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
	if (leave(w->pool)) {
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
		if (tpi_inject_busy(&pool->blocking)) {
			sched_yield();
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
	/* One too many for a while, if others were started. */
	/* ORDER B1 seq_cst -- tpi_elastic_serves() */
	atomic_fetch_add_explicit(&w->pool->elastic, 1, memory_order_seq_cst);
}

bool
tpi_elastic_has_thread(struct tpar_pool *pool)
{
	return tpi_elastic_serves(pool) || tpi_park_has_spare(pool);
}
