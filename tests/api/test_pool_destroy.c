/* SPDX-License-Identifier: MIT */
/*
 * test_pool_destroy.c - who may end a pool, and what is left of it: futures that
 * others hold, and those who wait for them.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { QUEUED = 20 };

static _Atomic int runs;
static _Atomic int value_drops;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&value_drops, 1);
}

static int
fail_in_words(void *arg, void *value)
{
	(void)value;
	return tpar_fail(7, "%s", (const char *)arg);
}

/* What a task is told that would end its own pool. */
static int
end_own_pool(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_pool_shutdown(arg, TPAR_CANCEL, TPAR_NOW) ==
		  TPAR_EDEADLK);
	UNIT_MUST(strcmp(tpar_error_detail(), "a task cannot wait for its own "
					      "pool to run dry") == 0);
	UNIT_MUST(tpar_pool_shutdown(NULL, TPAR_DRAIN, TPAR_FOREVER) ==
		  TPAR_EDEADLK);
	UNIT_MUST(tpar_pool_destroy(arg) == TPAR_EDEADLK);
	UNIT_MUST(strcmp(tpar_error_detail(), "a pool cannot be destroyed by "
					      "its own task") == 0);
	UNIT_MUST(!tpar_cancelled());
	return 0;
}

/* In one pool, waits for a task of another that ends the first: on top. */
static int
have_it_ended(void *arg, void *value)
{
	tpar_pool **pool = arg;
	tpar_future *f = unit_submit(pool[1], end_own_pool, pool[0], 0);

	(void)value;
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

START_TEST(task_does_not_end_its_own_pool)
{
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, end_own_pool, pool);
	/* Nothing has changed. */
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(task_does_not_end_the_pool_that_it_runs_on_top_of)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool[2] = { unit_pool(1, 1), unit_pool(1, 1) };

	ck_assert_int_eq(tpar_submit(pool[1], unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	unit_run_in(pool[0], have_it_ended, (void *)pool);
	unit_run_in(pool[0], count_run, NULL);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool[0]), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool[1]), TPAR_OK);
}
END_TEST

static int
destroy_it(void *arg, void *value)
{
	(void)value;
	return (int)tpar_pool_destroy(arg);
}

static void *
destroy(void *pool)
{
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	return NULL;
}

START_TEST(task_of_another_pool_may_destroy_it)
{
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = unit_submit(pool, count_run, NULL, 0);

	unit_run_in(other, destroy_it, pool);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

START_TEST(pending_futures_that_others_hold_are_run_before_it_ends)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[QUEUED];
	pthread_t thread;
	int i;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < QUEUED; i++) {
		f[i] = unit_submit(pool, count_run, NULL, 0);
	}
	thread = unit_start(destroy, pool);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	unit_gate_open(&hold.go);
	unit_join(thread);
	for (i = 0; i < QUEUED; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
	}
	ck_assert_int_eq(atomic_load(&runs), QUEUED);
	tpar_future_unref_all(f, QUEUED);
}
END_TEST

/* A task of one pool that waits for one of another. */
struct across {
	struct unit_gate ready;
	tpar_future *f;
};

static int
wait_across(void *arg, void *value)
{
	struct across *across = arg;

	unit_gate_open(&across->ready);
	return (int)tpar_gather(&across->f, 1, value, NULL);
}

static void *
wait_outside(void *arg)
{
	intptr_t value = 0;

	UNIT_MUST(wait_across(arg, &value) == 0);
	return (void *)value;
}

START_TEST(those_who_wait_for_its_futures_are_served)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct across across = { UNIT_GATE_INIT, NULL };
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *inside;
	pthread_t ending;
	pthread_t outside;
	void *got;

	unit_gate_await(&hold.begun, 1);
	across.f = unit_submit(pool, unit_number_task, &hold, sizeof(intptr_t));
	inside = unit_submit(other, wait_across, &across, sizeof(intptr_t));
	outside = unit_start(wait_outside, &across);
	unit_gate_await(&across.ready, 2);
	ending = unit_start(destroy, pool);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_gather(&inside, 1, &got, NULL), TPAR_OK);
	ck_assert_ptr_eq(got, &hold);
	ck_assert_int_eq(pthread_join(outside, &got), 0);
	ck_assert_ptr_eq(got, &hold);
	unit_join(ending);
	tpar_future_unref(held);
	tpar_future_unref(inside);
	tpar_future_unref(across.f);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

