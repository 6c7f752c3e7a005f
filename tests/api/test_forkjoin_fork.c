/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_fork.c - fork() while other threads are in computations: those
 * are not in the child, and go on in the parent.
 */
#include "forks.h"

#include "child.h"

enum { DEPTH = 8, LEAVES = 256, CHILDREN = 10 };

static _Atomic int children_done;

/* Until all children have been seen to end: results are right. */
static void *
run_until_done(void *arg)
{
	long leaves;

	while (atomic_load(&children_done) == 0) {
		leaves = 0;
		UNIT_MUST(TPAR_RUN(forks_leaves, arg, &leaves, NULL, DEPTH) ==
			  TPAR_OK);
		UNIT_MUST(leaves == LEAVES);
	}
	return NULL;
}

/* The pool of the parent is closed, the default pool begins anew. */
static void
use_in_child(void *pool)
{
	long leaves = 0;

	UNIT_MUST(TPAR_RUN(forks_leaves, pool, &leaves, NULL, DEPTH) ==
		  TPAR_ECLOSED);
	UNIT_MUST(leaves == 0);
	if (CHILD_ALLOCATES) {
		UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	}
	if (CHILD_STARTS_THREADS && CHILD_ALLOCATES) {
		UNIT_MUST(TPAR_RUN(forks_leaves, NULL, &leaves, NULL, DEPTH) ==
			  TPAR_OK);
		UNIT_MUST(leaves == LEAVES);
	}
}

static void
fork_beside(tpar_pool *pool)
{
	pthread_t thread = unit_start(run_until_done, pool);
	int i;

	for (i = 0; i < CHILDREN; i++) {
		ck_assert(child_runs(use_in_child, pool));
	}
	atomic_store(&children_done, 1);
	unit_join(thread);
	atomic_store(&children_done, 0);
	ck_assert(forks_work(pool));
}

START_TEST(fork_beside_computations)
{
	forks_with_each(fork_beside);
}
END_TEST

START_TEST(fork_beside_computations_of_the_default_pool)
{
	pthread_t thread = unit_start(run_until_done, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < CHILDREN; i++) {
		ck_assert(child_runs(use_in_child, pool));
	}
	atomic_store(&children_done, 1);
	unit_join(thread);
	ck_assert(forks_work(NULL));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- In a computation ---------------------------------------------------------- */

static void
only_exit(void *arg)
{
	UNIT_MUST(arg == NULL);
}

/* A child of a fork-join task, which may only exit. */
TPAR_TASK_1(int, fork_process, int, depth)
{
	int left;
	int right;

	if (depth == 0) {
		return child_runs(only_exit, NULL);
	}
	TPAR_FORK(fork_process, depth - 1);
	right = TPAR_CALL(fork_process, depth - 1);
	left = TPAR_JOIN(fork_process);
	return left + right;
}

static void
fork_within(tpar_pool *pool)
{
	int children = 0;

	ck_assert_int_eq(TPAR_RUN(fork_process, pool, &children, NULL, 3),
			 TPAR_OK);
	ck_assert_int_eq(children, 8);
	ck_assert(forks_work(pool));
}

START_TEST(fork_join_tasks_fork_the_process)
{
	forks_with_each(fork_within);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { fork_beside_computations,
				 fork_beside_computations_of_the_default_pool,
				 fork_join_tasks_fork_the_process };

	return unit_main("forkjoin_fork", tests,
			 sizeof tests / sizeof tests[0]);
}
