/* SPDX-License-Identifier: MIT */
/*
 * test_blocking_beside.c - tasks that block, and everything else that a task or
 * its thread may have to do with.
 */
#include "blocking.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>
#include <taskpar/promise.h>

#include <stdatomic.h>

enum { FEW = 4 };

static void
release(void *f)
{
	tpar_future_unref(f);
}

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	if (arg != NULL) {
		tpar_future *f = blocking_submit(NULL, exit_thread, NULL);

		/* It may run on top of this one, and exit for both. */
		pthread_cleanup_push(release, f);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		pthread_cleanup_pop(1);
	}
	pthread_exit(NULL);
}

START_TEST(threads_that_exit_are_replaced)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[FEW];
	int i;

	for (i = 0; i < FEW; i++) {
		f[i] = blocking_submit(pool, exit_thread,
				       i % 2 == 0 ? pool : NULL);
	}
	for (i = 0; i < FEW; i++) {
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_EFAILED);
	}
	tpar_future_unref_all(f, FEW);
	f[0] = blocking_submit(pool, blocking_nothing, NULL);
	f[1] = unit_submit(pool, blocking_nothing, NULL, 0);
	blocking_end(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
count_call(unsigned index, void *arg)
{
	(void)index;
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static int
wait_in_task(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

START_TEST(each_thread_calls_once_also_those_that_wait_in_a_task_that_blocks)
{
	tpar_pool *pool = unit_pool(1, FEW);
	_Atomic int calls = 0;
	tpar_promise *promise;
	tpar_future *set;
	tpar_future *f[FEW];
	int i;

	ck_assert_int_eq(tpar_promise_create(0, NULL, &promise, &set), TPAR_OK);
	for (i = 0; i < FEW; i++) {
		f[i] = blocking_submit(pool, wait_in_task, set);
	}
	UNIT_AWAIT(tpar_future_state(f[FEW - 1]) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_pool_each_worker(pool, count_call, &calls,
					       TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_ge(calls, 1);
	ck_assert_int_eq(tpar_promise_set(promise, NULL), TPAR_OK);
	blocking_end(f, FEW);
	tpar_promise_destroy(promise);
	tpar_future_unref(set);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct chain {
	tpar_pool *pool;
	struct unit_gate gate;
};

static void
submit_more(tpar_future *f, void *arg)
{
	struct chain *chain = arg;
	struct tpar_task task = blocking_of(blocking_open, &chain->gate);

	(void)f;
	UNIT_MUST(tpar_submit_task(chain->pool, &task, NULL) == TPAR_OK);
	UNIT_MUST(tpar_submit(chain->pool, blocking_open, &chain->gate, 0,
			      NULL) == TPAR_OK);
}

START_TEST(callback_of_one_submits_both_kinds)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct chain chain = { unit_pool(1, 1), UNIT_GATE_INIT };
	tpar_future *f;

	blocking_hold(chain.pool, &hold, &f, 1);
	ck_assert_int_eq(tpar_future_on_done(f, submit_more, &chain), TPAR_OK);
	unit_gate_open(&hold.go);
	unit_gate_await(&chain.gate, 2);
	blocking_end(&f, 1);
	ck_assert_int_eq(tpar_pool_destroy(chain.pool), TPAR_OK);
}
END_TEST

static void
open_when_asked(void *arg)
{
	unit_gate_open(arg);
}

static int
block_until_asked(void *arg, void *value)
{
	struct unit_hold *hold = arg;
	tpar_handler handle;

	(void)value;
	UNIT_MUST(tpar_on_cancel(open_when_asked, &hold->go, &handle) ==
		  TPAR_OK);
	unit_gate_open(&hold->begun);
	unit_gate_await(&hold->go, 1);
	tpar_off_cancel(&handle);
	return TPAR_ESTOPPED;
}

START_TEST(handler_ends_what_blocks_when_a_sibling_fails)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_failure why;
	tpar_pool *pool = unit_pool(1, FEW);
	tpar_future *f[2];

	f[0] = blocking_submit(pool, block_until_asked, &hold);
	unit_gate_await(&hold.begun, 1);
	f[1] = blocking_submit(pool, exit_thread, NULL);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

TPAR_TASK_1(long, fib, long, n)
{
	long a;
	long b;

	if (n < 2) {
		return n;
	}
	TPAR_FORK(fib, n - 1);
	b = TPAR_CALL(fib, n - 2);
	a = TPAR_JOIN(fib);
	return a + b;
}

static int
compute(void *arg, void *value)
{
	long result = 0;

	(void)value;
	if (arg != NULL) {
		tpar_blocking_enter();
	}
	UNIT_MUST(TPAR_RUN(fib, NULL, &result, NULL, 15L) == TPAR_OK);
	UNIT_MUST(result == 610);
	return 0;
}

START_TEST(fork_join_works_in_what_blocks)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[2 * FEW];
	int i;

	for (i = 0; i < FEW; i++) {
		f[2 * i] = blocking_submit(pool, compute, NULL);
		f[2 * i + 1] = unit_submit(pool, compute, pool, 0);
	}
	blocking_end(f, 2 * FEW);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(task_of_another_pool_waits_for_one)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_pool *other = unit_pool(1, 1);
	int i;

	for (i = 0; i < FEW; i++) {
		tpar_future *f = blocking_submit(pool, blocking_nothing, NULL);
		tpar_future *all = NULL;

		ck_assert_int_eq(tpar_gather_async(&f, 1, &all), TPAR_OK);
		unit_run_in(other, wait_in_task, f);
		blocking_end(&f, 1);
		blocking_end(&all, 1);
	}
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		threads_that_exit_are_replaced,
		each_thread_calls_once_also_those_that_wait_in_a_task_that_blocks,
		callback_of_one_submits_both_kinds,
		handler_ends_what_blocks_when_a_sibling_fails,
		fork_join_works_in_what_blocks,
		task_of_another_pool_waits_for_one,
	};

	return unit_main("blocking_beside", tests,
			 sizeof tests / sizeof tests[0]);
}
