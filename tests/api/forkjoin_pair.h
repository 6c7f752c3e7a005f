/* SPDX-License-Identifier: MIT */
/*
 * forkjoin_pair.h - tasks that call each other across two source files.
 */
#ifndef FORKJOIN_PAIR_H
#define FORKJOIN_PAIR_H

#include <taskpar/forkjoin.h>

struct pair {
	double first;
	double second;
};

typedef long *pair_count;
typedef struct pair pair_args;

/* In test_forkjoin_pair.c. */
TPAR_TASK_DECL_1(int, pair_is_even, long, n)
TPAR_TASK_DECL_2(long, pair_here, int, depth, long, seed)
TPAR_VOID_TASK_DECL_0(pair_note)

/* In forkjoin_other.c. */
TPAR_TASK_DECL_1(int, pair_is_odd, long, n)
TPAR_TASK_DECL_2(long, pair_there, int, depth, long, seed)
TPAR_TASK_DECL_3(pair_args, pair_add, pair_args, a, pair_args, b, double, by)
TPAR_VOID_TASK_DECL_3(pair_increment, pair_count, at, int, depth, long, by)
TPAR_TASK_DECL_0(long, pair_constant)

/* As pair_here() and pair_there(), by calls only. */
static inline long
pair_expected(int depth, long seed)
{
	return depth == 0 ? seed
			  : 3 * pair_expected(depth - 1, seed + 1) +
				    pair_expected(depth - 1, 2 * seed);
}

#endif
