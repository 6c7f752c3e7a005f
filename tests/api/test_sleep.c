/* SPDX-License-Identifier: MIT */
/*
 * test_sleep.c - tasks that sleep: not too short, not for a stop, and not at the
 * cost of the others; and sleeping outside of tasks.
 */
#include "scene.h"

#include <signal.h>
#include <string.h>

struct sleeper {
	struct unit_gate begun;
	int64_t deadline;
	int64_t woke;
	enum tpar_err said;
	bool stopped_before; /* it waits to be asked to stop first */
	bool shielded;
};

static void
sleeper_init(struct sleeper *sleeper, int64_t deadline)
{
	struct sleeper fresh = { .begun = UNIT_GATE_INIT,
				 .deadline = deadline };

	*sleeper = fresh;
}

static int
sleep_task(void *arg, void *value)
{
	struct sleeper *sleeper = arg;

	(void)value;
	unit_gate_open(&sleeper->begun);
	if (sleeper->stopped_before) {
		UNIT_AWAIT(tpar_cancelled());
	}
	if (sleeper->shielded) {
		tpar_shield_enter();
	}
	sleeper->said = tpar_sleep(sleeper->deadline);
	sleeper->woke = tpar_in(0);
	return sleeper->said;
}

static tpar_future *
start_sleeper(tpar_pool *pool, struct sleeper *sleeper)
{
	tpar_future *f = unit_submit(pool, sleep_task, sleeper, 0);

	unit_gate_await(&sleeper->begun, 1);
	return f;
}

static void
cancel_sleeper(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
}

START_TEST(task_sleeps_until_its_deadline)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct sleeper sleeper;
	tpar_future *f;

	sleeper_init(&sleeper, tpar_in(3 * TPAR_MILLISECOND));
	f = start_sleeper(pool, &sleeper);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_ge(sleeper.woke, sleeper.deadline);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(past_deadline_is_only_a_look)
{
	static const int64_t past[] = { TPAR_NOW, 1, -5 };
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper;
	tpar_future *f;
	size_t i;

	for (i = 0; i < 3; i++) {
		sleeper_init(&sleeper, past[i]);
		f = start_sleeper(pool, &sleeper);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref(f);
		sleeper_init(&sleeper, past[i]);
		sleeper.stopped_before = true;
		f = start_sleeper(pool, &sleeper);
		cancel_sleeper(f);
		ck_assert_int_eq(sleeper.said, TPAR_ESTOPPED);
		ck_assert_int_eq(tpar_sleep(past[i]), TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(stop_ends_a_sleep)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper;
	int i;

	for (i = 0; i < 20; i++) {
		sleeper_init(&sleeper, i % 2 == 0 ? TPAR_FOREVER : INT64_MAX);
		sleeper.stopped_before = i % 4 >= 2;
		cancel_sleeper(start_sleeper(pool, &sleeper));
		ck_assert_int_eq(sleeper.said, TPAR_ESTOPPED);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_that_is_cancelled_ends_sleeps)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct sleeper sleeper[2];
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		sleeper_init(&sleeper[i], TPAR_FOREVER);
		f[i] = start_sleeper(pool, &sleeper[i]);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
		ck_assert_int_eq(sleeper[i].said, TPAR_ESTOPPED);
		tpar_future_unref(f[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { SLEEPERS = 5 };

/* On one worker, with threads to take the sleepers' place. */
START_TEST(others_run_while_tasks_sleep)
{
	tpar_pool *pool = unit_pool(1, SLEEPERS);
	struct sleeper sleeper[SLEEPERS];
	tpar_future *f[SLEEPERS];
	intptr_t value = 0;
	tpar_future *other;
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		sleeper_init(&sleeper[i], TPAR_FOREVER);
		f[i] = start_sleeper(pool, &sleeper[i]);
	}
	other = unit_submit(pool, unit_number_task, (void *)5, sizeof value);
	ck_assert_int_eq(tpar_gather(&other, 1, &value, NULL), TPAR_OK);
	ck_assert_int_eq(value, 5);
	tpar_future_unref(other);
	for (i = 0; i < SLEEPERS; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_RUNNING);
		cancel_sleeper(f[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(failure_of_a_sibling_ends_a_sleep)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	struct sleeper sleeper;
	tpar_future *f[2];

	sleeper_init(&sleeper, INT64_MAX);
	f[0] = start_sleeper(pool, &sleeper);
	f[1] = unit_submit(pool, scene_return, (void *)9, 0);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 9);
	ck_assert_int_eq(sleeper.said, TPAR_ESTOPPED);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(shield_keeps_a_sleep)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct sleeper sleeper;

	sleeper_init(&sleeper, tpar_in(2 * TPAR_MILLISECOND));
	sleeper.stopped_before = true;
	sleeper.shielded = true;
	cancel_sleeper(start_sleeper(pool, &sleeper));
	ck_assert_int_eq(sleeper.said, TPAR_OK);
	ck_assert_int_ge(sleeper.woke, sleeper.deadline);
	/* Nothing could end this one. */
	sleeper_init(&sleeper, TPAR_FOREVER);
	sleeper.shielded = true;
	tpar_future_unref(start_sleeper(pool, &sleeper));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(sleeper.said, TPAR_EDEADLK);
}
END_TEST

START_TEST(outside_of_tasks_only_until_a_time)
{
	int64_t deadline = tpar_in(2 * TPAR_MILLISECOND);

	ck_assert_int_eq(tpar_sleep(deadline), TPAR_OK);
	ck_assert_int_ge(tpar_in(0), deadline);
	ck_assert_int_eq(tpar_sleep(TPAR_FOREVER), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "for ever"));
}
END_TEST

static void
ignore(int number)
{
	(void)number;
}

struct outside {
	struct unit_gate begun;
	int64_t deadline;
	int64_t woke;
	_Atomic bool through;
};

static void *
sleep_outside(void *arg)
{
	struct outside *outside = arg;

	outside->deadline = tpar_in(5 * TPAR_MILLISECOND);
	unit_gate_open(&outside->begun);
	UNIT_MUST(tpar_sleep(outside->deadline) == TPAR_OK);
	outside->woke = tpar_in(0);
	atomic_store(&outside->through, true);
	return NULL;
}

START_TEST(signals_do_not_end_a_sleep)
{
	struct sigaction action = { .sa_handler = ignore };
	struct outside outside = { .begun = UNIT_GATE_INIT };
	pthread_t thread;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	atomic_init(&outside.through, false);
	thread = unit_start(sleep_outside, &outside);
	unit_gate_await(&outside.begun, 1);
	while (!atomic_load(&outside.through)) {
		ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
		sched_yield();
	}
	unit_join(thread);
	ck_assert_int_ge(outside.woke, outside.deadline);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_sleeps_until_its_deadline,
		past_deadline_is_only_a_look,
		stop_ends_a_sleep,
		pool_that_is_cancelled_ends_sleeps,
		others_run_while_tasks_sleep,
		failure_of_a_sibling_ends_a_sleep,
		shield_keeps_a_sleep,
		outside_of_tasks_only_until_a_time,
		signals_do_not_end_a_sleep,
	};

	return unit_main("sleep", tests, sizeof tests / sizeof tests[0]);
}
