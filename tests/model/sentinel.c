/* SPDX-License-Identifier: MIT */
/*
 * sentinel.c - a computation begins, whose forks nobody sees, while others fall
 * asleep: in the end somebody is awake or being woken for them, or sleeps with a
 * timeout.
 *
 * PARK: a worker parks, and another one sleeps as the sentinel of a computation
 * that has just ended.  BLOCK: a worker blocks in a wait, and another one sleeps
 * until woken.  FOUND: the same, but the worker was the last to search and has
 * found something else.
 *
 * CFLAGS: -DFOUND
 * CFLAGS: -DBLOCK
 * CFLAGS: -DPARK
 * MUTANT: guard.h /ORDER L6 seq_cst -- tpi_guard_needed/,/;/s/_seq_cst/_relaxed/
 * MUTANT: guard.h /ORDER L6 seq_cst -- tpi_guard_enter/,/;/s/_seq_cst/_relaxed/
 * MUTANT: guard.c /ORDER L6 seq_cst -- resign/,/;/s/_seq_cst/_relaxed/g
 * MUTANT: guard.c /ORDER L6 seq_cst -- become/,/;/s/_seq_cst/_release/
 * MUTANT: guard.c /while (!tpi_guard_needed/,/^	}/s/resign(guard, pool);/return deadline;/
 * MUTANT: guard.c /while (!tpi_guard_needed/,/^	}/s/resign(guard, pool);/& return deadline;/
 * MUTANT: -UPARK -DBLOCK -DNO_LOOK
 * MUTANT: -UPARK -DFOUND -DNO_LOOK
 */
#include "src/guard.c"

#include <assert.h>
#include <pthread.h>

#define SLEEPER 1
#define WORKER 2
#define WORKERS 3

static struct tpar_pool pool;
static struct tpi_worker worker[WORKERS];
static struct tpi_guard guard[WORKERS];
static int64_t until[WORKERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int parked[WORKERS]; /* [m:lock] a stack */
static int parked_count;    /* [m:lock] */
static int woken[WORKERS];  /* [m:lock] */

int64_t
tpi_clock_now(void)
{
	return 1;
}

/* As wake() of park.c. */
bool
tpi_park_wake_one(struct tpar_pool *of)
{
	pthread_mutex_lock(&lock);
	if (tpi_park_wants_wake(&of->park) && parked_count > 0) {
		woken[parked[--parked_count]] = 1;
		tpi_park_enter(&of->park, TPI_ACTIVE + TPI_SEARCHING);
	}
	pthread_mutex_unlock(&lock);
	return true;
}

/* Its computation has ended, and another one begins. */
static void *
root(void *arg)
{
#ifdef PARK
	tpi_guard_leave(&pool);
#endif
	tpi_guard_enter(&pool);
	tpi_park_notify(&pool.park, &pool);
	return arg;
}

#ifdef PARK
/* It has looked, and sleeps on. */
static void *
sleeper(void *arg)
{
	until[SLEEPER] = tpi_guard_until(&guard[SLEEPER], &worker[SLEEPER], 0);
	return arg;
}

static void
park(void)
{
	pthread_mutex_lock(&lock);
	parked[parked_count++] = WORKER;
	(void)tpi_park_leave(&pool.park, TPI_ACTIVE + TPI_SEARCHING);
	pthread_mutex_unlock(&lock);
	until[WORKER] = tpi_guard_until(&guard[WORKER], &worker[WORKER], 0);
}

static bool
is_woken(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = woken[WORKER] != 0;
	woken[WORKER] = 0;
	pthread_mutex_unlock(&lock);
	return is;
}

/* If it is woken it finds nothing. */
static void *
other(void *arg)
{
	park();
	if (is_woken()) {
		tpi_guard_end(&guard[WORKER], &pool);
		park();
	}
	return arg;
}
#endif

#ifdef BLOCK
/* As tpi_park_block(), without any work to be seen. */
static void *
other(void *arg)
{
	(void)tpi_park_leave(&pool.park, TPI_ACTIVE);
#ifndef NO_LOOK
	if (tpi_guard_missing(&pool)) {
		(void)tpi_park_wake_one(&pool);
	}
#endif
	return arg;
}
#endif

#ifdef FOUND
/* As stop_searching() of worker.c, without any work to be seen. */
static void *
other(void *arg)
{
	(void)tpi_park_leave(&pool.park, TPI_SEARCHING);
#ifndef NO_LOOK
	if (tpi_guard_needed(&pool)) {
		tpi_park_notify(&pool.park, &pool);
	}
#endif
	return arg;
}
#endif

int
main(void)
{
	pthread_t thread[3];
	int i;

	for (i = 0; i < WORKERS; i++) {
		worker[i].pool = &pool;
	}
	pool.park.width = 2;
	atomic_init(&pool.park.word, 2 * TPI_ACTIVE);
	parked[parked_count++] = SLEEPER;
#ifdef PARK
	atomic_init(&pool.park.word, 2 * TPI_ACTIVE + TPI_SEARCHING);
	atomic_init(&pool.regions, 1);
	atomic_init(&pool.sentinel, 1);
	guard[SLEEPER].is_sentinel = true;
	pthread_create(&thread[2], NULL, sleeper, NULL);
#endif
#ifdef FOUND
	atomic_init(&pool.park.word, 2 * TPI_ACTIVE + TPI_SEARCHING);
	pool.park.width = 3;
#endif
	pthread_create(&thread[0], NULL, root, NULL);
	pthread_create(&thread[1], NULL, other, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
#ifdef PARK
	pthread_join(thread[2], NULL);
#endif
	assert(woken[SLEEPER] || woken[WORKER] || until[SLEEPER] != 0 ||
	       until[WORKER] != 0);
	return 0;
}
