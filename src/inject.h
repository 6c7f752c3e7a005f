/* SPDX-License-Identifier: MIT */
/*
 * inject.h - the queue for tasks from outside the pool's workers: many
 * producers that never wait, one consumer at a time.  Dmitry Vyukov's intrusive
 * MPSC queue (1024cores.net).  Proof: doc/ORDER.md#injector; model:
 * tests/model/inject.c.
 *
 * tail is the entry pushed last; each entry points to the next younger one;
 * head is the oldest.  A stub keeps the list from running empty.  Between a
 * producer's exchange of tail and its store of next, the list is cut there: the
 * consumer finds nothing, but the queue counts as non-empty, so nobody falls
 * asleep over it.
 */
#ifndef TPI_INJECT_H
#define TPI_INJECT_H

#include "atomics.h"
#include "base.h"

struct tpi_link {
	_Atomic(struct tpi_link *) next; /* [a:J1] */
};

struct tpi_inject {
	_Alignas(TPI_CACHELINE) _Atomic(struct tpi_link *) tail; /* [a:J2 S1] */
	_Alignas(TPI_CACHELINE) _Atomic uint32_t busy;		 /* [a:J3] */
	_Atomic(struct tpi_link *) head; /* [m:busy] written; read by anybody */
	struct tpi_link stub;
};

static inline void
tpi_inject_init(struct tpi_inject *q)
{
	atomic_init(&q->stub.next, NULL);
	atomic_init(&q->tail, &q->stub);
	atomic_init(&q->busy, 0);
	atomic_init(&q->head, &q->stub);
}

/* Appends first..last, linked through next; any thread, never waits. */
static inline void
tpi_inject_push(struct tpi_inject *q, struct tpi_link *first,
		struct tpi_link *last)
{
	struct tpi_link *before;

	tpi_store_relaxed(&last->next, NULL);
	/* ORDER J2 S1 seq_cst -> tpi_inject_pop(), tpi_inject_nonempty(). */
	before = atomic_exchange_explicit(&q->tail, last, memory_order_seq_cst);
	/* ORDER J1 release -> tpi_inject_pop(): what the entry points to. */
	atomic_store_explicit(&before->next, first, memory_order_release);
}

/*
 * For the sleep check: counts an entry that is not linked yet.  A tail that is
 * the stub does not suffice: the consumer puts the stub behind the entry it
 * wants, and gives up if a producer came in between.  But it had moved head to
 * that entry before, and who sees its stub sees that, too (J2).
 */
static inline bool
tpi_inject_nonempty(struct tpi_inject *q)
{
	/* ORDER S1 J2 seq_cst <- tpi_inject_push(): the sleeper's last look. */
	return atomic_load_explicit(&q->tail, memory_order_seq_cst) !=
		       &q->stub ||
	       tpi_load_relaxed(&q->head) != &q->stub;
}

/* The same as a hint, for those who look again later. */
static inline bool
tpi_inject_seems_nonempty(struct tpi_inject *q)
{
	return tpi_load_relaxed(&q->tail) != &q->stub ||
	       tpi_load_relaxed(&q->head) != &q->stub;
}

/* Becomes the consumer, if nobody is; never waits. */
static inline bool
tpi_inject_enter(struct tpi_inject *q)
{
	if (tpi_load_relaxed(&q->busy) != 0) {
		return false;
	}
	/* ORDER J3 acquire <- tpi_inject_leave(): head as the last one left it. */
	return atomic_exchange_explicit(&q->busy, 1, memory_order_acquire) == 0;
}

/* Is there a consumer, and perhaps more than it will take?  A hint. */
static inline bool
tpi_inject_busy(struct tpi_inject *q)
{
	return tpi_load_relaxed(&q->busy) != 0 && tpi_inject_nonempty(q);
}

static inline void
tpi_inject_leave(struct tpi_inject *q)
{
	/* ORDER J3 release -> tpi_inject_enter() */
	atomic_store_explicit(&q->busy, 0, memory_order_release);
}

/*
 * The oldest entry without taking it; consumer only.  NULL: empty, or its
 * producer has not linked it yet.
 */
static inline struct tpi_link *
tpi_inject_peek(struct tpi_inject *q)
{
	struct tpi_link *h = tpi_load_relaxed(&q->head);

	if (h == &q->stub) {
		/* ORDER J1 acquire <- tpi_inject_push() */
		h = atomic_load_explicit(&h->next, memory_order_acquire);
		if (h == NULL) {
			return NULL;
		}
		tpi_store_relaxed(&q->head, h);
	}
	return h;
}

/* Takes the oldest entry; consumer only.  NULL as in tpi_inject_peek(). */
static inline struct tpi_link *
tpi_inject_pop(struct tpi_inject *q)
{
	struct tpi_link *h = tpi_inject_peek(q);
	struct tpi_link *next;

	if (h == NULL) {
		return NULL;
	}
	/* ORDER J1 acquire <- tpi_inject_push() */
	next = atomic_load_explicit(&h->next, memory_order_acquire);
	if (next == NULL) {
		/* ORDER J2 acquire <- tpi_inject_push(): is h the youngest? */
		if (atomic_load_explicit(&q->tail, memory_order_acquire) != h) {
			return NULL;
		}
		tpi_inject_push(q, &q->stub, &q->stub);
		/* ORDER J1 acquire <- tpi_inject_push() */
		next = atomic_load_explicit(&h->next, memory_order_acquire);
		if (next == NULL) {
			return NULL;
		}
	}
	tpi_store_relaxed(&q->head, next);
	return h;
}

#endif
