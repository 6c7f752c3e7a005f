/* SPDX-License-Identifier: MIT */
/*
 * test_priority.c - which task begins first, and that none starves for it.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { FEW = 10, MANY = 200 };

static const enum tpar_priority priorities[3] = { TPAR_PRIORITY_LOW,
						  TPAR_PRIORITY_NORMAL,
						  TPAR_PRIORITY_HIGH };

/* Which tasks began, by what they were given; one at a time. */
static int log_of[MANY + 3 * FEW];
static int logged;

static int
log_it(void *arg, void *value)
{
	(void)value;
	log_of[logged++] = (int)(intptr_t)arg;
	return 0;
}

static struct tpar_task
task_of(enum tpar_priority priority, tpar_task_fn fn, void *arg)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.priority = priority;
	return task;
}

static void
submit(tpar_pool *pool, enum tpar_priority priority, tpar_task_fn fn, void *arg)
{
	struct tpar_task task = task_of(priority, fn, arg);

	UNIT_MUST(tpar_submit_task(pool, &task, NULL) == TPAR_OK);
}

/* A pool of one whose worker is held. */
static tpar_pool *
stalled_pool(struct unit_hold *hold)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold->begun, 1);
	return pool;
}

START_TEST(high_begins_first_and_low_last)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = stalled_pool(&hold);
	intptr_t i;
	int j;

	for (j = 0; j < 3; j++) {
		for (i = 0; i < FEW; i++) {
			submit(pool, priorities[j], log_it,
			       (void *)(intptr_t)priorities[j]);
		}
	}
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(logged, 3 * FEW);
	for (j = 0; j < FEW; j++) {
		ck_assert_int_eq(log_of[j], TPAR_PRIORITY_HIGH);
		ck_assert_int_eq(log_of[FEW + j], TPAR_PRIORITY_NORMAL);
		ck_assert_int_eq(log_of[2 * FEW + j], TPAR_PRIORITY_LOW);
	}
}
END_TEST

START_TEST(tasks_of_one_submit_share_its_priority_and_keep_their_order)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = stalled_pool(&hold);
	tpar_future *f[3][FEW];
	char args[3][FEW];
	int i;
	int j;

	for (j = 0; j < 3; j++) {
		struct tpar_task task = task_of(priorities[j], log_it, NULL);

		task.arg = (void *)(intptr_t)priorities[j];
		ck_assert_int_eq(tpar_submit_many(pool, &task, args[j], 1, FEW,
						  f[j]),
				 TPAR_OK);
	}
	unit_gate_open(&hold.go);
	for (j = 0; j < 3; j++) {
		ck_assert_int_eq(tpar_gather(f[j], FEW, NULL, NULL), TPAR_OK);
		tpar_future_unref_all(f[j], FEW);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (j = 0; j < 3; j++) {
		for (i = 0; i < FEW; i++) {
			ck_assert_int_eq(log_of[j * FEW + i],
					 (int)(intptr_t)&args[2 - j][i]);
		}
	}
}
END_TEST

/* Fills its own queue, then waits to be let go. */
static int
fill_own_queue(void *arg, void *value)
{
	int i;

	for (i = 0; i < MANY; i++) {
		UNIT_MUST(tpar_submit(NULL, log_it,
				      (void *)TPAR_PRIORITY_NORMAL, 0,
				      NULL) == TPAR_OK);
	}
	submit(NULL, TPAR_PRIORITY_LOW, log_it, (void *)TPAR_PRIORITY_LOW);
	submit(NULL, TPAR_PRIORITY_HIGH, log_it, (void *)TPAR_PRIORITY_HIGH);
	return unit_hold_task(arg, value);
}

