/* SPDX-License-Identifier: MIT */
/*
 * handover.c - a thread blocks in a wait and hands its place over, by src/park.c,
 * while others publish work, or fall asleep: in the end there is no work, or
 * somebody who is active or was woken will get to it.  The pool of pool.c, with
 * three threads and no more to be had.
 *
 * INJECT: of a pool of one the only active thread blocks, as a task comes from
 * outside.  PUSH: it has pushed tasks of its own before.  BACK: of a pool of two
 * one comes back from its wait and pushes a task, as the other one parks: the bit
 * that says where to look (S4).  RETIRE: the same, but there is one too many, who
 * parks between two tasks.  (The orders of S4 may be relaxed here: between the
 * bit and the push its owner has changed the sleep word, which orders them.)
 *
 * GENMC: --disable-spin-assume --unroll=5
 * CFLAGS: -DINJECT
 * CFLAGS: -DPUSH
 * CFLAGS: -DRETIRE
 * CFLAGS: -DBACK -DFENCE
 * CFLAGS: -DBACK
 * MUTANT: park.c s/tpi_pool_occupy(w->pool, w->index);//
 * MUTANT: -DFENCE deque.h s/tpi_fence_light();//
 * MUTANT: deque.h /announce/,/}/s/_seq_cst/_release/
 * MUTANT: -UBACK -DINJECT park.h /ORDER S1 seq_cst -- tpi_park_wants_wake(): leave/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UBACK -DINJECT park.c s/if (!leaves_room(pool, before)) {/if (1) {/
 * MUTANT: -UBACK -DPUSH park.c s/if (!tpi_deque_nonempty(&w->deque)) {/if (1) {/
 * MUTANT: -UBACK -DRETIRE park.c s/if (leaves_room(pool, before) &&/if (0 \&\&/
 */
#define TPI_DEQUE_SIZE 4
#include "self.h"

#include "src/park.c"

#include "src/pool.c"
#include "locks.h"

#include <assert.h>

#define WORKERS 3

static struct tpar_pool pool;
static struct tpi_worker worker[WORKERS];
static _Atomic(struct tpi_worker *) workers[WORKERS];
static struct tpi_inject shard;
static struct tpar_future task[2];

void
tpi_fence_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/* The model is over for who sleeps; if he is woken that counts. */
bool
tpi_parker_park(struct tpi_parker *parker, int64_t deadline_ns)
{
	(void)parker;
	(void)deadline_ns;
	pthread_exit(NULL);
	return true;
}

void
tpi_parker_wake(struct tpi_parker *parker)
{
	(void)parker;
}

int64_t
tpi_guard_until(struct tpi_guard *guard, struct tpi_worker *w, int64_t deadline)
{
	(void)guard;
	(void)w;
	return deadline;
}

void
tpi_guard_end(struct tpi_guard *guard, struct tpar_pool *of)
{
	(void)guard;
	(void)of;
}

int64_t
tpar_in(int64_t ns)
{
	return ns;
}

static void
push(struct tpi_worker *w, struct tpar_future *f)
{
	tpi_worker_push(w, f);
	if (pool.park.width > 1) {
		tpi_park_notify(&pool.park, &pool);
	}
}

#ifdef INJECT
static void *
producer(void *arg)
{
	tpi_inject_push(&shard, &task[1].link, &task[1].link);
	tpi_park_notify(&pool.park, &pool);
	return arg;
}
#endif

/* It runs a task that waits. */
static void *
first(void *arg)
{
	struct tpi_worker *w = &worker[0];

#ifdef PUSH
	push(w, &task[0]);
#endif
#if defined(INJECT) || defined(PUSH)
	(void)tpi_park_block(w);
#endif
#if defined(BACK) || defined(RETIRE)
	tpi_park_unblock(w);
	push(w, &task[0]);
#endif
#ifdef RETIRE
	(void)tpi_park_block(w);
#endif
	return arg;
}

/* It has nothing to do. */
static void *
second(void *arg)
{
	struct tpi_worker *w = &worker[1];
#ifdef BACK
	(void)tpi_park_sleep(w);
#endif
#ifdef RETIRE
	if (tpi_park_surplus(&pool.park)) {
		(void)tpi_park_retire(w);
	}
#endif
#ifdef PUSH
	/* The thread before it, with its last look around. */
	struct tpar_future *f;

	(void)tpi_deque_steal(&worker[0].deque, &f);
#endif
	(void)w;
	return arg;
}

static void
make_pool_of(uint32_t width, uint64_t word)
{
	unsigned i;

	pool.park.width = width;
	pool.park.search_max = 1;
	atomic_init(&pool.park.word, word);
#ifdef FENCE
	pool.park.fence = true;
#else
	pool.park.announce = true;
#endif
	pool.config.blocking_limit = WORKERS;
	pool.worker = workers;
	pool.worker_count = WORKERS;
	pool.capacity = WORKERS;
	pool.threads = WORKERS;
	pool.shards = 1;
	pool.shard = &shard;
	for (i = 0; i < tpi_pool_injectors(&pool); i++) {
		tpi_inject_init(tpi_pool_injector(&pool, i));
	}
	for (i = 0; i < WORKERS; i++) {
		worker[i].pool = &pool;
		worker[i].index = i;
		worker[i].announce = pool.park.announce;
		tpi_deque_init(&worker[i].deque);
		atomic_init(&workers[i], &worker[i]);
	}
}

/* Whatever the pool believes. */
static bool
is_work(void)
{
	return tpi_inject_nonempty(&shard) ||
	       tpi_deque_nonempty(&worker[0].deque);
}

int
main(void)
{
	pthread_t thread[3];
	uint64_t word;

#if defined(INJECT) || defined(PUSH)
	make_pool_of(1, TPI_ACTIVE);
	tpi_pool_occupy(&pool, 0);
	tpi_parked_push_locked(&worker[1]);
#endif
#ifdef BACK
	make_pool_of(2, TPI_ACTIVE + TPI_SEARCHING);
	worker[1].searching = true;
#endif
#ifdef RETIRE
	make_pool_of(1, TPI_ACTIVE);
#endif
#if defined(BACK) || defined(RETIRE)
	worker[0].blocked = 1;
	tpi_pool_occupy(&pool, 1);
#endif
	tpi_parked_push_locked(&worker[2]);
	pthread_create(&thread[0], NULL, first, NULL);
	pthread_create(&thread[1], NULL, second, NULL);
#ifdef INJECT
	pthread_create(&thread[2], NULL, producer, NULL);
	pthread_join(thread[2], NULL);
#endif
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	word = tpi_load_relaxed(&pool.park.word);
	assert(!is_work() || tpi_park_active(word) >= pool.park.width ||
	       tpi_park_searching(word) > 0);
	return 0;
}
