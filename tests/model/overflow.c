/* SPDX-License-Identifier: MIT */
/*
 * overflow.c - a worker whose deque is full: the older half goes to the injector
 * by src/worker.c, as a thief steals and another thread empties the injector.
 * Every task begins once, and its queue's reference is given up once.  CLAIM:
 * somebody who waits for the oldest one runs it in place; its entry is dropped
 * where it is found.
 *
 * GENMC: --disable-loop-jump-threading --disable-spin-assume --unroll=8
 * CFLAGS: -DTPI_DEQUE_SIZE=2 -DTHIEF
 * CFLAGS: -DTPI_DEQUE_SIZE=4 -DDRAIN
 * CFLAGS: -DTPI_DEQUE_SIZE=2 -DDRAIN -DCLAIM
 * CFLAGS: -DTPI_DEQUE_SIZE=2 -DTHIEF -DDRAIN
 * MUTANT: -UTHIEF deque.h s/&d->top, &t, t + n/\&d->top, \&t, t/
 * MUTANT: -UTPI_DEQUE_SIZE -DTPI_DEQUE_SIZE=2 deque.h s/if (b - d->top_seen >= TPI_DEQUE_SIZE)/if (0)/
 * MUTANT: worker.c s/^	if (first != NULL) {/	if (0) {/
 * MUTANT: -DCLAIM worker.c /!= TPI_PENDING/,/continue/s/continue;//
 * MUTANT: -UTPI_DEQUE_SIZE -DTPI_DEQUE_SIZE=4 worker.c s/tpi_store_relaxed(&last->next, &out.i.->link);//
 * MUTANT: inject.h /ORDER J1 release/,/;/s/_release/_relaxed/
 */
#include "self.h"

#include "src/worker.c"

#include <assert.h>
#include <pthread.h>

/* A ring of two is full twice. */
#define N (TPI_DEQUE_SIZE == 2 ? 4 : 5)

static struct tpar_pool pool;
static struct tpi_worker worker;
static struct tpi_inject shard;
static struct tpar_future task[N];
static int content[N]; /* of the task */
static _Atomic int begun[N];
static _Atomic int gone[N];

void
tpi_future_dispose(struct tpar_future *f)
{
	assert(atomic_fetch_add_explicit(&gone[f - task], 1,
					 memory_order_relaxed) == 0);
}

static void
begin(struct tpar_future *f)
{
	if (tpi_future_claim(f)) {
		assert(content[f - task] == 7);
		assert(atomic_fetch_add_explicit(&begun[f - task], 1,
						 memory_order_relaxed) == 0);
	}
}

/* What main_loop() does with an entry. */
static void
run_entry(struct tpar_future *f)
{
	begin(f);
	tpi_future_release(f);
}

#ifdef THIEF
static void *
thief(void *arg)
{
	struct tpar_future *f;

	if (tpi_deque_steal(&worker.deque, &f) == TPI_STEAL_GOT) {
		run_entry(f);
	}
	return arg;
}
#endif

static void
drain_shard(void)
{
	struct tpi_link *link;

	if (tpi_inject_enter(&shard)) {
		while ((link = tpi_inject_pop(&shard)) != NULL) {
			run_entry(tpi_future_of_link(link));
		}
		tpi_inject_leave(&shard);
	}
}

#ifdef DRAIN
static void *
drain(void *arg)
{
	drain_shard();
	return arg;
}
#endif

#ifdef CLAIM
/* It has a handle. */
static void *
waiter(void *arg)
{
	begin(&task[0]);
	return arg;
}
#endif

int
main(void)
{
	pthread_t thread[3];
	struct tpar_future *f;
	int i;

	tpi_deque_init(&worker.deque);
	tpi_inject_init(&shard);
	worker.pool = &pool;
	pool.shard = &shard;
	pool.shards = 1;
	worker.announce = true;
	for (i = 0; i < N; i++) {
		tpi_state_init(&task[i].state, true);
		atomic_init(&task[i].holds, TPI_MEMREF);
	}
#ifdef THIEF
	pthread_create(&thread[0], NULL, thief, NULL);
#endif
#ifdef DRAIN
	pthread_create(&thread[1], NULL, drain, NULL);
#endif
	for (i = 0; i < N; i++) {
		content[i] = 7;
#ifdef CLAIM
		if (i == 0) {
			pthread_create(&thread[2], NULL, waiter, NULL);
		}
#endif
		tpi_worker_push(&worker, &task[i]);
	}
	while ((f = tpi_deque_pop_owner(&worker.deque)) != NULL) {
		run_entry(f);
	}
#ifdef THIEF
	pthread_join(thread[0], NULL);
#endif
#ifdef DRAIN
	pthread_join(thread[1], NULL);
#endif
#ifdef CLAIM
	pthread_join(thread[2], NULL);
#endif
	drain_shard();
	for (i = 0; i < N; i++) {
		assert(begun[i] == 1 && gone[i] == 1);
	}
	return 0;
}
