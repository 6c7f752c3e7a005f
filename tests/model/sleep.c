/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - a worker that parks and producers that publish work: if work is
 * left at the end, the worker was woken.  With FENCE as a pool's own workers
 * publish where there is a heavy fence: for the pair of them stand two full
 * fences (fence.h).
 *
 * CFLAGS: -DFENCE=1
 * CFLAGS: -DFENCE=0
 * MUTANT: park.h /ORDER S1 seq_cst -- tpi_park_leave/,/;/s/_seq_cst/_acquire/
 * MUTANT: park.h /ORDER S1 seq_cst -- tpi_park_wants_wake(): leave/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -DNO_LOOK
 * MUTANT: -UFENCE -DFENCE=1 -DNO_LIGHT
 * GENMC: --unroll=4
 */
#include "src/park.h"

#include <assert.h>
#include <pthread.h>

static struct tpi_park park;
static _Atomic int work; /* as a deque's bottom or an injector's tail */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int parked; /* under the lock */
static int woken;  /* under the lock */

/* tpi_park_wake_one() for a pool of one thread. */
bool
tpi_park_wake_one(struct tpar_pool *pool)
{
	(void)pool;
	pthread_mutex_lock(&lock);
	if (tpi_park_wants_wake(&park) && parked) {
		parked = 0;
		woken = 1;
		tpi_park_enter(&park, TPI_ACTIVE + TPI_SEARCHING);
	}
	pthread_mutex_unlock(&lock);
	return true;
}

static void *
producer(void *arg)
{
#if FENCE
	atomic_store_explicit(&work, 1, memory_order_release);
#ifndef NO_LIGHT
	tpi_fence_light();
#endif
#else
	atomic_store_explicit(&work, 1, memory_order_seq_cst);
#endif
	tpi_park_notify(&park, NULL);
	return arg;
}

/* A searcher that has found nothing. */
static void *
worker(void *arg)
{
	pthread_mutex_lock(&lock);
	parked = 1;
	(void)tpi_park_leave(&park, TPI_ACTIVE + TPI_SEARCHING);
	pthread_mutex_unlock(&lock);
#if FENCE
	atomic_thread_fence(memory_order_seq_cst);
#endif
#ifndef NO_LOOK
	if (atomic_load_explicit(&work, memory_order_seq_cst) != 0) {
		(void)tpi_park_wake_one(NULL);
	}
#endif
	return arg;
}

int
main(void)
{
	pthread_t thread[3];

	park.width = 1;
	park.search_max = 1;
	atomic_init(&park.word, TPI_ACTIVE + TPI_SEARCHING);
	pthread_create(&thread[0], NULL, producer, NULL);
	pthread_create(&thread[1], NULL, producer, NULL);
	pthread_create(&thread[2], NULL, worker, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
	assert(woken);
	return 0;
}
