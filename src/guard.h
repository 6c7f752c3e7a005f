/* SPDX-License-Identifier: MIT */
/*
 * guard.h - the sentinel: one of the sleepers of a pool in which there are
 * fork-join computations, who wakes now and then.
 *
 * Private forks are not to be seen (slots.h): who looks for work has to ask, and
 * all may be asleep when there come to be some.  So, as long as there are
 * computations and fewer threads active than the pool is wide, somebody
 * searches, or is being woken, or sleeps with a timeout.  A computation is
 * counted, then its thread looks at the sleep word; a sleeper leaves that word,
 * then looks at the count, all seq_cst (L6).  doc/FORKJOIN.md#sentinel; model:
 * tests/model/sentinel.c.
 */
#ifndef TPI_GUARD_H
#define TPI_GUARD_H

#include "base.h"
#include "pool.h"

struct tpi_worker;

/* A sleeper's part in it; { 0 } when it falls asleep. */
struct tpi_guard {
	bool is_sentinel;
	int64_t nap;
};

/* A computation begins; tpi_park_notify() afterwards.  It ends. */
static inline void
tpi_guard_enter(struct tpar_pool *pool)
{
	/* ORDER L6 seq_cst -- tpi_guard_needed(): forks, then see sleepers. */
	atomic_fetch_add_explicit(&pool->regions, 1, memory_order_seq_cst);
}

static inline void
tpi_guard_leave(struct tpar_pool *pool)
{
	atomic_fetch_sub_explicit(&pool->regions, 1, memory_order_relaxed);
}

/* Are there computations?  After a change of the sleep word. */
static inline bool
tpi_guard_needed(struct tpar_pool *pool)
{
	/* ORDER L6 seq_cst -- tpi_guard_enter(): leave, then see forks. */
	return atomic_load_explicit(&pool->regions, memory_order_seq_cst) > 0;
}

/* And nobody who would ask for forks?  After a change of the sleep word. */
static inline bool
tpi_guard_missing(struct tpar_pool *pool)
{
	return tpi_guard_needed(pool) && tpi_load_relaxed(&pool->sentinel) == 0;
}

/* Until when to sleep; 0: until woken.  Its deadline may be sooner. */
int64_t tpi_guard_until(struct tpi_guard *guard, struct tpi_worker *w,
			int64_t deadline);

/* It has slept for its time: is there something to be had? */
void tpi_guard_look(struct tpi_guard *guard, struct tpar_pool *pool);

/* It is awake, and counted as such; or its thread ends. */
void tpi_guard_end(struct tpi_guard *guard, struct tpar_pool *pool);

#endif
