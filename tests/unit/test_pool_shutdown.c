/* SPDX-License-Identifier: MIT */
/*
 * test_pool_shutdown.c - draining and cancelling a pool, deadlines, several
 * that wait, and submits that race with the closing.
 */
#include "config.h"

#include "handmade.h"

#include <taskpar/cancel.h>

static _Atomic int runs;
static _Atomic int dropped;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
count_drop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&dropped, 1);
}

START_TEST(drain_runs_what_was_accepted)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL),
				 TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN,
					    tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL),
			 TPAR_ECLOSED);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(runs, 10);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct late {
	struct unit_gate begun;
	struct unit_gate go;
	enum tpar_err one;
	enum tpar_err many;
};

static int
submit_late(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct late *late = arg;

	(void)value;
	unit_gate_open(&late->begun);
	unit_gate_await(&late->go, 1);
	task.fn = count_run;
	late->one = tpar_submit(NULL, count_run, NULL, 0, NULL);
	late->many = tpar_submit_many(NULL, &task, NULL, 0, 5, NULL);
	return tpar_cancelled() ? TPAR_ESTOPPED : 0;
}

START_TEST(running_task_may_submit_while_draining)
{
	struct late late = { .begun = UNIT_GATE_INIT, .go = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = unit_submit(pool, submit_late, &late, 0);

	unit_gate_await(&late.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&late.go);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(late.one, TPAR_OK);
	ck_assert_int_eq(late.many, TPAR_OK);
	ck_assert_int_eq(runs, 6);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(cancel_ends_what_has_not_begun)
{
	struct late late = { .begun = UNIT_GATE_INIT, .go = UNIT_GATE_INIT };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *running = unit_submit(pool, submit_late, &late, 0);
	tpar_future *f[20];
	int i;

	unit_gate_await(&late.begun, 1);
	task.fn = count_run;
	task.drop_arg = count_drop;
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 20, f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&late.go);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	/* Also the running task was refused, and asked to stop. */
	ck_assert_int_eq(late.one, TPAR_ECLOSED);
	ck_assert_int_eq(late.many, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_future_state(running), TPAR_CANCELLED);
	ck_assert_int_eq(runs, 0);
	ck_assert_int_eq(dropped, 20);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, 20);
	tpar_future_unref(running);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
sleep_until_stopped(void *arg, void *value)
{
	tpar_future *never = arg;

	(void)value;
	return tpar_future_wait(never, TPAR_FOREVER) == TPAR_ESTOPPED
		       ? TPAR_ESTOPPED
		       : 0;
}

START_TEST(cancel_reaches_tasks_that_wait)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(2, 4);
	tpar_future *never = unit_submit(other, unit_hold_task, &hold, 0);
	tpar_future *f[4];
	int i;

	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 4; i++) {
		f[i] = unit_submit(pool, sleep_until_stopped, never, 0);
	}
	UNIT_AWAIT(atomic_load(&f[0]->cur) != NULL);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, 4);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	tpar_future_unref(never);
}
END_TEST

START_TEST(cancel_may_follow_drain)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *queued;

	unit_gate_await(&hold.begun, 1);
	queued = unit_submit(pool, count_run, NULL, 0);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	/* Not back again. */
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs, 0);
	ck_assert_int_eq(tpar_future_state(held), TPAR_DONE);
	ck_assert_int_eq(tpar_future_state(queued), TPAR_CANCELLED);
	tpar_future_unref(held);
	tpar_future_unref(queued);
}
END_TEST

static void *
shut_down(void *pool)
{
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER) ==
		  TPAR_OK);
	return NULL;
}