static tpar_future *
droppable_number(tpar_pool *pool, void *number)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_number_task;
	task.arg = number;
	task.value_size = sizeof(intptr_t);
	task.drop_value = drop_value;
	return unit_submit_task(pool, &task);
}

START_TEST(future_outlives_its_pool)
{
	static char text[] = "after all";
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[6];
	void *value = NULL;

	f[0] = unit_submit(pool, unit_number_task, text, sizeof(intptr_t));
	f[1] = unit_submit(pool, fail_in_words, text, 0);
	f[2] = droppable_number(pool, text);
	f[3] = droppable_number(pool, text);
	f[4] = droppable_number(pool, text);
	f[5] = tpar_future_ref(f[4]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* Read. */
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert_ptr_eq(*(void *const *)tpar_future_value(f[0]), text);
	ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f[1]), 7);
	ck_assert_str_eq(tpar_future_message(f[1]), text);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_EALREADY);
	/* Taken, gathered. */
	ck_assert_int_eq(tpar_future_take(f[2], &value), TPAR_OK);
	ck_assert_ptr_eq(value, text);
	value = NULL;
	ck_assert_int_eq(tpar_gather(&f[3], 1, &value, NULL), TPAR_OK);
	ck_assert_ptr_eq(value, text);
	/* Dropped, with its last handle. */
	tpar_future_unref(f[5]);
	ck_assert_int_eq(atomic_load(&value_drops), 0);
	tpar_future_unref_all(f, 5);
	ck_assert_int_eq(atomic_load(&value_drops), 1);
}
END_TEST

static void *
release(void *f)
{
	tpar_future_unref(f);
	return NULL;
}

START_TEST(futures_are_released_while_their_pool_ends)
{
	long round;
	int i;

	for (round = 0; round < unit_scaled(100); round++) {
		tpar_pool *pool = unit_pool(2, 1);
		pthread_t thread[3];
		tpar_future *f[3];

		f[0] = droppable_number(pool, NULL);
		f[1] = tpar_future_ref(f[0]);
		f[2] = droppable_number(pool, NULL);
		for (i = 0; i < 3; i++) {
			thread[i] = unit_start(release, f[i]);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		for (i = 0; i < 3; i++) {
			unit_join(thread[i]);
		}
	}
	ck_assert_int_eq(atomic_load(&value_drops), 2 * round);
}
END_TEST

/* A task that another thread cancels, whose drop_arg takes its time. */
struct cancelled {
	tpar_future *f;
	struct unit_hold drop;
};

static void
drop_slowly(void *arg)
{
	struct cancelled *cancelled = arg;

	(void)unit_hold_task(&cancelled->drop, NULL);
}

static void *
cancel_it(void *arg)
{
	struct cancelled *cancelled = arg;

	UNIT_MUST(tpar_future_cancel(cancelled->f) == TPAR_OK);
	return NULL;
}

START_TEST(what_another_thread_is_cancelling_is_not_waited_for)
{
	struct cancelled cancelled = { NULL, UNIT_HOLD_INIT };
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	pthread_t canceller;

	unit_gate_await(&hold.begun, 1);
	task.fn = count_run;
	task.arg = &cancelled;
	task.drop_arg = drop_slowly;
	cancelled.f = unit_submit_task(pool, &task);
	canceller = unit_start(cancel_it, &cancelled);
	unit_gate_await(&cancelled.drop.begun, 1);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	unit_gate_open(&cancelled.drop.go);
	unit_join(canceller);
	ck_assert_int_eq(tpar_future_state(cancelled.f), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&runs), 0);
	tpar_future_unref(cancelled.f);
	tpar_future_unref(held);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_does_not_end_its_own_pool,
		task_does_not_end_the_pool_that_it_runs_on_top_of,
		task_of_another_pool_may_destroy_it,
		pending_futures_that_others_hold_are_run_before_it_ends,
		those_who_wait_for_its_futures_are_served,
		future_outlives_its_pool,
		futures_are_released_while_their_pool_ends,
		what_another_thread_is_cancelling_is_not_waited_for,
	};

	return unit_main("pool_destroy", tests, sizeof tests / sizeof tests[0]);
}
