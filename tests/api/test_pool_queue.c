/* SPDX-License-Identifier: MIT */
/*
 * test_pool_queue.c - what a config says about a pool's tasks holds: how many
 * may be queued, who may run them; and pools keep apart.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

static const struct tpar_pool_config init = TPAR_POOL_CONFIG_INIT;
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

static tpar_pool *
limited_pool(size_t queue_limit)
{
	struct tpar_pool_config config = init;
	tpar_pool *pool = NULL;

	config.workers = 1;
	config.queue_limit = queue_limit;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	return pool;
}

static struct tpar_task
counted_task(void)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = count_run;
	task.drop_arg = count_drop;
	return task;
}

/* A pool whose only worker is held, and `limit` tasks that wait for it. */
struct full {
	struct unit_hold hold;
	tpar_pool *pool;
	tpar_future *held;
	tpar_future *f[3];
};

static void
fill(struct full *full)
{
	struct tpar_task task = counted_task();
	struct unit_hold hold = UNIT_HOLD_INIT;
	int i;

	full->hold = hold;
	full->pool = limited_pool(3);
	full->held = unit_submit(full->pool, unit_hold_task, &full->hold, 0);
	unit_gate_await(&full->hold.begun, 1);
	for (i = 0; i < 3; i++) {
		full->f[i] = unit_submit_task(full->pool, &task);
	}
}

static void
let_run(struct full *full)
{
	unit_gate_open(&full->hold.go);
	ck_assert_int_eq(tpar_pool_destroy(full->pool), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(full->held), TPAR_DONE);
	tpar_future_unref(full->held);
	tpar_future_unref_all(full->f, 3);
}

static void
expect_full(tpar_pool *pool)
{
	struct tpar_task task = counted_task();
	tpar_future *none = NULL;

	ck_assert_int_eq(tpar_submit_task(pool, &task, &none), TPAR_EAGAIN);
	ck_assert_str_eq(tpar_error_detail(), "queue_limit of 3 is reached");
	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL),
			 TPAR_EAGAIN);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 1, &none),
			 TPAR_EAGAIN);
	ck_assert_ptr_null(none);
}

START_TEST(full_queue_takes_nothing)
{
	struct full full;

	fill(&full);
	expect_full(full.pool);
	ck_assert_int_eq(atomic_load(&dropped), 0);
	let_run(&full);
	ck_assert_int_eq(atomic_load(&runs), 3);
	ck_assert_int_eq(atomic_load(&dropped), 3);
}
END_TEST

START_TEST(what_is_cancelled_gives_its_room_back)
{
	struct tpar_task task = counted_task();
	struct full full;
	int i;

	fill(&full);
	for (i = 0; i < 100; i++) {
		expect_full(full.pool);
		ck_assert_int_eq(tpar_future_cancel(full.f[i % 3]), TPAR_OK);
		tpar_future_unref(full.f[i % 3]);
		full.f[i % 3] = unit_submit_task(full.pool, &task);
	}
	expect_full(full.pool);
	let_run(&full);
	ck_assert_int_eq(atomic_load(&runs), 3);
	ck_assert_int_eq(atomic_load(&dropped), 103);
}
END_TEST

START_TEST(what_has_begun_gives_its_room_back)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = counted_task();
	struct full full;
	tpar_future *f;
	int i;

	fill(&full);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_cancel(full.f[i]), TPAR_OK);
	}
	f = unit_submit(full.pool, unit_hold_task, &hold, 0);
	ck_assert_int_eq(tpar_submit_many(full.pool, &task, NULL, 0, 3, NULL),
			 TPAR_EAGAIN);
	unit_gate_open(&full.hold.go);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_submit_many(full.pool, &task, NULL, 0, 3, NULL),
			 TPAR_OK);
	expect_full(full.pool);
	unit_gate_open(&hold.go);
	let_run(&full);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&runs), 3);
	ck_assert_int_eq(atomic_load(&dropped), 6);
}
END_TEST

START_TEST(many_that_do_not_fit_are_refused_as_a_whole)
{
	struct tpar_task task = counted_task();
	tpar_future *f[3] = { NULL, NULL, NULL };
	struct full full;

	fill(&full);
	ck_assert_int_eq(tpar_future_cancel(full.f[0]), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(full.f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(full.pool, &task, NULL, 0, 3, f),
			 TPAR_EAGAIN);
	ck_assert_int_eq(tpar_submit_many(full.pool, &task, NULL, 0, SIZE_MAX,
					  NULL),
			 TPAR_EAGAIN);
	ck_assert_ptr_null(f[0]);
	ck_assert_int_eq(tpar_submit_many(full.pool, &task, NULL, 0, 2, f),
			 TPAR_OK);
	expect_full(full.pool);
	let_run(&full);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(atomic_load(&runs), 3);
	ck_assert_int_eq(atomic_load(&dropped), 5);
}
END_TEST

/* Submits more than a limit of 1 has room for, and waits for all of it. */
static int
submit_inside(void *arg, void *value)
{
	struct tpar_task task = counted_task();
	tpar_future *f[10];
	int i;

	(void)arg;
	(void)value;
	for (i = 0; i < 5; i++) {
		f[i] = unit_submit_task(NULL, &task);
	}
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 5, f + 5) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, 10, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, 10);
	return 0;
}

