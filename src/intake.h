/* SPDX-License-Identifier: MIT */
/*
 * intake.h - whether a pool takes tasks, and how many more: the part of a pool
 * that its futures look at.
 */
#ifndef TPI_INTAKE_H
#define TPI_INTAKE_H

#include "atomics.h"
#include "base.h"

/*
 * SHUT: it was closed and everything has ended.  What is queued from then on is
 * about to be taken back by the one who submits it, and does not begin.
 * DEAD: this is the child of a fork; its threads are not here.
 */
enum { TPI_OPEN, TPI_DRAINING, TPI_CANCELLING, TPI_SHUT, TPI_DEAD };

struct tpi_intake {
	_Atomic uint32_t closed; /* [a:C1] only grows */
	_Atomic size_t queued;	 /* [h] outside tasks not begun, if limited */
	size_t limit;		 /* [c] 0: none */
	bool own_threads_only;	 /* [c] */
	_Atomic uint32_t inside; /* [a:C1] submits of many under way */
};

/*
 * Of many tasks, all are accepted or none: the closer waits for those who came
 * in before.  (One task is simply taken back, submit.c.)  false: closed.
 */
static inline bool
tpi_intake_enter(struct tpi_intake *intake, bool even_if_draining)
{
	uint32_t closed;

	/* ORDER C1 seq_cst -- tpi_intake_close(): come in, then see closed. */
	atomic_fetch_add_explicit(&intake->inside, 1, memory_order_seq_cst);
	/* ORDER C1 seq_cst -- tpi_intake_close() */
	closed = atomic_load_explicit(&intake->closed, memory_order_seq_cst);
	if (closed == TPI_OPEN ||
	    (closed == TPI_DRAINING && even_if_draining)) {
		return true;
	}
	atomic_fetch_sub_explicit(&intake->inside, 1, memory_order_relaxed);
	return false;
}

static inline void
tpi_intake_leave(struct tpi_intake *intake)
{
	/* ORDER C1 seq_cst -> tpi_intake_empty(): what was queued inside. */
	atomic_fetch_sub_explicit(&intake->inside, 1, memory_order_seq_cst);
}

/* ENDS: who is inside leaves after a bounded number of steps. */
static inline bool
tpi_intake_empty(struct tpi_intake *intake)
{
	/* ORDER C1 seq_cst <- tpi_intake_leave() */
	return atomic_load_explicit(&intake->inside, memory_order_seq_cst) == 0;
}

static inline uint32_t
tpi_intake_closed(struct tpi_intake *intake)
{
	/* ORDER C1 seq_cst -- tpi_intake_close(): push, then see closed. */
	return atomic_load_explicit(&intake->closed, memory_order_seq_cst);
}

/*
 * For a worker that holds a task of this pool: may it begin?  Relaxed: who made
 * the pool SHUT did so under its lock while all its threads were parked.
 */
static inline bool
tpi_intake_begins(struct tpi_intake *intake)
{
	return TPI_LIKELY(tpi_load_relaxed(&intake->closed) < TPI_SHUT);
}

/* Relaxed: it became so when there was one thread. */
static inline bool
tpi_intake_is_dead(struct tpi_intake *intake)
{
	return TPI_UNLIKELY(tpi_load_relaxed(&intake->closed) == TPI_DEAD);
}

/* Any thread; a later, gentler wish does not undo an earlier one. */
static inline void
tpi_intake_close(struct tpi_intake *intake, uint32_t how)
{
	uint32_t was = tpi_load_relaxed(&intake->closed);

	while (was < how) {
		/* ORDER C1 seq_cst -- tpi_intake_closed(): close, then look. */
		if (atomic_compare_exchange_weak_explicit(
			    &intake->closed, &was, how, memory_order_seq_cst,
			    memory_order_relaxed)) {
			return;
		}
	}
}

/* Room for n more?  Takes it if so. */
static inline bool
tpi_intake_reserve(struct tpi_intake *intake, size_t n)
{
	size_t was = tpi_load_relaxed(&intake->queued);

	do {
		if (n > intake->limit || was > intake->limit - n) {
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&intake->queued, &was, was + n, memory_order_relaxed,
		memory_order_relaxed));
	return true;
}

static inline void
tpi_intake_return(struct tpi_intake *intake, size_t n)
{
	atomic_fetch_sub_explicit(&intake->queued, n, memory_order_relaxed);
}

#endif
