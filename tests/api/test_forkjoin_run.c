/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_run.c - where TPAR_RUN may be called: outside, in tasks of
 * futures, in fork-join tasks, for this pool or another one.
 */
#include "forks.h"

enum { DEPTH = 8, LEAVES = 256 };

TPAR_TASK_1(int, runs_on, pthread_t, thread)
{
	return pthread_equal(thread, pthread_self()) != 0;
}

/* ---- From outside -------------------------------------------------------- */

static void
run_outside(tpar_pool *pool)
{
	struct tpar_failure why;
	long leaves = 0;
	int here = -1;

	ck_assert_int_eq(TPAR_RUN(forks_leaves, pool, &leaves, &why, DEPTH),
			 TPAR_OK);
	ck_assert_int_eq(leaves, LEAVES);
	ck_assert_int_eq(TPAR_RUN(runs_on, pool, &here, NULL, pthread_self()),
			 TPAR_OK);
	ck_assert_int_eq(here, 0);
}

START_TEST(outside_it_runs_on_a_worker_of_the_pool)
{
	forks_with_each(run_outside);
}
END_TEST

START_TEST(without_a_pool_it_is_the_default_pool)
{
	run_outside(NULL);
}
END_TEST

enum { THREADS = 4, RUNS = 50 };

static void *
run_many(void *arg)
{
	long leaves;
	int i;

	for (i = 0; i < RUNS; i++) {
		leaves = 0;
		UNIT_MUST(TPAR_RUN(forks_leaves, arg, &leaves, NULL, DEPTH) ==
			  TPAR_OK);
		UNIT_MUST(leaves == LEAVES);
	}
	return NULL;
}

static void
run_from_threads(tpar_pool *pool)
{
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		thread[i] = unit_start(run_many, pool);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	ck_assert(forks_work(pool));
}

START_TEST(several_threads_run_at_once)
{
	forks_with_each(run_from_threads);
}
END_TEST

/* ---- In tasks of futures -------------------------------------------------- */

/* With NULL and with its own pool it is part of the calling task. */
static int
run_in_task(void *arg, void *value)
{
	tpar_pool *pools[] = { NULL, arg };
	long *sum = value;
	int i;

	for (i = 0; i < 2; i++) {
		long leaves = 0;
		int here = 0;

		UNIT_MUST(TPAR_RUN(runs_on, pools[i], &here, NULL,
				   pthread_self()) == TPAR_OK);
		UNIT_MUST(here == 1);
		UNIT_MUST(TPAR_RUN(forks_leaves, pools[i], &leaves, NULL,
				   DEPTH) == TPAR_OK);
		*sum += leaves;
	}
	return 0;
}

static void
run_in_tasks(tpar_pool *pool)
{
	enum { N = 20 };
	tpar_future *f[N];
	long value[N];
	int i;

	for (i = 0; i < N; i++) {
		f[i] = unit_submit(pool, run_in_task, pool, sizeof value[0]);
	}
	ck_assert_int_eq(tpar_gather(f, N, value, NULL), TPAR_OK);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(value[i], 2 * LEAVES);
	}
	tpar_future_unref_all(f, N);
}

START_TEST(in_a_task_it_is_part_of_the_task)
{
	forks_with_each(run_in_tasks);
}
END_TEST

/* ---- In fork-join tasks ---------------------------------------------------- */

/* Each node is a computation of its own. */
TPAR_TASK_1(long, runs_within, int, depth)
{
	long left = 0;
	long right = 0;

	if (depth == 0) {
		return 1;
	}
	TPAR_FORK(runs_within, depth - 1);
	UNIT_MUST(TPAR_RUN(runs_within, NULL, &right, NULL, depth - 1) ==
		  TPAR_OK);
	left = TPAR_JOIN(runs_within);
	return left + right;
}

