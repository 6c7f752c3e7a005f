/* SPDX-License-Identifier: MIT */
/*
 * test_blocking.c - tasks that block run beside those that compute.
 */
#include "blocking.h"

#include <taskpar/cancel.h>

#include <stdatomic.h>

enum { FEW = 4, MANY = 200, QUEUED = 10000 };

START_TEST(blocking_task_runs_while_all_workers_are_busy)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *busy = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *f;

	unit_gate_await(&hold.begun, 1);
	f = blocking_submit(pool, blocking_nothing, NULL);
	blocking_end(&f, 1);
	unit_gate_open(&hold.go);
	blocking_end(&busy, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(workers_compute_while_as_many_tasks_block_as_may)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, FEW);
	tpar_future *f[2 * FEW];
	int i;

	blocking_hold(pool, &hold, f, 2 * FEW);
	unit_gate_await(&hold.begun, FEW);
	for (i = 0; i < MANY; i++) {
		unit_run_in(pool, blocking_nothing, NULL);
	}
	/* No more than that have begun. */
	ck_assert_uint_eq(hold.begun.opened, FEW);
	unit_gate_open(&hold.go);
	blocking_end(f, 2 * FEW);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int order[QUEUED];
static _Atomic int ordered;

static int
log_it(void *arg, void *value)
{
	(void)value;
	order[atomic_fetch_add(&ordered, 1)] = (int)(intptr_t)arg;
	return 0;
}

START_TEST(those_beyond_the_limit_begin_in_the_order_of_submits)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_task task = blocking_of(log_it, NULL);
	static tpar_future *f[QUEUED];
	tpar_future *first;
	int i;

	blocking_hold(pool, &hold, &first, 1);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < QUEUED; i++) {
		task.arg = (void *)(intptr_t)i;
		task.priority = (enum tpar_priority)(i % 3);
		f[i] = unit_submit_task(pool, &task);
	}
	unit_gate_open(&hold.go);
	blocking_end(f, QUEUED);
	blocking_end(&first, 1);
	for (i = 0; i < QUEUED; i++) {
		ck_assert_int_eq(order[i], i);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_one(void *arg, void *value)
{
	pthread_t other;
	tpar_future *f;

	(void)arg;
	(void)value;
	f = blocking_submit(NULL, blocking_thread, &other);
	blocking_end(&f, 1);
	UNIT_MUST(!pthread_equal(other, pthread_self()));
	return 0;
}

START_TEST(worker_that_waits_for_one_does_not_run_it)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < FEW; i++) {
		unit_run_in(pool, wait_for_one, NULL);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct kids {
	struct unit_hold hold;
	struct tpar_group *group; /* or NULL */
	bool many;
};

/* Inside a task, all ways to submit: its own thread is not taken. */
static int
submit_and_stay(void *arg, void *value)
{
	struct kids *kids = arg;
	struct tpar_task task = blocking_of(blocking_open, &kids->hold.begun);
	tpar_future *f[FEW];

	(void)value;
	task.group = kids->group;
	task.deadline_ns =
		kids->group != NULL ? tpar_in(TPAR_SECOND * 1000) : 0;
	if (kids->many) {
		UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, FEW, f) ==
			  TPAR_OK);
	} else {
		f[0] = unit_submit_task(NULL, &task);
		f[1] = unit_submit_task(NULL, &task);
		f[2] = unit_submit_task(NULL, &task);
		f[3] = unit_submit_task(NULL, &task);
	}
	/* Not by a wait: this thread does nothing else until they have run. */
	unit_gate_await(&kids->hold.begun, FEW);
	tpar_future_unref_all(f, FEW);
	return 0;
}

