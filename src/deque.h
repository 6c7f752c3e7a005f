/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a worker's own queue: the owner pushes and pops at the bottom,
 * thieves steal at the top.  Chase and Lev, SPAA 2005, on a fixed ring; orders
 * as in Le, Pop, Cohen, Zappa Nardelli, PPoPP 2013, but with seq_cst accesses
 * in place of their fences.  Proof: doc/ORDER.md#deque; model:
 * tests/model/deque.c.
 *
 * Entries top..bottom-1 are in the deque.  Both indexes only grow, except that
 * the owner lowers bottom to pop.  An entry belongs to whoever moves top past
 * it by CAS, or to the owner once it has lowered bottom below it and then seen
 * that top is not beyond.
 *
 * The owner's functions carry the suffix _owner; tpi_deque_steal() may be
 * called by anybody.
 */
#ifndef TPI_DEQUE_H
#define TPI_DEQUE_H

#include "atomics.h"
#include "base.h"
#include "fence.h"

struct tpar_future;

#ifndef TPI_DEQUE_SIZE
#ifdef TPI_DEBUG
#define TPI_DEQUE_SIZE 4 /* so that tests reach the edges */
#else
#define TPI_DEQUE_SIZE 1024 /* 8 KiB: stays in the first-level cache */
#endif
#endif

enum tpi_steal { TPI_STEAL_EMPTY, TPI_STEAL_LOST, TPI_STEAL_GOT };

struct tpi_deque {
	_Alignas(TPI_CACHELINE) _Atomic int64_t top;	/* [a:D2 D3] */
	_Alignas(TPI_CACHELINE) _Atomic int64_t bottom; /* [a:D1 D2] */
	int64_t top_seen; /* [o] top is at least this */
	/* [a:D1] entry i is at i % SIZE */
	_Alignas(TPI_CACHELINE) _Atomic(struct tpar_future *)
		slot[TPI_DEQUE_SIZE];
};

static inline void
tpi_deque_init(struct tpi_deque *d)
{
	atomic_init(&d->top, 0);
	atomic_init(&d->bottom, 0);
	d->top_seen = 0;
}

static inline struct tpar_future *
tpi_deque_at(struct tpi_deque *d, int64_t i)
{
	return tpi_load_relaxed(&d->slot[(uint64_t)i % TPI_DEQUE_SIZE]);
}

/*
 * false: the ring is full, nothing was done.  `announce` makes the store of
 * bottom seq_cst, so that a later look at the sleep word (S1) cannot miss a
 * worker that falls asleep without having seen this entry.
 */
static inline bool
tpi_deque_push_owner(struct tpi_deque *d, struct tpar_future *f, bool announce)
{
	int64_t b = tpi_load_relaxed(&d->bottom);

	if (TPI_UNLIKELY(b - d->top_seen >= TPI_DEQUE_SIZE)) {
		/* ORDER D3 acquire <- tpi_deque_steal(): the slot was read. */
		d->top_seen =
			atomic_load_explicit(&d->top, memory_order_acquire);
		if (b - d->top_seen >= TPI_DEQUE_SIZE) {
			return false;
		}
	}
	tpi_store_relaxed(&d->slot[(uint64_t)b % TPI_DEQUE_SIZE], f);
	if (announce) {
		/* ORDER D1 S1 seq_cst -> tpi_deque_steal(), tpi_deque_nonempty(). */
		atomic_store_explicit(&d->bottom, b + 1, memory_order_seq_cst);
	} else {
		/* ORDER D1 release -> tpi_deque_steal(): slot, then bottom. */
		atomic_store_explicit(&d->bottom, b + 1, memory_order_release);
		tpi_fence_light();
	}
	return true;
}

/* NULL: empty, or the last entry was lost to a thief. */
static inline struct tpar_future *
tpi_deque_pop_owner(struct tpi_deque *d)
{
	int64_t b = tpi_load_relaxed(&d->bottom) - 1;
	struct tpar_future *f = NULL;
	int64_t t;

	if (tpi_load_relaxed(&d->top) > b) {
		return NULL; /* top never shrinks: surely empty */
	}
	/* ORDER D2 seq_cst -- tpi_deque_steal(): lower bottom, then see top. */
	atomic_store_explicit(&d->bottom, b, memory_order_seq_cst);
	/* ORDER D2 seq_cst -- tpi_deque_steal() */
	t = atomic_load_explicit(&d->top, memory_order_seq_cst);
	if (t < b) {
		return tpi_deque_at(d, b);
	}
	if (t == b) {
		f = tpi_deque_at(d, b);
		/* ORDER D3 seq_cst -- tpi_deque_steal(): one of us gets it. */
		if (!atomic_compare_exchange_strong_explicit(
			    &d->top, &t, t + 1, memory_order_seq_cst,
			    memory_order_relaxed)) {
			f = NULL;
		}
	}
	/* ORDER D1 release -> tpi_deque_steal(): every store of bottom is. */
	atomic_store_explicit(&d->bottom, b + 1, memory_order_release);
	return f;
}

