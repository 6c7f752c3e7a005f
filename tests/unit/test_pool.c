/* SPDX-License-Identifier: MIT */
/*
 * test_pool.c - making and destroying pools, the default pool, shutting down,
 * and when a pool is quiet.
 */
#include "config.h"

#include "handmade.h"

#include "src/parker.h"

#include <taskpar/cancel.h>

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

START_TEST(bad_arguments_are_refused)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *untouched = (void *)&config;
	tpar_pool *pool = untouched;

	ck_assert_int_eq(tpar_pool_create(NULL, &config), TPAR_EINVAL);
	config.size = 1;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_EINVAL);
	ck_assert_ptr_eq(pool, untouched);
	ck_assert_int_eq(tpar_pool_shutdown(NULL, (enum tpar_shutdown)2,
					    TPAR_FOREVER),
			 TPAR_EINVAL);
}
END_TEST

START_TEST(pools_come_and_go)
{
	unsigned workers;
	long rounds = unit_scaled(10);
	long i;

	for (workers = 1; workers <= 16; workers *= 2) {
		for (i = 0; i < rounds; i++) {
			tpar_pool *pool = unit_pool(workers, 1);

			ck_assert_uint_eq(tpar_pool_workers(pool), workers);
			if (i % 2 == 0) {
				unit_run_in(pool, count_run, NULL);
			}
			ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		}
	}
}
END_TEST

START_TEST(one_shard_for_eight_workers)
{
	tpar_pool *pool = unit_pool(8, 1);

	ck_assert_uint_eq(pool->shards, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	pool = unit_pool(9, 1);
	ck_assert_uint_eq(pool->shards, 2);
	ck_assert_uint_eq(pool->park.search_max, 4);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(destroy_runs_what_was_accepted)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *kept;
	int i;

	kept = unit_submit(pool, unit_hold_task, &hold, sizeof(int));
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, NULL),
				 TPAR_OK);
	}
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs, 100);
	ck_assert_int_eq(tpar_future_state(kept), TPAR_DONE);
	ck_assert_ptr_nonnull(tpar_future_value(kept));
	tpar_future_unref(kept);
}
END_TEST

