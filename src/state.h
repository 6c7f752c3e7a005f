/* SPDX-License-Identifier: MIT */
/*
 * state.h - a future's state word, and the only code that changes it.
 *
 *   bits      meaning                        set by             cleared by
 *   0-1       phase PENDING, RUNNING, ENDED  claim, finish      never goes back
 *   2         CANCEL_REQ: asked to stop      request_stop       finish
 *   3         REMOVAL: a waiter was or is    mark_removal       finish
 *             being taken out of the list
 *   4         while not ENDED: ABANDONED:    abandon            finish
 *             no handle is left, nor will be
 *   5..       while not ENDED: the newest waiter (frame.h), a pointer aligned
 *             to 32, or NULL.  Pushed by push_waiter, taken by finish; taken
 *             out of the middle only under the removal lock (frame.c).
 *   4-5       once ENDED: outcome DONE, FAILED, CANCELLED
 *   6         once ENDED: TAKEN: the value was moved out or dropped
 *   7         once ENDED: MESSAGE: the task said why it failed
 *   8         once ENDED: HAS_FD: there is a descriptor to be closed
 *
 * Whoever wins the claim runs or cancels the task, and nobody else does.
 * Whoever claimed it finishes it, once.  No bit is ever stale: all changes are
 * read-modify-writes of this word.  Diagram: doc/STATES.md#future; proof:
 * doc/ORDER.md#state; model: tests/model/state.c.
 */
#ifndef TPI_STATE_H
#define TPI_STATE_H

#include "atomics.h"
#include "base.h"

struct tpi_waiter;

enum {
	TPI_PENDING = 0,
	TPI_RUNNING = 1,
	TPI_ENDED = 2,
	TPI_PHASE = 3,
	TPI_CANCEL_REQ = 4,
	TPI_REMOVAL = 8,
	TPI_ABANDONED = 16,
	TPI_WAITER_ALIGN = 32,
	TPI_DONE = 0 << 4,
	TPI_FAILED = 1 << 4,
	TPI_CANCELLED = 2 << 4,
	TPI_OUTCOME = 3 << 4,
	TPI_TAKEN = 1 << 6,
	TPI_MESSAGE = 1 << 7,
	TPI_HAS_FD = 1 << 8
};

struct tpi_state {
	_Atomic uintptr_t word; /* [a:F1 F2 F3 F5 G3] */
};

static inline unsigned
tpi_state_phase(uintptr_t word)
{
	return (unsigned)(word & TPI_PHASE);
}

static inline bool
tpi_state_is_bad(uintptr_t word)
{
	return (word & TPI_OUTCOME) != TPI_DONE;
}

static inline struct tpi_waiter *
tpi_state_waiters(uintptr_t word)
{
	return (struct tpi_waiter *)(word & ~(uintptr_t)(TPI_WAITER_ALIGN - 1));
}

/* PENDING; without a handle whoever ends it drops the value. */
static inline void
tpi_state_init(struct tpi_state *s, bool handle)
{
	tpi_store_relaxed(&s->word,
			  (uintptr_t)(handle ? TPI_PENDING : TPI_ABANDONED));
}

/* The word; if it says ENDED, all that the task wrote is visible. */
static inline uintptr_t
tpi_state_get(const struct tpi_state *s)
{
	/* ORDER F2 acquire <- tpi_state_finish(): the value and the code. */
	return atomic_load_explicit(&((struct tpi_state *)(uintptr_t)s)->word,
				    memory_order_acquire);
}

/* A hint: good for skipping work, never for reading what the task wrote. */
static inline unsigned
tpi_state_peek(struct tpi_state *s)
{
	return tpi_state_phase(tpi_load_relaxed(&s->word));
}

/* PENDING -> RUNNING.  true: the caller runs or cancels it and finishes it. */
static inline bool
tpi_state_claim(struct tpi_state *s)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) == TPI_PENDING) {
		/* ORDER F1 acq_rel -- tpi_state_claim(): only one wins. */
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &w, w | TPI_RUNNING, memory_order_acq_rel,
			    memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

/*
 * RUNNING -> ENDED; outcome: DONE, FAILED, CANCELLED, FAILED + MESSAGE.
 * Returns the word before: the list of waiters in it is the
 * caller's now.  RELEASE POINT: a waiter may release the last handle from here
 * on; the caller goes on using the future only if it holds a reference.
 */
static inline uintptr_t
tpi_state_finish(struct tpi_state *s, unsigned outcome)
{
	/*
	 * ORDER F2 seq_cst -> tpi_state_get(): value and code, then ENDED.
	 * ORDER F3 seq_cst <- tpi_state_push_waiter(): the waiter's fields.
	 * ORDER F5 seq_cst <- tpi_state_abandon(): all use of the value.
	 */
	return atomic_exchange_explicit(
		&s->word, (uintptr_t)TPI_ENDED | outcome, memory_order_seq_cst);
}

/*
 * In the child of a fork: nobody is left to run or end it, nor to be told.
 * Relaxed: whoever sees that it was cancelled reads nothing else of it.
 */
static inline void
tpi_state_forget(struct tpi_state *s)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) != TPI_ENDED &&
	       !atomic_compare_exchange_weak_explicit(
		       &s->word, &w, (uintptr_t)TPI_ENDED | TPI_CANCELLED,
		       memory_order_relaxed, memory_order_relaxed)) {
	}
}

