/* SPDX-License-Identifier: MIT */
/*
 * park.h - who is awake: the sleep word of a pool.
 *
 *   low half    active:    threads that run tasks or look for some.  Not those
 *               that are parked, nor those blocked in a wait.
 *   high half   searching: those of the active that look for work.
 *
 * The rule: as long as there is work and active < width, somebody is searching
 * or is being woken.  Whoever makes work visible looks at the word afterwards
 * (tpi_park_wants_wake); whoever stops being active, or is the last to stop
 * searching, changes the word first and looks for work afterwards.  All four
 * accesses are seq_cst, so at least one of the two sees the other (S1); or the
 * worker's side is free and the other one pays (S3, fence.h).
 * Protocol and proof: doc/SLEEP.md; model: tests/model/sleep.c.
 */
#ifndef TPI_PARK_H
#define TPI_PARK_H

#include "atomics.h"
#include "base.h"
#include "fence.h"

struct tpar_pool;
struct tpi_worker;

#define TPI_ACTIVE ((uint64_t)1)
#define TPI_SEARCHING ((uint64_t)1 << 32)

struct tpi_park {
	_Alignas(TPI_CACHELINE) _Atomic uint64_t word; /* [a:S1] */
	uint32_t width;	     /* [c] workers: active threads wanted */
	uint32_t search_max; /* [c] threads that may search at once */
	bool announce; /* [c] workers publish with seq_cst, not for a fence */
	bool fence;    /* [c] whoever leaves the word uses a heavy fence */
};

static inline uint32_t
tpi_park_active(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint32_t
tpi_park_searching(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* After work was made visible: must somebody be woken for it? */
static inline bool
tpi_park_wants_wake(struct tpi_park *park)
{
	/* ORDER S1 seq_cst -- tpi_park_leave(): publish, then see the word. */
	uint64_t word = atomic_load_explicit(&park->word, memory_order_seq_cst);

	return tpi_park_searching(word) == 0 &&
	       tpi_park_active(word) < park->width;
}

/* Adds threads to the counts, on behalf of one that is being woken or its own. */
static inline void
tpi_park_enter(struct tpi_park *park, uint64_t counts)
{
	/* ORDER S1 seq_cst -- tpi_park_wants_wake() */
	atomic_fetch_add_explicit(&park->word, counts, memory_order_seq_cst);
}

/* Takes threads off; returns the word before.  Look for work afterwards. */
static inline uint64_t
tpi_park_leave(struct tpi_park *park, uint64_t counts)
{
	/* ORDER S1 seq_cst -- tpi_park_wants_wake(): leave, then see work. */
	return atomic_fetch_sub_explicit(&park->word, counts,
					 memory_order_seq_cst);
}

/* Becomes a searcher unless there are enough. */
static inline bool
tpi_park_try_search(struct tpi_park *park)
{
	uint64_t word = tpi_load_relaxed(&park->word);

	while (tpi_park_searching(word) < park->search_max) {
		/* ORDER S1 seq_cst -- tpi_park_wants_wake() */
		if (atomic_compare_exchange_weak_explicit(
			    &park->word, &word, word + TPI_SEARCHING,
			    memory_order_seq_cst, memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

/* More active threads than wanted?  A hint, checked again under the lock. */
static inline bool
tpi_park_surplus(struct tpi_park *park)
{
	return tpi_park_active(tpi_load_relaxed(&park->word)) > park->width;
}

/*
 * Is any work visible?  After a change of the word that takes somebody off and
 * left `others` active threads beside the caller.
 */
bool tpi_park_look(struct tpar_pool *pool, uint32_t others);

/* Wakes a parked thread or starts one, if that is still wanted. */
bool tpi_park_wake_one(struct tpar_pool *pool);

/* After work was made visible.  Any thread. */
static inline void
tpi_park_notify(struct tpi_park *park, struct tpar_pool *pool)
{
	if (TPI_UNLIKELY(tpi_park_wants_wake(park))) {
		(void)tpi_park_wake_one(pool);
	}
}

/*
 * Parks the calling worker until it is woken, as a searcher.  false: the pool
 * ends, or this thread is one too many for too long; the thread returns.
 */
bool tpi_park_sleep(struct tpi_worker *worker);

/* The same between two tasks, if there are more active threads than wanted. */
bool tpi_park_retire(struct tpi_worker *worker);

/*
 * The calling thread is about to end, and the structure can have another one.
 * false: it is needed after all, and goes on as a searcher.
 */
bool tpi_park_gone(struct tpi_worker *worker);

/*
 * The calling thread, which counts as blocked, has to end, and no other one
 * could be started for its structure.  false: there is work, or it is the last
 * one and there may be some: try again.  Else whoever has some starts one.
 */
bool tpi_park_lost(struct tpi_worker *worker);

/*
 * The calling worker is about to sleep in a wait: somebody else takes its
 * place.  false: nobody can, threads are used up, and there is work; the alarm
 * has been raised.
 */
bool tpi_park_block(struct tpi_worker *worker);

/* The calling worker runs on; there may be one too many for a while. */
void tpi_park_unblock(struct tpi_worker *worker);

/*
 * Has a parked thread take blocking tasks, or a new one; it is not counted as
 * active.  false: there is none.
 */
bool tpi_park_wake_elastic(struct tpar_pool *pool);

/*
 * The calling thread was started for that.  Then as tpi_park_sleep(), which it
 * is not counted in before.
 */
bool tpi_park_serve(struct tpi_worker *worker);

/* Is a thread parked?  A hint, but for who has just found none (B1). */
bool tpi_park_any_parked(struct tpar_pool *pool);

/*
 * Does one compute, or look for tasks?  That one is parked does not count: there
 * was no room for it, maybe, when the task was queued, and nobody wakes it.
 */
bool tpi_park_any_free(struct tpar_pool *pool);

/* Or could there be one? */
bool tpi_park_can_run(struct tpar_pool *pool);

/* Wakes all threads that run this pool's tasks, so that they look around. */
void tpi_park_wake_blocked(struct tpar_pool *pool);

#endif