/* GOT: *f is the caller's.  LOST: somebody else was faster, try again. */
static inline enum tpi_steal
tpi_deque_steal(struct tpi_deque *d, struct tpar_future **f)
{
	/* ORDER D2 seq_cst -- tpi_deque_pop_owner(): see top, then bottom. */
	int64_t t = atomic_load_explicit(&d->top, memory_order_seq_cst);
	/* ORDER D1 D2 seq_cst <- tpi_deque_push_owner(): the slot is there. */
	int64_t b = atomic_load_explicit(&d->bottom, memory_order_seq_cst);

	if (t >= b) {
		return TPI_STEAL_EMPTY;
	}
	*f = tpi_deque_at(d, t);
	/* ORDER D3 seq_cst -> tpi_deque_push_owner(): read, then freed. */
	if (!atomic_compare_exchange_strong_explicit(&d->top, &t, t + 1,
						     memory_order_seq_cst,
						     memory_order_relaxed)) {
		return TPI_STEAL_LOST;
	}
	return TPI_STEAL_GOT;
}

/* For the sleep check: is anything in there?  Any thread. */
static inline bool
tpi_deque_nonempty(struct tpi_deque *d)
{
	/* ORDER D2 seq_cst -- tpi_deque_pop_owner() */
	int64_t t = atomic_load_explicit(&d->top, memory_order_seq_cst);

	/* ORDER S1 seq_cst <- tpi_deque_push_owner(): the sleeper's last look. */
	return t < atomic_load_explicit(&d->bottom, memory_order_seq_cst);
}

/*
 * Takes the oldest half of a full ring, `out` having room for it, in one CAS.
 * Returns how many; 0 if a thief was at work, so that there is room now.
 */
static inline int64_t
tpi_deque_spill_owner(struct tpi_deque *d, struct tpar_future **out)
{
	int64_t n = TPI_DEQUE_SIZE / 2;
	/* ORDER D3 acquire <- tpi_deque_steal() */
	int64_t t = atomic_load_explicit(&d->top, memory_order_acquire);
	int64_t i;

	if (tpi_load_relaxed(&d->bottom) - t < TPI_DEQUE_SIZE) {
		return 0;
	}
	for (i = 0; i < n; i++) {
		out[i] = tpi_deque_at(d, t + i);
	}
	/* ORDER D3 seq_cst -- tpi_deque_steal(): all of them, or none. */
	if (!atomic_compare_exchange_strong_explicit(&d->top, &t, t + n,
						     memory_order_seq_cst,
						     memory_order_relaxed)) {
		return 0;
	}
	return n;
}

/*
 * Takes the entries at the bottom that are, from the last backwards, the
 * members f[0..n) of a set: those that nobody stole, in one store.  Entries are
 * compared, never looked into.  Returns how many, from the end of f; they are
 * the caller's.
 */
static inline size_t
tpi_deque_trim_owner(struct tpi_deque *d, struct tpar_future *const *f,
		     size_t n)
{
	int64_t b = tpi_load_relaxed(&d->bottom);
	int64_t t = tpi_load_relaxed(&d->top);
	int64_t k = 0;
	size_t popped = 0;

	while ((size_t)k < n && b - k > t &&
	       tpi_deque_at(d, b - 1 - k) == f[n - 1 - (size_t)k]) {
		k++;
	}
	if (k == 0) {
		return 0;
	}
	/* ORDER D2 seq_cst -- tpi_deque_steal(): lower bottom, then see top. */
	atomic_store_explicit(&d->bottom, b - k, memory_order_seq_cst);
	/* ORDER D2 seq_cst -- tpi_deque_steal() */
	t = atomic_load_explicit(&d->top, memory_order_seq_cst);
	if (t < b - k) {
		return (size_t)k; /* no thief can be above entry t */
	}
	/* ORDER D1 release -> tpi_deque_steal() */
	atomic_store_explicit(&d->bottom, b, memory_order_release);
	while (popped < (size_t)k &&
	       tpi_deque_pop_owner(d) == f[n - 1 - popped]) {
		popped++;
	}
	return popped;
}

#endif