/* The same for one that the child can still end: those who wait are gone. */
static inline void
tpi_state_forget_waiters(struct tpi_state *s)
{
	const uintptr_t kept = TPI_WAITER_ALIGN - 1 - TPI_REMOVAL;
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) != TPI_ENDED &&
	       !atomic_compare_exchange_weak_explicit(&s->word, &w, w & kept,
						      memory_order_relaxed,
						      memory_order_relaxed)) {
	}
}

/*
 * RUNNING: sets CANCEL_REQ.  Returns the word found: PENDING or ENDED words
 * are left alone.
 */
static inline uintptr_t
tpi_state_request_stop(struct tpi_state *s)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) == TPI_RUNNING) {
		/* ORDER G3 seq_cst -- tpi_frame_publish(): ask, then see cur. */
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &w, w | TPI_CANCEL_REQ,
			    memory_order_seq_cst, memory_order_relaxed)) {
			break;
		}
	}
	return w;
}

/* Has the running task been asked to stop?  By the task, after publishing. */
static inline bool
tpi_state_stop_requested(struct tpi_state *s)
{
	/* ORDER G3 seq_cst -- tpi_state_request_stop() */
	return (atomic_load_explicit(&s->word, memory_order_seq_cst) &
		TPI_CANCEL_REQ) != 0;
}

/*
 * Puts a waiter in front of the list; *next is where it keeps its successor.
 * With next NULL the waiter can only be the last: refused unless the list is
 * empty.  Returns the word found: if its phase is ENDED, or the list was not
 * empty where it had to be, nothing was done.
 */
static inline uintptr_t
tpi_state_push_waiter(struct tpi_state *s, struct tpi_waiter *waiter,
		      struct tpi_waiter **next)
{
	uintptr_t w = tpi_load_relaxed(&s->word);
	uintptr_t low;

	do {
		if (tpi_state_phase(w) == TPI_ENDED) {
			/* ORDER F2 acquire <- tpi_state_finish() */
			return atomic_load_explicit(&s->word,
						    memory_order_acquire);
		}
		low = w & (TPI_WAITER_ALIGN - 1);
		if (next != NULL) {
			*next = tpi_state_waiters(w);
		} else if (tpi_state_waiters(w) != NULL) {
			return w;
		}
		/* ORDER F3 release -> tpi_state_finish(): its fields. */
	} while (!atomic_compare_exchange_weak_explicit(
		&s->word, &w, (uintptr_t)waiter | low, memory_order_release,
		memory_order_relaxed));
	return w;
}

/* Not ENDED: sets REMOVAL.  Under the removal lock.  Returns the word found. */
static inline uintptr_t
tpi_state_mark_removal(struct tpi_state *s)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) != TPI_ENDED) {
		/* ORDER F4 acq_rel <- tpi_state_push_waiter(): walk the list. */
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &w, w | TPI_REMOVAL, memory_order_acq_rel,
			    memory_order_relaxed)) {
			w |= TPI_REMOVAL;
			break;
		}
	}
	return w;
}

/*
 * Replaces the newest waiter, under the removal lock.  false: it is not the
 * newest any more, or the future has ended.
 */
static inline bool
tpi_state_replace_waiter(struct tpi_state *s, struct tpi_waiter *waiter,
			 struct tpi_waiter *with)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) != TPI_ENDED &&
	       tpi_state_waiters(w) == waiter) {
		/* ORDER F4 acq_rel -> tpi_state_finish(): the shorter list. */
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &w,
			    (uintptr_t)with | (w & (TPI_WAITER_ALIGN - 1)),
			    memory_order_acq_rel, memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

/*
 * The last handle is gone.  Returns the word: if its phase is ENDED, the value
 * is the caller's; else it is for the one who ends it.
 */
static inline uintptr_t
tpi_state_abandon(struct tpi_state *s)
{
	uintptr_t w = tpi_load_relaxed(&s->word);

	while (tpi_state_phase(w) != TPI_ENDED) {
		/* ORDER F5 release -> tpi_state_finish(): all use of the value. */
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &w, w | TPI_ABANDONED,
			    memory_order_release, memory_order_relaxed)) {
			return w;
		}
	}
	return tpi_state_get(s);
}

/* ENDED: sets TAKEN.  true: the caller owns the value now. */
static inline bool
tpi_state_take(struct tpi_state *s)
{
	/* ORDER F6 acq_rel -- tpi_state_untake(): one owner at a time. */
	return (atomic_fetch_or_explicit(&s->word, (uintptr_t)TPI_TAKEN,
					 memory_order_acq_rel) &
		TPI_TAKEN) == 0;
}

/* ENDED: sets HAS_FD, while the caller holds the future. */
static inline void
tpi_state_mark_fd(struct tpi_state *s)
{
	/* Relaxed: whoever looks for it holds the future last (F7). */
	atomic_fetch_or_explicit(&s->word, (uintptr_t)TPI_HAS_FD,
				 memory_order_relaxed);
}

/* Gives the value back. */
static inline void
tpi_state_untake(struct tpi_state *s)
{
	/* ORDER F6 release -- tpi_state_take() */
	atomic_fetch_and_explicit(&s->word, ~(uintptr_t)TPI_TAKEN,
				  memory_order_release);
}

#endif
