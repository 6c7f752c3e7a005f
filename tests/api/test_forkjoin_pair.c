/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_pair.c - tasks that are declared in a header and defined once:
 * mutual recursion, and calls, forks and runs from another file.
 */
#include "forks.h"

#include "forkjoin_pair.h"

static _Atomic long notes;

TPAR_VOID_TASK_BODY_0(pair_note)
{
	atomic_fetch_add(&notes, 1);
}

TPAR_TASK_BODY_1(int, pair_is_even, long, n)
{
	if (n == 0) {
		return 1;
	}
	TPAR_FORK(pair_is_odd, n - 1);
	return TPAR_JOIN(pair_is_odd);
}

TPAR_TASK_BODY_2(long, pair_here, int, depth, long, seed)
{
	long a;
	long b;

	if (depth == 0) {
		return seed;
	}
	TPAR_FORK(pair_there, depth - 1, seed + 1);
	b = TPAR_CALL(pair_there, depth - 1, 2 * seed);
	a = TPAR_JOIN(pair_there);
	return 3 * a + b;
}

/* Of this file only, declared before it is defined. */
TPAR_TASK_DECL_1(int, climb, int, n)
TPAR_TASK_DECL_1(int, fall, int, n)

TPAR_TASK_BODY_1(int, climb, int, n)
{
	return n > 20 ? TPAR_CALL(fall, n) : TPAR_CALL(climb, 3 * n + 1);
}

TPAR_TASK_BODY_1(int, fall, int, n)
{
	return n < 3 ? n : TPAR_CALL(fall, n / 2);
}

static void
run_parity(tpar_pool *pool)
{
	int even = -1;
	int odd = -1;

	ck_assert_int_eq(TPAR_RUN(pair_is_even, pool, &even, NULL, 101),
			 TPAR_OK);
	ck_assert_int_eq(even, 0);
	ck_assert_int_eq(TPAR_RUN(pair_is_odd, pool, &odd, NULL, 101), TPAR_OK);
	ck_assert_int_eq(odd, 1);
	ck_assert_int_eq(TPAR_RUN(climb, pool, &odd, NULL, 1), TPAR_OK);
	ck_assert_int_eq(odd, 2);
}

START_TEST(tasks_recurse_mutually)
{
	forks_with_each(run_parity);
}
END_TEST

static void
run_pair(tpar_pool *pool)
{
	long value = 0;

	ck_assert_int_eq(TPAR_RUN(pair_here, pool, &value, NULL, 12, 5),
			 TPAR_OK);
	ck_assert_int_eq(value, pair_expected(12, 5));
	value = 0;
	ck_assert_int_eq(TPAR_RUN(pair_there, pool, &value, NULL, 11, 7),
			 TPAR_OK);
	ck_assert_int_eq(value, pair_expected(11, 7));
}

START_TEST(files_fork_each_others_tasks)
{
	forks_with_each(run_pair);
}
END_TEST

static void
run_others(tpar_pool *pool)
{
	struct pair a = { 1, 2 };
	struct pair b = { 0.5, 0.25 };
	struct pair sum = { 0, 0 };
	long count = 0;
	long constant = 0;

	atomic_store(&notes, 0);
	ck_assert_int_eq(TPAR_RUN(pair_add, pool, &sum, NULL, a, b, 10.0),
			 TPAR_OK);
	ck_assert_double_eq(sum.first, 11.5);
	ck_assert_double_eq(sum.second, 12.25);
	ck_assert_int_eq(TPAR_RUN(pair_increment, pool, NULL, NULL, &count, 8,
				  3),
			 TPAR_OK);
	ck_assert_int_eq(count, 3 * 256);
	ck_assert_int_eq(atomic_load(&notes), 255);
	ck_assert_int_eq(TPAR_RUN(pair_constant, pool, &constant, NULL),
			 TPAR_OK);
	ck_assert_int_eq(constant, 123);
}

START_TEST(tasks_of_another_file_are_run_with_and_without_results)
{
	forks_with_each(run_others);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		tasks_recurse_mutually, files_fork_each_others_tasks,
		tasks_of_another_file_are_run_with_and_without_results
	};

	return unit_main("forkjoin_pair", tests,
			 sizeof tests / sizeof tests[0]);
}
