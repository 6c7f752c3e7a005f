/* SPDX-License-Identifier: MIT */
/*
 * forks.h - what the tests of fork-join share: having a fork stolen.
 *
 * A fork runs elsewhere only if somebody asks for it, and its owner notices at
 * his next fork or join.  So an owner who wants it to be stolen forks and joins
 * until it has been.
 */
#ifndef FORKS_H
#define FORKS_H

#include "unit.h"

#include <taskpar/forkjoin.h>

#include <sched.h>
#include <stdatomic.h>

TPAR_VOID_TASK_0(forks_nothing)
{
}

typedef _Atomic int *forks_flag;

static inline void
forks_raise(_Atomic int *flag)
{
	atomic_store(flag, 1);
}

static inline bool
forks_raised(_Atomic int *flag)
{
	return atomic_load(flag) != 0;
}

/* Until the flag is up; all that was forked before may be stolen meanwhile. */
/* ENDS: who raises it does, or the test's timeout comes. */
TPAR_VOID_TASK_1(forks_until, forks_flag, flag)
{
	while (!forks_raised(flag)) {
		TPAR_FORK(forks_nothing);
		TPAR_JOIN(forks_nothing);
		sched_yield();
	}
}

/* The sum of 1 for each leaf of a tree of forks. */
TPAR_TASK_1(long, forks_leaves, int, depth)
{
	long left;
	long right;

	if (depth == 0) {
		return 1;
	}
	TPAR_FORK(forks_leaves, depth - 1);
	right = TPAR_CALL(forks_leaves, depth - 1);
	left = TPAR_JOIN(forks_leaves);
	return left + right;
}

/* Does the pool still run them? */
static inline bool
forks_work(tpar_pool *pool)
{
	long leaves = 0;

	return TPAR_RUN(forks_leaves, pool, &leaves, NULL, 10) == TPAR_OK &&
	       leaves == 1024;
}

/* Calls test(pool) for pools of one worker and of several. */
static inline void
forks_with_each(void (*test)(tpar_pool *pool))
{
	static const unsigned workers[] = { 1, 2, 4 };
	size_t i;

	for (i = 0; i < sizeof workers / sizeof workers[0]; i++) {
		tpar_pool *pool = unit_pool(workers[i], 1);

		test(pool);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}

#endif