START_TEST(limit_is_for_tasks_from_outside)
{
	tpar_pool *pool = limited_pool(1);
	struct tpar_failure why;
	int args[50];

	unit_run_in(pool, submit_inside, NULL);
	ck_assert_int_eq(atomic_load(&runs), 10);
	/* A map sees to it itself. */
	ck_assert_int_eq(tpar_map(pool, count_run, args, sizeof args[0], NULL,
				  0, 50, &why),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 60);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

START_TEST(task_is_inside_its_pool_on_another_pools_thread_too)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = limited_pool(1);
	tpar_pool *other = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *f;

	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, submit_inside, NULL, 0);
	/* Whoever waits for it runs it: its own pool has no thread for it. */
	unit_run_in(other, wait_for_it, f);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	ck_assert_int_eq(atomic_load(&runs), 10);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref(held);
	tpar_future_unref(f);
}
END_TEST

static _Thread_local tpar_pool **thread_of; /* whose thread this is */

static void
set_thread_of(unsigned index, void *arg)
{
	(void)index;
	thread_of = arg;
}

static tpar_pool *
marked_pool(tpar_pool **mark, unsigned workers, bool own_threads_only)
{
	struct tpar_pool_config config = init;

	config.workers = workers;
	config.own_threads_only = own_threads_only;
	config.on_worker_start = set_thread_of;
	config.hook_arg = mark;
	ck_assert_int_eq(tpar_pool_create(mark, &config), TPAR_OK);
	return *mark;
}

static int
tell_thread(void *arg, void *value)
{
	(void)arg;
	*(tpar_pool ***)value = thread_of;
	return 0;
}

/* Submits one to another pool and waits for it. */
static int
wait_across(void *arg, void *value)
{
	tpar_future *f =
		unit_submit(arg, tell_thread, NULL, sizeof(tpar_pool **));

	UNIT_MUST(tpar_gather(&f, 1, value, NULL) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

static tpar_pool **
runner_across(bool own_threads_only)
{
	tpar_pool *waiting;
	tpar_pool *asked;
	tpar_pool **mark = NULL;
	tpar_future *f;

	marked_pool(&waiting, 1, false);
	marked_pool(&asked, 1, own_threads_only);
	f = unit_submit(waiting, wait_across, asked, sizeof mark);
	ck_assert_int_eq(tpar_gather(&f, 1, (void *)&mark, NULL), TPAR_OK);
	tpar_future_unref(f);
	ck_assert(mark == &asked || mark == &waiting);
	ck_assert_int_eq(tpar_pool_destroy(waiting), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(asked), TPAR_OK);
	return mark == &asked ? mark : NULL;
}

START_TEST(own_threads_only_keeps_other_threads_out)
{
	long round;

	for (round = 0; round < unit_scaled(100); round++) {
		ck_assert_ptr_nonnull((void *)runner_across(true));
	}
}
END_TEST

START_TEST(waiting_task_of_another_pool_runs_what_it_waits_for)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *waiting;
	tpar_pool *asked;
	tpar_pool **mark = NULL;
	tpar_future *held;
	tpar_future *f;

	marked_pool(&waiting, 1, false);
	marked_pool(&asked, 1, false);
	held = unit_submit(asked, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(waiting, wait_across, asked, sizeof mark);
	ck_assert_int_eq(tpar_gather(&f, 1, (void *)&mark, NULL), TPAR_OK);
	ck_assert_ptr_eq((void *)mark, (void *)&waiting);
	tpar_future_unref(f);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(waiting), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(asked), TPAR_OK);
	tpar_future_unref(held);
}
END_TEST

enum { POOLS = 3, EACH = 500 };

struct client {
	tpar_pool **pool; /* POOLS of them */
	long tasks;
};

/* From one of several threads, to all pools in turn. */
static void *
use_all(void *arg)
{
	struct client *client = arg;
	tpar_pool **mark;
	tpar_future *f;
	long i;

	for (i = 0; i < client->tasks; i++) {
		f = unit_submit(client->pool[i % POOLS], tell_thread, NULL,
				sizeof mark);
		UNIT_MUST(tpar_gather(&f, 1, (void *)&mark, NULL) == TPAR_OK);
		UNIT_MUST(mark == &client->pool[i % POOLS]);
		tpar_future_unref(f);
	}
	return NULL;
}

START_TEST(pools_at_the_same_time_keep_apart)
{
	tpar_pool *pool[POOLS];
	struct client client = { pool, unit_scaled(EACH) };
	pthread_t thread[2];
	int i;

	for (i = 0; i < POOLS; i++) {
		marked_pool(&pool[i], (unsigned)i + 1, false);
		ck_assert_uint_eq(tpar_pool_workers(pool[i]), (unsigned)i + 1);
	}
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(use_all, &client);
	}
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
	/* One that goes does not take another one with it. */
	ck_assert_int_eq(tpar_pool_destroy(pool[1]), TPAR_OK);
	unit_run_in(pool[0], count_run, NULL);
	unit_run_in(pool[2], count_run, NULL);
	ck_assert_int_eq(atomic_load(&runs), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool[0]), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool[2]), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		full_queue_takes_nothing,
		what_is_cancelled_gives_its_room_back,
		what_has_begun_gives_its_room_back,
		many_that_do_not_fit_are_refused_as_a_whole,
		limit_is_for_tasks_from_outside,
		task_is_inside_its_pool_on_another_pools_thread_too,
		own_threads_only_keeps_other_threads_out,
		waiting_task_of_another_pool_runs_what_it_waits_for,
		pools_at_the_same_time_keep_apart,
	};

	return unit_main("pool_queue", tests, sizeof tests / sizeof tests[0]);
}