START_TEST(default_pool_begins_with_its_first_use)
{
	setenv("TASKPAR_WORKERS", "3", 1);
	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_uint_eq(tpar_pool_workers(NULL), 3);
	unit_run_in(NULL, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	/* The next use starts another one. */
	setenv("TASKPAR_WORKERS", "2", 1);
	unit_run_in(NULL, count_run, NULL);
	ck_assert_uint_eq(tpar_pool_workers(NULL), 2);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(runs, 2);
}
END_TEST

START_TEST(default_pool_that_cannot_begin_is_reported)
{
	setenv("TASKPAR_WORKERS", "none", 1);
	ck_assert_uint_eq(tpar_pool_workers(NULL), 0);
	ck_assert_int_eq(tpar_submit(NULL, count_run, NULL, 0, NULL),
			 TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "TASKPAR_WORKERS"));
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

static int
know_my_pool(void *arg, void *value)
{
	(void)value;
	if (tpar_pool_workers(NULL) != 5 || !tpi_pool_is_callers(arg)) {
		return 1;
	}
	if (tpar_pool_shutdown(arg, TPAR_DRAIN, TPAR_NOW) != TPAR_EDEADLK) {
		return 2;
	}
	return tpar_pool_destroy(arg) == TPAR_EDEADLK ? 0 : 3;
}

START_TEST(task_belongs_to_its_pool)
{
	tpar_pool *pool = unit_pool(5, 1);
	tpar_future *f = unit_submit(pool, know_my_pool, pool, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_code(f), 0);
	ck_assert(!tpi_pool_is_callers(pool));
	tpar_future_unref(f);
	/* The refused shutdown has closed nothing. */
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
destroy_default(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return tpar_pool_destroy(NULL) == TPAR_EDEADLK ? 0 : 1;
}

START_TEST(default_pool_is_not_destroyed_by_its_task)
{
	setenv("TASKPAR_WORKERS", "1", 1);
	unit_run_in(NULL, destroy_default, NULL);
	unit_run_in(NULL, count_run, NULL);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(runs, 1);
}
END_TEST

/* Threads that are not the pool's never have a worker's place. */
START_TEST(workers_are_made_up_to_the_capacity)
{
	struct tpar_pool *pool = hand_pool(1);
	int i;

	pool->capacity = 3;
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(hand_worker(pool)->index, (unsigned)i);
	}
	tpi_lock_enter(&pool->lock);
	ck_assert_ptr_null(tpi_pool_add_worker(pool));
	tpi_lock_leave(&pool->lock);
	ck_assert_uint_eq(tpi_pool_worker_count(pool), 3);
	ck_assert_uint_eq(pool->threads, 3);
	hand_free(pool);
}
END_TEST

START_TEST(any_queue_counts_as_work)
{
	struct tpar_pool *pool = hand_pool(2);
	struct tpi_worker *w = hand_worker(pool);
	struct tpar_future *f = hand_future(pool);

	ck_assert(!tpi_pool_any_work(pool));
	ck_assert(tpi_deque_push_owner(&w->deque, f, true));
	ck_assert(tpi_pool_any_work(pool));
	ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f);
	ck_assert(!tpi_pool_any_work(pool));
	tpi_inject_push(&pool->shard[0], &f->link, &f->link);
	ck_assert(tpi_pool_any_work(pool));
	ck_assert_ptr_eq(tpi_inject_pop(&pool->shard[0]), &f->link);
	ck_assert(!tpi_pool_any_work(pool));
	tpi_future_end_cancelled(f);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(watches_leave_from_anywhere)
{
	struct tpi_watch watch[3];
	struct tpi_watch *list;
	int out;
	int i;

	for (out = 0; out < 3; out++) {
		list = NULL;
		for (i = 0; i < 3; i++) {
			tpi_watch_add_locked(&list, &watch[i]);
		}
		tpi_watch_remove_locked(&watch[out]);
		for (i = 2; i >= 0; i--) {
			if (i != out) {
				ck_assert_ptr_eq(list, &watch[i]);
				tpi_watch_remove_locked(&watch[i]);
			}
		}
		ck_assert_ptr_null(list);
	}
}
END_TEST

START_TEST(pool_is_quiet_if_all_are_parked_and_nobody_runs_for_it)
{
	struct tpar_pool *pool = hand_pool(2);
	struct tpi_watch watch = { .parker = NULL };

	ck_assert(tpi_pool_quiet_locked(pool));
	(void)hand_worker(pool);
	ck_assert(!tpi_pool_quiet_locked(pool));
	pool->parked_count = 1;
	ck_assert(tpi_pool_quiet_locked(pool));
	tpi_watch_add_locked(&pool->foreign, &watch);
	ck_assert(!tpi_pool_quiet_locked(pool));
	tpi_watch_remove_locked(&watch);
	ck_assert(tpi_pool_quiet_locked(pool));
	/* Who waits without a parker naps: there is nothing to wake. */
	tpi_watch_add_locked(&pool->waiting, &watch);
	tpi_pool_wake_waiting_locked(pool);
	hand_free(pool);
}
END_TEST

/* The pool's task of the moment, on a worker of another pool. */
struct elsewhere {
	tpar_pool *pool; /* whose task it is */
	_Atomic(tpar_future *) f;
	size_t value_size;
};

static int
run_here(void *arg, void *value)
{
	struct elsewhere *elsewhere = arg;
	tpar_future *f = unit_submit(elsewhere->pool, count_run, NULL,
				     elsewhere->value_size);

	(void)value;
	atomic_store(&elsewhere->f, tpar_future_ref(f));
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

/*
 * A worker of one pool claims the task of another one, whose own worker then
 * meets an empty queue.  Zeroing the large value takes so long that the other
 * pool is destroyed between the claim and the call.
 */
START_TEST(destroy_waits_for_a_task_that_another_pool_has_claimed)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct elsewhere elsewhere = { .value_size = (size_t)64 << 20 };
	tpar_pool *helper = unit_pool(1, 1);
	tpar_future *held;
	tpar_future *outer;
	tpar_future *f;

	elsewhere.pool = unit_pool(1, 1);
	held = unit_submit(elsewhere.pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	outer = unit_submit(helper, run_here, &elsewhere, 0);
	UNIT_AWAIT((f = atomic_load(&elsewhere.f)) != NULL);
	UNIT_AWAIT(tpar_future_state(f) != TPAR_PENDING);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(elsewhere.pool), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	ck_assert_int_eq(tpar_future_wait(outer, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(held);
	tpar_future_unref(outer);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(helper), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bad_arguments_are_refused,
		pools_come_and_go,
		one_shard_for_eight_workers,
		destroy_runs_what_was_accepted,
		default_pool_begins_with_its_first_use,
		default_pool_that_cannot_begin_is_reported,
		task_belongs_to_its_pool,
		default_pool_is_not_destroyed_by_its_task,
		workers_are_made_up_to_the_capacity,
		any_queue_counts_as_work,
		watches_leave_from_anywhere,
		pool_is_quiet_if_all_are_parked_and_nobody_runs_for_it,
		destroy_waits_for_a_task_that_another_pool_has_claimed,
	};

	return unit_main("pool", tests, sizeof tests / sizeof tests[0]);
}