START_TEST(several_may_wait_for_the_end)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	pthread_t thread[3];
	int i;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	for (i = 0; i < 3; i++) {
		thread[i] = unit_start(shut_down, pool);
	}
	unit_gate_await(&hold.begun, 1);
	unit_gate_open(&hold.go);
	for (i = 0; i < 3; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
shut_down_other(void *arg, void *value)
{
	(void)value;
	return tpar_pool_shutdown(arg, TPAR_DRAIN, TPAR_FOREVER) ==
			       TPAR_ESTOPPED
		       ? TPAR_ESTOPPED
		       : 0;
}

START_TEST(task_of_another_pool_may_wait_and_be_stopped)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(other, shut_down_other, pool, 0);
	UNIT_AWAIT(atomic_load(&f->cur) != NULL);
	/* Its place is free meanwhile. */
	unit_run_in(other, count_run, NULL);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	f = unit_submit(other, shut_down_other, pool, 0);
	UNIT_AWAIT(atomic_load(&f->cur) != NULL);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

static int
destroy_other(void *arg, void *value)
{
	(void)value;
	return tpar_pool_destroy(arg) == TPAR_OK && tpar_cancelled()
		       ? TPAR_ESTOPPED
		       : 1;
}

START_TEST(destroy_goes_on_though_its_task_is_stopped)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *f;

	unit_gate_await(&hold.begun, 1);
	f = unit_submit(other, destroy_other, pool, 0);
	/* It has begun, and sleeps. */
	UNIT_AWAIT(atomic_load(&f->cur) != NULL);
	UNIT_AWAIT(atomic_load(&other->park.word) == 0);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(5 * TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(held), TPAR_DONE);
	tpar_future_unref(held);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

/* Each accepted task has run when the shutdown says that all is quiet. */
struct race {
	tpar_pool *pool;
	struct unit_gate go;
	bool handles;
	long accepted;
};

static void *
submit_until_closed(void *arg)
{
	struct race *race = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;
	enum tpar_err err;

	task.fn = count_run;
	task.drop_arg = count_drop;
	unit_gate_await(&race->go, 1);
	do {
		err = tpar_submit_task(race->pool, &task,
				       race->handles ? &f : NULL);
		race->accepted += err == TPAR_OK;
		if (err == TPAR_OK && race->handles) {
			tpar_future_unref(f);
		}
		if (err == TPAR_OK && tpar_submit_many(race->pool, &task, NULL,
						       0, 3, NULL) == TPAR_OK) {
			race->accepted += 3;
		}
	} while (err == TPAR_OK);
	UNIT_MUST(err == TPAR_ECLOSED);
	return NULL;
}

START_TEST(submits_that_race_with_the_closing_run_or_are_refused)
{
	enum { CLIENTS = 2 };
	long rounds = unit_scaled(100);
	struct race race[CLIENTS];
	pthread_t thread[CLIENTS];
	long round;
	long total;
	int i;

	for (round = 0; round < rounds; round++) {
		tpar_pool *pool = unit_pool(2, 1);

		atomic_store(&runs, 0);
		atomic_store(&dropped, 0);
		for (i = 0; i < CLIENTS; i++) {
			race[i] = (struct race) { .pool = pool,
						  .go = UNIT_GATE_INIT,
						  .handles = i == 0 };
			thread[i] = unit_start(submit_until_closed, &race[i]);
		}
		for (i = 0; i < CLIENTS; i++) {
			unit_gate_open(&race[i].go);
		}
		for (i = 0; i < round % 8; i++) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN,
						    TPAR_FOREVER),
				 TPAR_OK);
		total = atomic_load(&runs);
		for (i = 0; i < CLIENTS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(total, race[0].accepted + race[1].accepted);
		ck_assert_int_eq(runs, total);
		ck_assert_int_eq(dropped, total);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		drain_runs_what_was_accepted,
		running_task_may_submit_while_draining,
		cancel_ends_what_has_not_begun,
		cancel_reaches_tasks_that_wait,
		cancel_may_follow_drain,
		several_may_wait_for_the_end,
		task_of_another_pool_may_wait_and_be_stopped,
		destroy_goes_on_though_its_task_is_stopped,
		submits_that_race_with_the_closing_run_or_are_refused,
	};

	return unit_main("pool_shutdown", tests,
			 sizeof tests / sizeof tests[0]);
}
