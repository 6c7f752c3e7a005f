/* SPDX-License-Identifier: MIT */
/*
 * forks.h - what the models of fork-join share: slots.c itself, memory for a few
 * slots, a worker 0 that has begun a computation, and neighbours of which
 * nothing is wanted.
 */
#ifndef MODEL_FORKS_H
#define MODEL_FORKS_H

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Against a heavy fence a light one is a full one: src/fence.h. */
#ifdef NO_LIGHT
#define TPAR_LIGHT_FENCE_() ((void)0)
#else
#define TPAR_LIGHT_FENCE_() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#include "src/slots.c"

static struct tpi_thread thread_self; /* of the only one that forks */

struct tpi_thread *
tpi_model_self(void)
{
	return &thread_self;
}

/* Steps to be left out. */
#ifdef PROMOTE_JOINED
#define JOINED(slot) ((slot) + 1)
#else
#define JOINED(slot) (slot)
#endif
#ifdef NO_CLAIM
#define CLAIMS(f) true
#else
#define CLAIMS(f) tpi_future_claim(f)
#endif

#define WORKERS 3
#define SLOTS 3

static struct tpar_pool pool;
static struct tpi_worker worker[WORKERS];
static _Atomic(struct tpi_worker *) workers[WORKERS];
static struct tpi_heap heap;
static struct tpi_region region;
static struct tpi_span span;
static struct tpi_forked whole; /* that worker 0 runs */
static struct tpar_slot *base;
static struct tpi_slots *slots;

void
tpi_fence_heavy(void)
{
#ifndef NO_HEAVY
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

bool
tpi_park_wake_one(struct tpar_pool *of)
{
	(void)of;
	return true;
}

struct tpar_future *
tpi_heap_get_slow(struct tpi_heap *of, unsigned class)
{
	(void)of;
	(void)class;
	return malloc(sizeof(struct tpi_forked));
}

void
tpi_future_dispose(struct tpar_future *f)
{
	free(f);
}

int
tpi_forkjoin_run(void *forked, void *value)
{
	(void)forked;
	(void)value;
	return 0;
}

/* The memory of worker 0, `n` of whose slots are there, and one more. */
static void
make_slots(int n)
{
	int i;

	slots = aligned_alloc(TPAR_SLOTS_SIZE, TPAR_SLOTS_SIZE);
	base = (struct tpar_slot *)(void *)((char *)slots + TPI_SLOTS_FIRST);
	for (i = 0; i < SLOTS; i++) {
		__atomic_store_n(&base[i].head.fn, (tpar_slot_fn)NULL,
				 __ATOMIC_RELAXED);
	}
	slots->worker = &worker[0];
	slots->base = base;
	slots->end = base + n;
	slots->head = NULL;
	slots->span = NULL;
	slots->spilled_count = 0;
	slots->settled = 0;
	atomic_init(&slots->lock, 0);
	atomic_init(&slots->priv, base);
	for (i = 0; i < WORKERS; i++) {
		worker[i].pool = &pool;
		worker[i].heap = &heap;
		tpi_deque_init(&worker[i].deque);
		atomic_init(&workers[i], &worker[i]);
	}
	worker[0].slots = slots;
	pool.worker = workers;
	atomic_init(&pool.worker_count, 1);
	pool.fence = true;
	pool.park.width = 2;
	atomic_init(&pool.park.word, TPI_ACTIVE); /* the other one is hungry */
	atomic_init(&pool.regions, 1);
	clear_pokes(slots);
}

static inline void
free_slots(void)
{
	free(slots);
}

/* Somebody has claimed it. */
static inline void
run_claimed(struct tpar_future *f)
{
	struct tpi_forked *forked = f->arg;

	forked->fn(NULL, forked->slot);
	tpi_future_end_done(f);
}

static inline void
run_taken(struct tpar_future *f)
{
	if (tpi_future_claim(f)) {
		run_claimed(f);
	}
	tpi_future_release(f);
}

/* As tpar_join_slow_1(), but that it asks nobody for something to do. */
static inline void
join_slow(struct tpar_slot *slot, tpar_slot_fn fn)
{
	struct tpi_forked *forked = tpi_slots_withdraw(slots, slot);
	struct tpar_future *f = &forked->future;

	if (forked == NULL) {
		if (tpi_slots_asked(slots)) {
			(void)tpi_slots_promote(slots, JOINED(slot), 1);
		}
		fn(slot, slot);
		return;
	}
	if (CLAIMS(f)) {
		if (tpi_deque_trim_owner(&worker[0].deque, &f, 1) == 1) {
			tpi_future_release(f);
		}
		run_claimed(f);
	} else {
		__VERIFIER_assume(tpi_state_phase(tpi_state_get(&f->state)) ==
				  TPI_ENDED);
	}
	tpi_future_release(f);
}

static inline void
join(struct tpar_slot *slot, tpar_slot_fn fn)
{
	if (tpar_join_slot(slot)) {
		fn(slot, slot);
	} else {
		join_slow(slot, fn);
	}
}

#endif
