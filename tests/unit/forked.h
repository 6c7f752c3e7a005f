/* SPDX-License-Identifier: MIT */
/*
 * forked.h - a computation of a handmade pool: the test forks by hand.
 */
#ifndef FORKED_H
#define FORKED_H

#include "handmade.h"

#include "src/forkjoin.h"
#include "src/park.h"
#include "src/region.h"
#include "src/run.h"
#include "src/slots.h"

/* Worker `w` is in a computation, `other` looks on. */
struct forked {
	struct tpar_pool *pool;
	struct tpi_worker *w;
	struct tpi_worker *other;
	struct tpar_future *task;
	struct tpi_run run;
	struct tpi_region region;
	struct tpi_span span;
	struct tpi_forked forked; /* that w runs, if the test says so */
	struct tpi_slots *s;
	struct tpar_slot *head;
};

static inline void
forked_begin(struct forked *t, unsigned width)
{
	t->pool = hand_pool(width);
	t->w = hand_worker(t->pool);
	t->other = hand_worker(t->pool);
	t->task = hand_future(t->pool);
	hand_become(t->w);
	hand_begin(&t->run, t->task);
	tpi_region_begin(&t->region, "region");
	atomic_store(&t->pool->regions, 1);
	/* Else a thread is started to be one, if a join has to block. */
	atomic_store(&t->pool->sentinel, 1);
	t->s = tpi_slots_get(t->w);
	UNIT_MUST(t->s != NULL);
	t->head = tpi_slots_enter(t->s, &t->span, &t->region, NULL);
}

static inline void
forked_end(struct forked *t)
{
	tpi_slots_leave(t->s, &t->span);
	atomic_store(&t->pool->regions, 0);
	tpi_region_end(&t->region);
	hand_end(&t->run, 0);
	hand_drop(t->task);
	hand_free(t->pool);
}

/* Adds one to the number in its slot. */
static inline void
forked_body(struct tpar_slot *head, struct tpar_slot *self)
{
	long number;

	(void)head;
	memcpy(&number, self->data, sizeof number);
	number++;
	memcpy(self->data, &number, sizeof number);
}

static inline void
forked_set(struct tpar_slot *slot, long number)
{
	memcpy(slot->data, &number, sizeof number);
}

static inline long
forked_get(const struct tpar_slot *slot)
{
	long number;

	memcpy(&number, slot->data, sizeof number);
	return number;
}

/* As the macros do it: n forks, of the numbers from `number` on. */
static inline void
forked_fork(struct forked *t, unsigned n, long number)
{
	for (; n > 0; n--) {
		forked_set(t->head, number++);
		t->head = tpar_fork_slot(t->head, forked_body);
	}
}

/* The slot is not in use any more. */
static inline struct tpar_slot *
forked_clear(struct forked *t)
{
	t->head--;
	__atomic_store_n(&t->head->head.fn, (tpar_slot_fn)NULL,
			 __ATOMIC_RELAXED);
	return t->head;
}

/* A join as the macros do it; the result. */
static inline long
forked_join(struct forked *t)
{
	struct tpar_slot *self = t->head - 1;
	struct tpar_slot *at = NULL;

	if (!tpar_join_slot(self)) {
		at = tpar_join_slow_1(self);
	}
	if (at == NULL) {
		at = self;
		forked_body(self, self);
	}
	t->head = at;
	return forked_get(at);
}

/* The next one that a thief gets from w, as the queue's reference; or NULL. */
static inline struct tpi_forked *
forked_steal(struct forked *t)
{
	struct tpar_future *f = NULL;

	if (tpi_deque_steal(&t->w->deque, &f) != TPI_STEAL_GOT) {
		return NULL;
	}
	UNIT_MUST(tpi_forkjoin_is(f));
	return (struct tpi_forked *)(void *)f;
}

/* The other worker runs it, if it is still to be run, and drops it. */
static inline bool
forked_run(struct forked *t, struct tpi_forked *forked)
{
	struct tpar_future *f = &forked->future;
	struct tpi_run *outer = tpi_thread_self.run;
	bool claimed;

	hand_become(t->other);
	tpi_thread_self.run = NULL;
	claimed = tpi_future_claim(f);
	if (claimed) {
		tpi_run_taken(t->other, f);
	}
	tpi_future_release(f);
	tpi_thread_self.run = outer;
	hand_become(t->w);
	return claimed;
}

#endif
