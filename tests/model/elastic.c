/* SPDX-License-Identifier: MIT */
/*
 * elastic.c - blocking tasks are queued while the only thread stops serving, or
 * parks: in the end somebody has taken them, or is awake for them.
 *
 * SERVE: the thread serves, sees an empty queue and parks; the limit is one.
 * PARK: it computes and parks, and no other one can be had.  With BOTH two are
 * submitted by two threads, one of which may be counted while the other looks.
 * (That who parks offers itself makes up for much: `lacking` may then be relaxed,
 * and serve() need not look once more.)
 *
 * GENMC: --disable-spin-assume --unroll=3
 * BLOCKED: loops that end when another thread goes on are cut
 * CFLAGS: -DSERVE
 * LONG: -DPARK -DBOTH
 * CFLAGS: -DPARK
 * MUTANT: -UPARK -DSERVE elastic.c /ORDER B1 seq_cst -- leave(): queue/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UPARK -DSERVE elastic.c /ORDER B1 seq_cst -- enter(): leave/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -DNO_OFFER -DNO_LOOK
 */
#include "src/elastic.c"

#include <assert.h>
#include <pthread.h>

static struct tpar_pool pool;
static struct tpi_worker worker;
static struct tpar_future task[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_parked;	/* [m:lock] */
static int is_searcher; /* [m:lock] woken as one */
static int is_server;	/* [m:lock] woken as one */
static _Atomic int taken;

/* All at once, as if it ran them. */
struct tpar_future *
tpi_take_blocking(struct tpar_pool *of)
{
	struct tpi_inject *q = &of->blocking;

	if (tpi_inject_enter(q)) {
		while (tpi_inject_pop(q) != NULL) {
			atomic_fetch_add_explicit(&taken, 1,
						  memory_order_relaxed);
		}
		tpi_inject_leave(q);
	}
	return NULL;
}

/* As those of park.c, which cannot start any thread. */
static bool
wake(int *as)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = is_parked != 0;
	if (is) {
		is_parked = 0;
		*as = 1;
	}
	pthread_mutex_unlock(&lock);
	return is;
}

bool
tpi_park_wake_elastic(struct tpar_pool *of)
{
	(void)of;
	return wake(&is_server);
}

bool
tpi_park_wake_one(struct tpar_pool *of)
{
	return !tpi_park_wants_wake(&of->park) || wake(&is_searcher);
}

bool
tpi_park_any_parked(struct tpar_pool *of)
{
	bool any;

	(void)of;
	pthread_mutex_lock(&lock);
	any = is_parked != 0;
	pthread_mutex_unlock(&lock);
	return any;
}

bool
tpi_park_any_free(struct tpar_pool *of)
{
	return tpi_park_active(tpi_load_relaxed(&of->park.word)) > 0;
}

void
tpi_alarm_raise(void)
{
}

static void *
submit(void *arg)
{
	struct tpar_future *f = arg;

	tpi_inject_push(&pool.blocking, &f->link, &f->link);
	(void)tpi_elastic_notify(&pool);
	return NULL;
}

#ifdef SERVE
/* As rest() of park.c. */
static void *
stop(void *arg)
{
	tpi_elastic_serve(&worker);
	pthread_mutex_lock(&lock);
	is_parked = 1;
	pthread_mutex_unlock(&lock);
#ifndef NO_OFFER
	tpi_elastic_offer(&pool);
#endif
	return arg;
}
#else
/* As sleep_locked() of park.c. */
static void *
stop(void *arg)
{
	pthread_mutex_lock(&lock);
	is_parked = 1;
	(void)tpi_park_leave(&pool.park, TPI_ACTIVE);
	pthread_mutex_unlock(&lock);
#ifndef NO_LOOK
	/* As tpi_pool_any_work(). */
	if (tpi_elastic_lacks_threads(&pool) &&
	    tpi_inject_nonempty(&pool.blocking)) {
		(void)tpi_park_wake_one(&pool);
	}
#endif
#ifndef NO_OFFER
	tpi_elastic_offer(&pool);
#endif
	return arg;
}
#endif

int
main(void)
{
	pthread_t thread[3];
	int n = 1;

	worker.pool = &pool;
	pool.park.width = 1;
	pool.config.blocking_limit = 1;
	tpi_inject_init(&pool.blocking);
#ifdef SERVE
	atomic_init(&pool.elastic, 1);
	worker.blocked = 0;
#else
	atomic_init(&pool.park.word, TPI_ACTIVE);
#endif
#ifdef BOTH
	n = 2;
	pthread_create(&thread[2], NULL, submit, &task[1]);
#endif
	pthread_create(&thread[0], NULL, submit, &task[0]);
	pthread_create(&thread[1], NULL, stop, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
#ifdef BOTH
	pthread_join(thread[2], NULL);
#endif
	/* A searcher takes them if they are everybody's. */
	assert(atomic_load_explicit(&taken, memory_order_relaxed) == n ||
	       is_server ||
	       (is_searcher && tpi_load_relaxed(&pool.lacking) != 0));
	return 0;
}