START_TEST(high_begins_before_a_workers_own_queue_is_empty)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	int high[2] = { -1, -1 };
	int n = 0;
	int i;

	ck_assert_int_eq(tpar_submit(pool, fill_own_queue, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	submit(pool, TPAR_PRIORITY_HIGH, log_it, (void *)TPAR_PRIORITY_HIGH);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(logged, MANY + 3);
	for (i = 0; i < logged; i++) {
		if (log_of[i] == TPAR_PRIORITY_HIGH) {
			high[n++] = i;
		}
	}
	ck_assert_int_eq(n, 2);
	ck_assert_int_lt(high[1], MANY / 4);
	ck_assert_int_eq(log_of[MANY + 2], TPAR_PRIORITY_LOW);
}
END_TEST

/* One in a chain that does not end before `over`. */
struct chain {
	enum tpar_priority priority;
	_Atomic bool over;
};

static int
go_on(void *arg, void *value)
{
	struct chain *chain = arg;

	(void)value;
	if (!atomic_load(&chain->over)) {
		submit(NULL, chain->priority, go_on, chain);
	}
	return 0;
}

static int
end_chain(void *arg, void *value)
{
	struct chain *chain = arg;

	(void)value;
	atomic_store(&chain->over, true);
	return 0;
}

START_TEST(each_begins_however_many_there_are_of_the_others)
{
	int i;
	int j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			struct chain chain = { .priority = priorities[i] };
			tpar_pool *pool;

			if (i == 1 && j == 1) {
				continue; /* a worker's own: last in, first out */
			}
			pool = unit_pool(1, 1);
			submit(pool, priorities[i], go_on, &chain);
			submit(pool, priorities[j], end_chain, &chain);
			ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
			ck_assert(atomic_load(&chain.over));
		}
	}
}
END_TEST

/* Gathers tasks of a priority, all of which run here. */
static int
gather_own(void *arg, void *value)
{
	enum tpar_priority *priority = arg;
	tpar_future *f[FEW];
	long round;
	int i;

	(void)value;
	for (round = 0; round < 100; round++) {
		struct tpar_task task =
			task_of(*priority, log_it, (void *)(intptr_t)*priority);

		logged = 0;
		for (i = 0; i < FEW; i++) {
			f[i] = unit_submit_task(NULL, &task);
		}
		UNIT_MUST(tpar_gather(f, FEW, NULL, NULL) == TPAR_OK);
		UNIT_MUST(logged == FEW);
		tpar_future_unref_all(f, FEW);
	}
	return 0;
}

START_TEST(waiting_task_runs_its_members_whatever_their_priority)
{
	tpar_pool *pool = unit_pool(1, 1);
	enum tpar_priority priority[3];
	int j;

	for (j = 0; j < 3; j++) {
		priority[j] = priorities[j];
		unit_run_in(pool, gather_own, &priority[j]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(cancelled_pool_ends_those_of_all_priorities)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = stalled_pool(&hold);
	tpar_future *f[3];
	int j;

	for (j = 0; j < 3; j++) {
		struct tpar_task task = task_of(priorities[j], log_it, NULL);

		f[j] = unit_submit_task(pool, &task);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	for (j = 0; j < 3; j++) {
		ck_assert_int_eq(tpar_future_state(f[j]), TPAR_CANCELLED);
	}
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(logged, 0);
}
END_TEST

START_TEST(queue_limit_counts_all_priorities)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task;
	tpar_pool *pool;

	config.workers = 1;
	config.queue_limit = 2;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	submit(pool, TPAR_PRIORITY_HIGH, log_it, NULL);
	submit(pool, TPAR_PRIORITY_LOW, log_it, NULL);
	task = task_of(TPAR_PRIORITY_HIGH, log_it, NULL);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_EAGAIN);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(logged, 2);
}
END_TEST

START_TEST(unknown_priority_is_refused)
{
	struct tpar_task task = task_of((enum tpar_priority)3, log_it, NULL);
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_submit_task(NULL, &task, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task.priority is 3");
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 1, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		high_begins_first_and_low_last,
		tasks_of_one_submit_share_its_priority_and_keep_their_order,
		high_begins_before_a_workers_own_queue_is_empty,
		each_begins_however_many_there_are_of_the_others,
		waiting_task_runs_its_members_whatever_their_priority,
		cancelled_pool_ends_those_of_all_priorities,
		queue_limit_counts_all_priorities,
		unknown_priority_is_refused,
	};

	return unit_main("priority", tests, sizeof tests / sizeof tests[0]);
}
