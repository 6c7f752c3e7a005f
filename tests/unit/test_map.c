/* SPDX-License-Identifier: MIT */
/*
 * test_map.c - one function over many arguments: values in order, the failing
 * item is named, few tasks however many items.
 */
#include "config.h"

#include "handmade.h"

#include <taskpar/cancel.h>

enum { ITEMS = 1000 };

static _Atomic long calls;

static int
square(void *arg, void *value)
{
	const int *number = arg;

	atomic_fetch_add(&calls, 1);
	UNIT_MUST(*(long *)value == 0);
	*(long *)value = (long)*number * *number;
	return 0;
}

/* As a task, or from outside with `arg` a pool. */
static int
map_squares(void *arg, void *value)
{
	int args[ITEMS];
	long values[ITEMS];
	int i;

	(void)value;
	for (i = 0; i < ITEMS; i++) {
		args[i] = i;
	}
	memset(values, 0xff, sizeof values);
	UNIT_MUST(tpar_map(arg, square, args, sizeof args[0], values,
			   sizeof values[0], ITEMS, NULL) == TPAR_OK);
	for (i = 0; i < ITEMS; i++) {
		UNIT_MUST(values[i] == (long)i * i);
	}
	return 0;
}

START_TEST(values_stand_in_order)
{
	unsigned workers;

	for (workers = 1; workers <= 16; workers *= 4) {
		tpar_pool *pool = unit_pool(workers, 4);

		atomic_store(&calls, 0);
		ck_assert_int_eq(map_squares(pool, NULL), 0);
		unit_run_in(pool, map_squares, NULL);
		ck_assert_int_eq(atomic_load(&calls), 2 * ITEMS);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(default_pool_is_used_outside)
{
	setenv("TASKPAR_WORKERS", "2", 1);
	ck_assert_int_eq(map_squares(NULL, NULL), 0);
	ck_assert_int_eq(atomic_load(&calls), ITEMS);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

static int
expect_null(void *arg, void *value)
{
	atomic_fetch_add(&calls, 1);
	return arg == NULL && value != NULL ? 0 : 1;
}

START_TEST(nothing_given_is_nothing_got)
{
	tpar_pool *pool = unit_pool(2, 1);
	long value = 7;

	ck_assert_int_eq(tpar_map(pool, expect_null, NULL, 8, NULL, 0, 10,
				  NULL),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&calls), 10);
	ck_assert_int_eq(tpar_map(pool, expect_null, NULL, 0, &value,
				  sizeof value, 0, NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, 7);
	ck_assert_int_eq(atomic_load(&calls), 10);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	long value;

	ck_assert_int_eq(tpar_map(pool, NULL, NULL, 0, NULL, 0, 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "fn is NULL");
	ck_assert_int_eq(tpar_map(pool, square, NULL, 0, NULL, 8, 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "values is NULL");
	ck_assert_int_eq(tpar_map(pool, square, &value, 8, NULL, 0,
				  SIZE_MAX / 4, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_map(pool, square, NULL, 0, &value, 8,
				  SIZE_MAX / 4, &why),
			 TPAR_EINVAL);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_int_eq(tpar_map(pool, NULL, NULL, 0, NULL, 0, 1, NULL),
			 TPAR_EINVAL);
	ck_assert_int_eq(atomic_load(&calls), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(closed_pool_is_told)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_map(pool, square, NULL, 0, NULL, 0, 5, &why),
			 TPAR_ECLOSED);
	ck_assert_int_eq(why.code, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Fails at one item, with a message if the code is 1. */
struct failing {
	const int *args;
	int item;
	int code;
};

static struct failing failing;

static int
fail_at_item(void *arg, void *value)
{
	int item = (int)((const int *)arg - failing.args);

	(void)value;
	atomic_fetch_add(&calls, 1);
	if (item != failing.item) {
		/* A message of an item that succeeds is forgotten. */
		return tpar_fail(1, "not this one") == 1 ? 0 : 2;
	}
	return failing.code == 1 ? tpar_fail(1, "bad input") : failing.code;
}

static void
map_failing(int item, int code, enum tpar_err expected, const char *message)
{
	static int args[ITEMS];
	tpar_pool *pool = unit_pool(3, 1);
	struct tpar_failure why;

	failing = (struct failing) { args, item, code };
	memset(&why, 0, sizeof why);
	ck_assert_int_eq(tpar_map(pool, fail_at_item, args, sizeof args[0],
				  NULL, 0, ITEMS, &why),
			 expected);
	ck_assert_uint_eq(why.index, (size_t)item);
	ck_assert_int_eq(why.code, code);
	ck_assert_ptr_null(why.task);
	ck_assert_str_eq(why.message, message);
	ck_assert_int_eq(tpar_map(pool, fail_at_item, args, sizeof args[0],
				  NULL, 0, ITEMS, NULL),
			 expected);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(failing_item_is_blamed)
{
	map_failing(500, 1, TPAR_EFAILED, "item 500: bad input");
	map_failing(0, 42, TPAR_EFAILED, "item 0: failed with code 42");
	map_failing(ITEMS - 1, -3, TPAR_EFAILED,
		    "item 999: failed with code -3");
	map_failing(7, TPAR_ESTOPPED, TPAR_ECANCELED, "item 7: was cancelled");
}
END_TEST

static int
fail_first(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return atomic_fetch_add(&calls, 1) == 0 ? 9 : 0;
}

START_TEST(no_item_begins_after_a_failure)
{
	tpar_pool *pool = unit_pool(1, 1);
	long rounds = unit_scaled(50);
	long i;

	for (i = 0; i < rounds; i++) {
		atomic_store(&calls, 0);
		ck_assert_int_eq(tpar_map(pool, fail_first, NULL, 0, NULL, 0,
					  100000, NULL),
				 TPAR_EFAILED);
		ck_assert_int_eq(atomic_load(&calls), 1);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
stop_the_caller(void *arg, void *value)
{
	tpar_future *caller = *(tpar_future **)arg;

	(void)value;
	if (atomic_fetch_add(&calls, 1) == 3) {
		UNIT_MUST(tpar_future_cancel(caller) == TPAR_OK);
	}
	return 0;
}

static int
map_and_be_stopped(void *arg, void *value)
{
	tpar_future *myself = tpi_thread_self.run->task;
	struct tpar_failure *why = arg;

	(void)value;
	return tpar_map(NULL, stop_the_caller, &myself, 0, NULL, 0, 1000000,
			why) == TPAR_ESTOPPED
		       ? TPAR_ESTOPPED
		       : 1;
}

START_TEST(stopped_task_stops_its_map)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	tpar_future *f = unit_submit(pool, map_and_be_stopped, &why, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_int_lt(atomic_load(&calls), 1000000);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A map whose drivers never begin, as its pool is shut down. */
struct outside {
	tpar_pool *pool;
	enum tpar_err err;
	struct tpar_failure why;
};

static void *
map_outside(void *arg)
{
	struct outside *outside = arg;

	outside->err = tpar_map(outside->pool, expect_null, NULL, 0, NULL, 0,
				10, &outside->why);
	return NULL;
}

START_TEST(cancelled_pool_blames_no_item)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct outside outside;
	tpar_future *held;
	pthread_t thread;
	intptr_t i;

	outside.pool = unit_pool(1, 1);
	/* Blocks that are used again remember numbers. */
	for (i = 0; i < 1000; i++) {
		tpar_future *f = unit_submit(outside.pool, unit_number_task,
					     (void *)(i % 10), sizeof i);

		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref(f);
	}
	held = unit_submit(outside.pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	thread = unit_start(map_outside, &outside);
	UNIT_AWAIT(tpi_pool_any_work(outside.pool));
	ck_assert_int_eq(tpar_pool_shutdown(outside.pool, TPAR_CANCEL,
					    TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	unit_join(thread);
	ck_assert_int_eq(atomic_load(&calls), 0);
	ck_assert_int_eq(outside.err, TPAR_ECANCELED);
	ck_assert_uint_eq(outside.why.index, SIZE_MAX);
	tpar_future_unref(held);
	ck_assert_int_eq(tpar_pool_destroy(outside.pool), TPAR_OK);
}
END_TEST

static int
map_again(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return tpar_map(NULL, expect_null, NULL, 0, NULL, 0, 20, NULL);
}

START_TEST(maps_may_be_nested)
{
	unsigned workers;

	for (workers = 1; workers <= 4; workers *= 2) {
		tpar_pool *pool = unit_pool(workers, 8);

		atomic_store(&calls, 0);
		ck_assert_int_eq(tpar_map(pool, map_again, NULL, 0, NULL, 0, 50,
					  NULL),
				 TPAR_OK);
		ck_assert_int_eq(atomic_load(&calls), 1000);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		values_stand_in_order,
		default_pool_is_used_outside,
		nothing_given_is_nothing_got,
		bad_arguments_are_refused,
		closed_pool_is_told,
		failing_item_is_blamed,
		no_item_begins_after_a_failure,
		stopped_task_stops_its_map,
		cancelled_pool_blames_no_item,
		maps_may_be_nested,
	};

	return unit_main("map", tests, sizeof tests / sizeof tests[0]);
}
