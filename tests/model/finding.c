/* SPDX-License-Identifier: MIT */
/*
 * finding.c - workers are added to a pool, by src/pool.c, while others look for
 * them: whoever finds one by the count, or by its bit, finds a complete one.
 *
 * (The order of the pointer itself may be relaxed here: the count and the bit
 * come after it, and each of them is enough.)
 *
 * CFLAGS: -DBY_BIT
 * CFLAGS: -DBY_COUNT
 * CFLAGS: -DBY_BIT -DBY_COUNT
 * MUTANT: pool.c /ORDER W1 seq_cst/,/;/s/_seq_cst/_relaxed/
 * MUTANT: pool.h /ORDER W1 seq_cst/,/;/s/_seq_cst/_relaxed/
 * MUTANT: pool.h /ORDER S4 seq_cst ->/,/;/s/_seq_cst/_relaxed/
 * MUTANT: pool.h /ORDER S4 seq_cst <-/,/;/s/_seq_cst/_relaxed/
 * MUTANT: pool.c s/atomic_store_explicit(&pool->worker.n., w,/atomic_store(\&pool->worker_count, n + 1); &/
 * MUTANT: pool.c s/w = tpi_worker_create(pool, n);/tpi_pool_occupy(pool, n); &/
 * MUTANT: -DNO_LOCK
 */
#include "self.h"

#include "src/pool.c"
#include "locks.h"

#include <assert.h>

#define WORKERS 3

static struct tpar_pool pool;
static struct tpi_worker worker[WORKERS];
static _Atomic(struct tpi_worker *) workers[WORKERS];

struct tpi_worker *
tpi_worker_create(struct tpar_pool *of, unsigned index)
{
	struct tpi_worker *w = &worker[index];

	w->pool = of;
	w->index = index;
	tpi_deque_init(&w->deque);
	return w;
}

static void *
add(void *arg)
{
	struct tpi_worker *w;

	tpi_lock_enter(&pool.lock);
	w = tpi_pool_add_worker(&pool);
	assert(w == &worker[w->index]);
	tpi_lock_leave(&pool.lock);
	return arg;
}

static void
look_at(uint32_t i)
{
	struct tpi_worker *w = tpi_pool_worker(&pool, i);

	assert(w == &worker[i]);
	assert(w->pool == &pool && w->index == i);
	assert(!tpi_deque_nonempty(&w->deque));
}

#ifdef BY_BIT
/* As rob_others() of take.c: the count says only which words there are. */
static void *
by_bit(void *arg)
{
	uint64_t bits = tpi_pool_occupied(&pool, 0);

	for (; bits != 0; bits &= bits - 1) {
		look_at((uint32_t)__builtin_ctzll(bits));
	}
	return arg;
}
#endif

#ifdef BY_COUNT
static void *
by_count(void *arg)
{
	uint32_t n = tpi_pool_worker_count(&pool);
	uint32_t i;

	for (i = 0; i < n; i++) {
		look_at(i);
	}
	return arg;
}
#endif

int
main(void)
{
	pthread_t thread[3];

	pool.worker = workers;
	pool.capacity = WORKERS;
	add(NULL);
	pthread_create(&thread[0], NULL, add, NULL);
#ifdef BY_BIT
	pthread_create(&thread[1], NULL, by_bit, NULL);
#endif
#ifdef BY_COUNT
	pthread_create(&thread[2], NULL, by_count, NULL);
#endif
	add(NULL);
	pthread_join(thread[0], NULL);
#ifdef BY_BIT
	pthread_join(thread[1], NULL);
#endif
#ifdef BY_COUNT
	pthread_join(thread[2], NULL);
#endif
	assert(pool.threads == WORKERS && pool.worker_count == WORKERS);
	return 0;
}
