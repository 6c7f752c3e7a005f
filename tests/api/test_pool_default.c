/* SPDX-License-Identifier: MIT */
/*
 * test_pool_default.c - what NULL means where a pool is asked for, and what
 * TASKPAR_WORKERS says.
 */
#include "unit.h"

#include "threads.h"

#include <stdatomic.h>
#include <string.h>

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static void
set_workers(const char *text)
{
	ck_assert_int_eq(setenv("TASKPAR_WORKERS", text, 1), 0);
}

START_TEST(environment_says_how_many_workers)
{
	static const struct {
		const char *text;
		unsigned workers;
	} cases[] = { { "1", 1 }, { "3", 3 }, { "0012", 12 } };
	tpar_pool *pool;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		set_workers(cases[i].text);
		ck_assert_uint_eq(tpar_pool_workers(NULL), cases[i].workers);
		ck_assert_int_eq(tpar_pool_create(&pool, NULL), TPAR_OK);
		ck_assert_uint_eq(tpar_pool_workers(pool), cases[i].workers);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	}
}
END_TEST

START_TEST(environment_that_says_nothing_is_not_asked)
{
	unsigned workers;

	ck_assert_int_eq(unsetenv("TASKPAR_WORKERS"), 0);
	workers = tpar_pool_workers(NULL);
	ck_assert_uint_ge(workers, 1);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	set_workers("");
	ck_assert_uint_eq(tpar_pool_workers(NULL), workers);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

START_TEST(environment_that_is_no_number_starts_nothing)
{
	static const char *const bad[] = { "0",	 "4097", "-1", "+2",  " 2",
					   "2 ", "two",	 "2x", "0x2", "1e3" };
	struct tpar_failure why;
	tpar_future *f = NULL;
	tpar_pool *pool = NULL;
	int item = 0;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		set_workers(bad[i]);
		ck_assert_int_eq(tpar_pool_create(&pool, NULL), TPAR_EINVAL);
		ck_assert_ptr_nonnull(
			strstr(tpar_error_detail(), "TASKPAR_WORKERS is '"));
		ck_assert_ptr_nonnull(strstr(tpar_error_detail(), bad[i]));
		ck_assert_uint_eq(tpar_pool_workers(NULL), 0);
		ck_assert_int_eq(tpar_submit(NULL, do_nothing, NULL, 0, &f),
				 TPAR_EINVAL);
		ck_assert_int_eq(tpar_map(NULL, do_nothing, &item, 0, NULL, 0,
					  1, &why),
				 TPAR_EINVAL);
		ck_assert_str_eq(why.message, tpar_error_detail());
	}
	ck_assert_ptr_null(pool);
	ck_assert_ptr_null(f);
	/* It is asked again each time. */
	set_workers("2");
	ck_assert_uint_eq(tpar_pool_workers(NULL), 2);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

START_TEST(config_overrides_the_environment)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = 2;
	set_workers("5");
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	ck_assert_uint_eq(tpar_pool_workers(pool), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* It does not even have to make sense. */
	set_workers("many");
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	ck_assert_uint_eq(tpar_pool_workers(pool), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* What NULL means in a task: tells how wide that pool is. */
static int
tell_workers(void *arg, void *value)
{
	tpar_future *f;
	unsigned inner;

	*(unsigned *)value = tpar_pool_workers(NULL);
	if (arg == NULL) {
		return 0;
	}
	f = unit_submit(NULL, tell_workers, NULL, sizeof inner);
	UNIT_MUST(tpar_gather(&f, 1, &inner, NULL) == TPAR_OK);
	tpar_future_unref(f);
	return inner == *(unsigned *)value ? 0 : 1;
}

static unsigned
workers_told_in(tpar_pool *pool)
{
	tpar_future *f = unit_submit(pool, tell_workers, &f, sizeof(unsigned));
	unsigned told = 0;

	ck_assert_int_eq(tpar_gather(&f, 1, &told, NULL), TPAR_OK);
	tpar_future_unref(f);
	return told;
}

START_TEST(null_is_the_default_pool_outside_and_the_tasks_own_inside)
{
	tpar_pool *pool = unit_pool(3, 1);

	set_workers("2");
	ck_assert_uint_eq(tpar_pool_workers(NULL), 2);
	ck_assert_uint_eq(workers_told_in(NULL), 2);
	ck_assert_uint_eq(workers_told_in(pool), 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

/* Runs in one pool, for the task of another one that waits for it. */
static int
tell_workers_of_other(void *arg, void *value)
{
	tpar_future *f = unit_submit(arg, tell_workers, NULL, sizeof(unsigned));

	UNIT_MUST(tpar_gather(&f, 1, value, NULL) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

START_TEST(null_is_the_tasks_pool_whoever_runs_it)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *waiting = unit_pool(2, 1);
	tpar_pool *busy = unit_pool(1, 1);
	tpar_future *held = unit_submit(busy, unit_hold_task, &hold, 0);
	tpar_future *f;
	unsigned told = 0;

	unit_gate_await(&hold.begun, 1);
	f = unit_submit(waiting, tell_workers_of_other, busy, sizeof told);
	ck_assert_int_eq(tpar_gather(&f, 1, &told, NULL), TPAR_OK);
	ck_assert_uint_eq(told, 1);
	tpar_future_unref(f);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(waiting), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(busy), TPAR_OK);
	tpar_future_unref(held);
}
END_TEST

START_TEST(default_pool_that_was_never_started_ends_at_once)
{
	set_workers("nonsense");
	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_CANCEL, TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_str_eq(tpar_error_detail(), "");
}
END_TEST

START_TEST(default_pool_starts_anew_after_its_end)
{
	tpar_future *f[2];
	int i;

	for (i = 0; i < 3; i++) {
		set_workers(i == 1 ? "3" : "2");
		f[0] = unit_submit(NULL, unit_number_task, &f[i % 2],
				   sizeof(intptr_t));
		f[1] = unit_submit(NULL, do_nothing, NULL, 8);
		ck_assert_uint_eq(tpar_pool_workers(NULL), i == 1 ? 3 : 2);
		ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
		/* What it had accepted has run. */
		ck_assert_ptr_eq(*(void *const *)tpar_future_value(f[0]),
				 &f[i % 2]);
		ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
		tpar_future_unref_all(f, 2);
	}
}
END_TEST

START_TEST(default_pool_that_was_shut_down_stays_so_until_destroyed)
{
	tpar_future *f = unit_submit(NULL, do_nothing, NULL, 0);

	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	f = NULL;
	ck_assert_int_eq(tpar_submit(NULL, do_nothing, NULL, 0, &f),
			 TPAR_ECLOSED);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	unit_run_in(NULL, do_nothing, NULL);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

static int
destroy_default(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_pool_destroy(NULL);
}

static int
shut_down_null(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_pool_shutdown(NULL, TPAR_CANCEL, TPAR_NOW);
}

static int
code_in(tpar_pool *pool, tpar_task_fn fn)
{
	tpar_future *f = unit_submit(pool, fn, NULL, 0);
	int code;

	(void)tpar_future_wait(f, TPAR_FOREVER);
	code = tpar_future_code(f);
	tpar_future_unref(f);
	return code;
}

START_TEST(default_pool_is_not_ended_by_its_own_task)
{
	ck_assert_int_eq(code_in(NULL, destroy_default), TPAR_EDEADLK);
	ck_assert_int_eq(code_in(NULL, shut_down_null), TPAR_EDEADLK);
	/* Nothing has changed. */
	unit_run_in(NULL, do_nothing, NULL);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

START_TEST(task_of_another_pool_may_destroy_the_default_pool)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(NULL, do_nothing, NULL, 0);

	unit_run_in(pool, destroy_default, NULL);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	/* There is none now. */
	unit_run_in(pool, destroy_default, NULL);
	/* To shut down, NULL is the task's own pool as anywhere else. */
	unit_run_in(NULL, do_nothing, NULL);
	ck_assert_int_eq(code_in(pool, shut_down_null), TPAR_EDEADLK);
	unit_run_in(NULL, do_nothing, NULL);
	unit_run_in(pool, do_nothing, NULL);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { STARTERS = 4 };

static void *
use_default(void *gate)
{
	unit_gate_await(gate, 1);
	unit_run_in(NULL, do_nothing, NULL);
	return (void *)(uintptr_t)tpar_pool_workers(NULL);
}

START_TEST(default_pool_is_started_by_whoever_comes_first)
{
	long round;
	int i;

	set_workers("2");
	for (round = 0; round < unit_scaled(50); round++) {
		struct unit_gate gate = UNIT_GATE_INIT;
		pthread_t thread[STARTERS];

		for (i = 0; i < STARTERS; i++) {
			thread[i] = unit_start(use_default, &gate);
		}
		unit_gate_open(&gate);
		for (i = 0; i < STARTERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
		/* Of a second one, threads would be left. */
		UNIT_AWAIT(unit_threads_called("taskpar/") == 0);
	}
	set_workers("3");
	ck_assert_uint_eq(tpar_pool_workers(NULL), 3);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		environment_says_how_many_workers,
		environment_that_says_nothing_is_not_asked,
		environment_that_is_no_number_starts_nothing,
		config_overrides_the_environment,
		null_is_the_default_pool_outside_and_the_tasks_own_inside,
		null_is_the_tasks_pool_whoever_runs_it,
		default_pool_that_was_never_started_ends_at_once,
		default_pool_starts_anew_after_its_end,
		default_pool_that_was_shut_down_stays_so_until_destroyed,
		default_pool_is_not_ended_by_its_own_task,
		task_of_another_pool_may_destroy_the_default_pool,
		default_pool_is_started_by_whoever_comes_first,
	};

	return unit_main("pool_default", tests, sizeof tests / sizeof tests[0]);
}