static void
run_nested(tpar_pool *pool)
{
	long leaves = 0;
	int i;

	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(TPAR_RUN(runs_within, pool, &leaves, NULL,
					  DEPTH),
				 TPAR_OK);
		ck_assert_int_eq(leaves, LEAVES);
	}
}

START_TEST(computations_nest_at_any_depth)
{
	forks_with_each(run_nested);
}
END_TEST

/* What was forked outside of a computation may be stolen while it runs. */
TPAR_TASK_1(int, await_within, forks_flag, flag)
{
	TPAR_CALL(forks_until, flag);
	return 7;
}

TPAR_VOID_TASK_1(raise_flag, forks_flag, flag)
{
	forks_raise(flag);
}

TPAR_TASK_0(int, fork_then_run)
{
	_Atomic int flag = 0;
	int value = 0;

	TPAR_FORK(raise_flag, &flag);
	UNIT_MUST(TPAR_RUN(await_within, NULL, &value, NULL, &flag) == TPAR_OK);
	TPAR_JOIN(raise_flag);
	return value;
}

START_TEST(forks_of_the_outer_computation_are_stolen_while_an_inner_one_runs)
{
	tpar_pool *pool = unit_pool(2, 1);
	int value = 0;

	ck_assert_int_eq(TPAR_RUN(fork_then_run, pool, &value, NULL), TPAR_OK);
	ck_assert_int_eq(value, 7);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- On another pool -------------------------------------------------------- */

typedef tpar_pool *pool_at;

/* Every level on the other one of two pools. */
TPAR_TASK_3(long, change_pools, pool_at, here, pool_at, there, int, depth)
{
	long left = 0;
	long right = 0;

	if (depth == 0) {
		return 1;
	}
	TPAR_FORK(change_pools, here, there, depth - 1);
	UNIT_MUST(TPAR_RUN(change_pools, there, &right, NULL, there, here,
			   depth - 1) == TPAR_OK);
	left = TPAR_JOIN(change_pools);
	return left + right;
}

START_TEST(tasks_run_computations_on_other_pools)
{
	static const unsigned workers[] = { 1, 2 };
	long leaves = 0;
	int i;

	for (i = 0; i < 4; i++) {
		tpar_pool *a = unit_pool(workers[i / 2], 1);
		tpar_pool *b = unit_pool(workers[i % 2], 1);

		ck_assert_int_eq(TPAR_RUN(change_pools, a, &leaves, NULL, a, b,
					  DEPTH),
				 TPAR_OK);
		ck_assert_int_eq(leaves, LEAVES);
		ck_assert_int_eq(tpar_pool_destroy(a), TPAR_OK);
		ck_assert_int_eq(tpar_pool_destroy(b), TPAR_OK);
	}
}
END_TEST

/* A pool that lets no other thread run its tasks. */
static tpar_pool *
selfish_pool(const char *name)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = 1;
	config.own_threads_only = true;
	config.name = name;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

struct visit {
	tpar_pool *pool;
	int here;
};

static int
visit(void *arg, void *value)
{
	struct visit *v = arg;

	(void)value;
	return TPAR_RUN(runs_on, v->pool, &v->here, NULL, pthread_self());
}

START_TEST(pool_that_is_for_itself_runs_it_on_its_own_threads)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct visit v = { selfish_pool("selfish"), -1 };

	unit_run_in(pool, visit, &v);
	ck_assert_int_eq(v.here, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(v.pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		outside_it_runs_on_a_worker_of_the_pool,
		without_a_pool_it_is_the_default_pool,
		several_threads_run_at_once,
		in_a_task_it_is_part_of_the_task,
		computations_nest_at_any_depth,
		forks_of_the_outer_computation_are_stolen_while_an_inner_one_runs,
		tasks_run_computations_on_other_pools,
		pool_that_is_for_itself_runs_it_on_its_own_threads
	};

	return unit_main("forkjoin_run", tests, sizeof tests / sizeof tests[0]);
}
