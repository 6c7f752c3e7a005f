/* SPDX-License-Identifier: MIT */
/*
 * forkjoin_other.c - the other file of test_forkjoin_pair.c.
 */
#include "forkjoin_pair.h"

TPAR_TASK_BODY_1(int, pair_is_odd, long, n)
{
	if (n == 0) {
		return 0;
	}
	TPAR_FORK(pair_is_even, n - 1);
	return TPAR_JOIN(pair_is_even);
}

TPAR_TASK_BODY_2(long, pair_there, int, depth, long, seed)
{
	long a;
	long b;

	if (depth == 0) {
		return seed;
	}
	TPAR_FORK(pair_here, depth - 1, seed + 1);
	b = TPAR_CALL(pair_here, depth - 1, 2 * seed);
	a = TPAR_JOIN(pair_here);
	return 3 * a + b;
}

TPAR_TASK_BODY_3(pair_args, pair_add, pair_args, a, pair_args, b, double, by)
{
	struct pair sum = { a.first + b.first + by, a.second + b.second + by };

	return sum;
}

TPAR_VOID_TASK_BODY_3(pair_increment, pair_count, at, int, depth, long, by)
{
	if (depth == 0) {
		__atomic_fetch_add(at, by, __ATOMIC_RELAXED);
		return;
	}
	TPAR_FORK(pair_increment, at, depth - 1, by);
	TPAR_FORK(pair_note);
	TPAR_CALL(pair_increment, at, depth - 1, by);
	TPAR_JOIN(pair_note);
	TPAR_JOIN(pair_increment);
}

TPAR_TASK_BODY_0(long, pair_constant)
{
	return 123;
}