START_TEST(task_that_submits_some_is_not_needed_for_them)
{
	tpar_pool *pool = unit_pool(1, 2);
	tpar_group *group;
	int way;

	for (way = 0; way < 4; way++) {
		struct kids kids = { UNIT_HOLD_INIT, NULL, (way & 1) != 0 };

		ck_assert_int_eq(tpar_group_open(&group, NULL), TPAR_OK);
		kids.group = (way & 2) != 0 ? group : NULL;
		unit_run_in(pool, submit_and_stay, &kids);
		ck_assert_int_eq(tpar_group_close(group, NULL, 0, NULL),
				 TPAR_OK);
		tpar_group_destroy(group);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Levels of tasks, every other one of which blocks, each waits for two more. */
static int
descend(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	tpar_future *f[2];
	int i;

	(void)value;
	for (i = 0; depth > 0 && i < 2; i++) {
		struct tpar_task task = TPAR_TASK_INIT;

		task.fn = descend;
		task.arg = (void *)(depth - 1);
		task.flags = (depth + i) % 2 == 0 ? TPAR_BLOCKING : 0;
		f[i] = unit_submit_task(NULL, &task);
	}
	if (depth > 0) {
		blocking_end(f, 2);
	}
	return 0;
}

START_TEST(waits_of_one_kind_in_the_other_end_at_any_limit)
{
	unsigned workers;
	unsigned limit;

	for (workers = 1; workers <= 2; workers++) {
		for (limit = 1; limit <= 2; limit++) {
			tpar_pool *pool = unit_pool(workers, limit);
			struct tpar_task task =
				blocking_of(descend, (void *)(intptr_t)8);
			tpar_future *f[2];

			f[0] = unit_submit_task(pool, &task);
			task.flags = 0;
			f[1] = unit_submit_task(pool, &task);
			blocking_end(f, 2);
			ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		}
	}
}
END_TEST

START_TEST(drain_runs_all_that_are_queued)
{
	int round;

	for (round = 0; round < (int)unit_scaled(100); round++) {
		tpar_pool *pool = unit_pool(1, 2);
		tpar_future *f[FEW];
		int i;

		for (i = 0; i < FEW; i++) {
			f[i] = blocking_submit(pool, blocking_nothing, NULL);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		for (i = 0; i < FEW; i++) {
			ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
		}
		tpar_future_unref_all(f, FEW);
	}
}
END_TEST

START_TEST(cancel_ends_what_is_queued)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[FEW];
	int i;

	blocking_hold(pool, &hold, f, FEW);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	for (i = 1; i < FEW; i++) {
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_ECANCELED);
	}
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref_all(f, FEW);
}
END_TEST

START_TEST(shutdown_with_a_deadline_names_those_that_block)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = blocking_of(unit_hold_task, &hold);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	task.name = "slow disk";
	f = unit_submit_task(pool, &task);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "slow disk"));
	unit_gate_open(&hold.go);
	blocking_end(&f, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(cancel_reaches_those_that_are_queued_and_a_deadline_too)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = blocking_of(blocking_nothing, NULL);
	tpar_future *held;
	tpar_future *f;
	tpar_future *late;

	blocking_hold(pool, &hold, &held, 1);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit_task(pool, &task);
	task.deadline_ns = tpar_in(TPAR_MILLISECOND);
	late = unit_submit_task(pool, &task);
	(void)tpar_future_cancel(f);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_wait(late, TPAR_FOREVER), TPAR_ECANCELED);
	unit_gate_open(&hold.go);
	blocking_end(&held, 1);
	tpar_future_unref(f);
	tpar_future_unref(late);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(queue_limit_counts_those_that_block)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = blocking_of(unit_hold_task, &hold);
	tpar_pool *pool;
	tpar_future *f[3];

	config.workers = 1;
	config.blocking_limit = 1;
	config.queue_limit = 2;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	f[0] = unit_submit_task(pool, &task);
	unit_gate_await(&hold.begun, 1);
	f[1] = unit_submit_task(pool, &task);
	f[2] = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_EAGAIN);
	unit_gate_open(&hold.go);
	blocking_end(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
	struct tpar_task task = blocking_of(blocking_nothing, NULL);

	task.flags = 8;
	ck_assert_int_eq(tpar_submit_task(NULL, &task, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task.flags is 0x8");
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		blocking_task_runs_while_all_workers_are_busy,
		workers_compute_while_as_many_tasks_block_as_may,
		those_beyond_the_limit_begin_in_the_order_of_submits,
		worker_that_waits_for_one_does_not_run_it,
		task_that_submits_some_is_not_needed_for_them,
		waits_of_one_kind_in_the_other_end_at_any_limit,
		drain_runs_all_that_are_queued,
		cancel_ends_what_is_queued,
		shutdown_with_a_deadline_names_those_that_block,
		cancel_reaches_those_that_are_queued_and_a_deadline_too,
		queue_limit_counts_those_that_block,
		unknown_flags_are_refused,
	};

	return unit_main("blocking", tests, sizeof tests / sizeof tests[0]);
}
