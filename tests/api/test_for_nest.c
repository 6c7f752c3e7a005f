/* SPDX-License-Identifier: MIT */
/*
 * test_for_nest.c - loops in tasks, in fork-join tasks, in loops; and futures in
 * loops.
 */
#include "unit.h"

#include <stdatomic.h>
#include <stdint.h>

static int
add_items(size_t begin, size_t end, void *arg)
{
	atomic_fetch_add((_Atomic size_t *)arg, end - begin);
	return 0;
}

static int
loop_in_task(void *arg, void *value)
{
	(void)value;
	return tpar_for(NULL, 0, 1000, 0, add_items, arg, NULL);
}

START_TEST(a_task_may_loop)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[10];
	_Atomic size_t sum = 0;
	int i;

	for (i = 0; i < 10; i++) {
		f[i] = unit_submit(pool, loop_in_task, &sum, 0);
	}
	ck_assert_int_eq(tpar_gather(f, 10, NULL, NULL), TPAR_OK);
	ck_assert_uint_eq(atomic_load(&sum), 10000);
	for (i = 0; i < 10; i++) {
		tpar_future_unref(f[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
gather_in_items(size_t begin, size_t end, void *arg)
{
	size_t i;

	for (i = begin; i < end; i++) {
		tpar_future *f[2];
		int err;

		f[0] = unit_submit(NULL, loop_in_task, arg, 0);
		f[1] = unit_submit(NULL, loop_in_task, arg, 0);
		err = tpar_gather(f, 2, NULL, NULL);
		tpar_future_unref(f[0]);
		tpar_future_unref(f[1]);
		if (err != TPAR_OK) {
			return err;
		}
	}
	return 0;
}

START_TEST(items_may_gather_tasks_that_loop)
{
	unsigned workers;

	for (workers = 1; workers <= 2; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);
		_Atomic size_t sum = 0;

		ck_assert_int_eq(tpar_for(pool, 0, 50, 0, gather_in_items, &sum,
					  NULL),
				 TPAR_OK);
		ck_assert_uint_eq(atomic_load(&sum), 50 * 2 * 1000);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

/* In a fork-join task, each level of a tree loops. */
TPAR_TASK_2(long, tree, int, depth, _Atomic size_t *, sum)
{
	long left = 0;
	long right = 0;

	if (depth > 0) {
		TPAR_FORK(tree, depth - 1, sum);
		right = TPAR_CALL(tree, depth - 1, sum);
	}
	UNIT_MUST(tpar_for(NULL, 0, 100, 0, add_items, sum, NULL) == TPAR_OK);
	if (depth > 0) {
		left = TPAR_JOIN(tree);
	}
	return left + right + 1;
}

START_TEST(a_fork_join_task_may_loop)
{
	unsigned workers;

	for (workers = 1; workers <= 2; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);
		_Atomic size_t sum = 0;
		long nodes;

		ck_assert_int_eq(TPAR_RUN(tree, pool, &nodes, NULL, 9, &sum),
				 TPAR_OK);
		ck_assert_int_eq(nodes, 1023);
		ck_assert_uint_eq(atomic_load(&sum), 102300);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

TPAR_TASK_1(long, fib, int, n)
{
	long a;
	long b;

	if (n < 2) {
		return n;
	}
	TPAR_FORK(fib, n - 1);
	b = TPAR_CALL(fib, n - 2);
	a = TPAR_JOIN(fib);
	return a + b;
}

struct level {
	int depth;
	_Atomic size_t sum;
};

static int
loop_deeper(size_t begin, size_t end, void *arg)
{
	struct level *level = arg;
	long value = 0;
	size_t i;

	for (i = begin; i < end; i++) {
		struct level below = { level->depth - 1, 0 };

		if (level->depth == 0) {
			UNIT_MUST(TPAR_RUN(fib, NULL, &value, NULL, 5) ==
				  TPAR_OK);
			UNIT_MUST(value == 5);
			atomic_fetch_add(&level->sum, 1);
			continue;
		}
		UNIT_MUST(tpar_for(NULL, 0, 7, 0, loop_deeper, &below, NULL) ==
			  TPAR_OK);
		atomic_fetch_add(&level->sum, atomic_load(&below.sum));
	}
	return 0;
}

START_TEST(loops_nest)
{
	unsigned workers;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);
		struct level level = { 3, 0 };

		ck_assert_int_eq(tpar_for(pool, 0, 7, 0, loop_deeper, &level,
					  NULL),
				 TPAR_OK);
		ck_assert_uint_eq(atomic_load(&level.sum), 7 * 7 * 7 * 7);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

/* The outer loop fails, by what an inner one returns. */
static int
fail_deeper(size_t begin, size_t end, void *arg)
{
	size_t *depth = arg;
	size_t below = *depth > 0 ? *depth - 1 : 0;
	struct tpar_failure why;

	(void)end;
	if (*depth == 0) {
		return begin == 2 ? tpar_fail(3, "at the bottom") : 0;
	}
	if (tpar_for(NULL, 0, 4, 1, fail_deeper, &below, &why) != TPAR_OK) {
		return tpar_fail_from(&why);
	}
	return 0;
}

START_TEST(a_failure_comes_up_through_the_levels)
{
	size_t depth = 3;
	struct tpar_failure why;

	ck_assert_int_eq(tpar_for(NULL, 0, 4, 1, fail_deeper, &depth, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 3);
	ck_assert_str_eq(why.message, "at the bottom");
}
END_TEST

static int
loop_in_other(size_t begin, size_t end, void *arg)
{
	size_t i;

	for (i = begin; i < end; i++) {
		_Atomic size_t sum = 0;

		UNIT_MUST(tpar_for(arg, 0, 100, 0, add_items, &sum, NULL) ==
			  TPAR_OK);
		UNIT_MUST(atomic_load(&sum) == 100);
	}
	return 0;
}

START_TEST(a_loop_in_one_pool_may_loop_in_another)
{
	tpar_pool *one = unit_pool(2, 1);
	tpar_pool *other = unit_pool(1, 1);

	ck_assert_int_eq(tpar_for(one, 0, 100, 0, loop_in_other, other, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		a_task_may_loop,
		items_may_gather_tasks_that_loop,
		a_fork_join_task_may_loop,
		loops_nest,
		a_failure_comes_up_through_the_levels,
		a_loop_in_one_pool_may_loop_in_another,
	};

	return unit_main("for_nest", tests, sizeof tests / sizeof tests[0]);
}
