/* SPDX-License-Identifier: MIT */
/*
 * test_window_exit.c - an item that calls pthread_exit() on the thread of a task
 * that puts or takes: that one has failed with it, and the window goes on for all
 * others.
 */
#include "windows.h"

static tpar_window *w;

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	pthread_exit(arg);
	return 0;
}

static void
expect_exited(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f),
			 "the task has called pthread_exit()");
	tpar_future_unref(f);
}

static void
expect_failed(size_t index)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_EFAILED);
	ck_assert_uint_eq(why.index, index);
	ck_assert_str_eq(why.message, "the task has called pthread_exit()");
}

static int
put_and_take(void *arg, void *value)
{
	(void)arg;
	(void)value;
	UNIT_MUST(window_put(w, exit_thread, NULL, TPAR_FOREVER) == TPAR_OK);
	(void)tpar_window_take(w, NULL, TPAR_FOREVER, NULL);
	return 0;
}

START_TEST(others_may_take_after_one_that_has_exited)
{
	tpar_pool *pool = unit_pool(1, 1);

	w = window_in(pool, 1);
	expect_exited(unit_submit(pool, put_and_take, NULL, 0));
	expect_failed(0);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
sleep_for_ever(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_sleep(TPAR_FOREVER);
}

static int
put_two(void *arg, void *value)
{
	(void)arg;
	(void)value;
	UNIT_MUST(window_put(w, exit_thread, NULL, TPAR_FOREVER) == TPAR_OK);
	(void)window_put(w, exit_thread, NULL, TPAR_FOREVER);
	return 0;
}

/* So that a stack that was left behind is used for something else. */
static int
overwrite_stack(void *arg, void *value)
{
	volatile char bytes[64 * 1024];
	size_t i;

	(void)arg;
	(void)value;
	for (i = 0; i < sizeof bytes; i++) {
		bytes[i] = 0x5a;
	}
	return 0;
}

static void
use_old_stacks(void)
{
	tpar_pool *pool[4];
	size_t i;

	for (i = 0; i < 4; i++) {
		pool[i] = unit_pool(1, 1);
		unit_run_in(pool[i], overwrite_stack, NULL);
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(tpar_pool_destroy(pool[i]), TPAR_OK);
	}
}

START_TEST(nobody_waits_for_room_who_has_exited)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *sleeper = unit_submit(pool, sleep_for_ever, NULL, 0);

	/* One thread sleeps; the other one waits for room, and none is left. */
	UNIT_AWAIT(tpar_future_state(sleeper) == TPAR_RUNNING);
	w = window_in(pool, 1);
	expect_exited(unit_submit(pool, put_two, NULL, 0));
	ck_assert_int_eq(tpar_future_cancel(sleeper), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(sleeper, TPAR_FOREVER),
			 TPAR_ECANCELED);
	tpar_future_unref(sleeper);
	use_old_stacks();
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	expect_failed(0);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
fail_with_words(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return tpar_fail(3, "the first one");
}

/* The second item begins only as the failure of the first is waited out. */
static int
take_what_fails(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;

	(void)arg;
	(void)value;
	UNIT_MUST(window_put(w, fail_with_words, NULL, TPAR_FOREVER) ==
		  TPAR_OK);
	task.fn = exit_thread;
	task.value_size = sizeof(intptr_t);
	task.flags = TPAR_SHIELDED;
	UNIT_MUST(tpar_window_put(w, &task, TPAR_FOREVER) == TPAR_OK);
	(void)tpar_window_take(w, NULL, TPAR_FOREVER, NULL);
	return 0;
}

START_TEST(failure_that_was_not_told_is_told_to_the_next_one)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	int i;

	w = window_in(pool, 2);
	expect_exited(unit_submit(pool, take_what_fails, NULL, 0));
	use_old_stacks();
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
				 TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 0);
		ck_assert_int_eq(why.code, 3);
		ck_assert_str_eq(why.message, "the first one");
	}
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		others_may_take_after_one_that_has_exited,
		nobody_waits_for_room_who_has_exited,
		failure_that_was_not_told_is_told_to_the_next_one,
	};

	return unit_main("window_exit", tests, sizeof tests / sizeof tests[0]);
}
