/* SPDX-License-Identifier: MIT */
/*
 * test_each_worker.c - a function that each thread of a pool calls once,
 * whatever that thread is at.
 */
#include "scene.h"

#include <string.h>

enum { WORKERS = 4, MOST = 64 };

/* Who has called. */
struct calls {
	pthread_mutex_t mutex;
	unsigned n;
	unsigned index[MOST];
	pthread_t thread[MOST];
};

static void
note_call(unsigned index, void *arg)
{
	struct calls *calls = arg;

	UNIT_MUST(pthread_mutex_lock(&calls->mutex) == 0);
	UNIT_MUST(calls->n < MOST);
	calls->index[calls->n] = index;
	calls->thread[calls->n++] = pthread_self();
	UNIT_MUST(pthread_mutex_unlock(&calls->mutex) == 0);
}

#define CALLS_INIT                                                             \
	{                                                                      \
		.mutex = PTHREAD_MUTEX_INITIALIZER                             \
	}

static unsigned
calls_of(struct calls *calls)
{
	unsigned n;

	UNIT_MUST(pthread_mutex_lock(&calls->mutex) == 0);
	n = calls->n;
	UNIT_MUST(pthread_mutex_unlock(&calls->mutex) == 0);
	return n;
}

/* By n threads, each once. */
static void
expect_distinct(struct calls *calls, unsigned n)
{
	unsigned i;
	unsigned k;

	UNIT_MUST(calls->n == n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < i; k++) {
			UNIT_MUST(calls->index[i] != calls->index[k]);
			UNIT_MUST(!pthread_equal(calls->thread[i],
						 calls->thread[k]));
		}
	}
}

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

START_TEST(each_thread_of_an_idle_pool_calls_once)
{
	tpar_pool *pool = unit_pool(WORKERS, 1);
	int round;

	for (round = 0; round < 3; round++) {
		struct calls calls = CALLS_INIT;

		/* A thread that has just been created may not be one yet. */
		do {
			calls.n = 0;
			ck_assert_int_eq(tpar_pool_each_worker(pool, note_call,
							       &calls,
							       TPAR_FOREVER),
					 TPAR_OK);
		} while (round == 0 && calls.n < WORKERS);
		expect_distinct(&calls, WORKERS);
		unit_run_in(pool, nothing, NULL);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A call from a thread of its own. */
struct caller {
	tpar_pool *pool;
	struct calls calls;
	int64_t deadline;
	enum tpar_err err;
	_Atomic bool over;
};

static void *
call_from_outside(void *arg)
{
	struct caller *caller = arg;

	caller->err = tpar_pool_each_worker(caller->pool, note_call,
					    &caller->calls, caller->deadline);
	atomic_store(&caller->over, true);
	return NULL;
}

/* All its threads are at work. */
static void
warm_up(tpar_pool *pool, unsigned n)
{
	struct calls calls = CALLS_INIT;

	do {
		calls.n = 0;
		UNIT_MUST(tpar_pool_each_worker(pool, note_call, &calls,
						TPAR_FOREVER) == TPAR_OK);
	} while (calls.n < n);
}

START_TEST(busy_thread_comes_to_it_after_its_task)
{
	struct caller caller = { .calls = CALLS_INIT };
	struct unit_hold hold = UNIT_HOLD_INIT;
	pthread_t thread;

	caller.pool = unit_pool(2, 1);
	warm_up(caller.pool, 2);
	ck_assert_int_eq(tpar_submit(caller.pool, unit_hold_task, &hold, 0,
				     NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	thread = unit_start(call_from_outside, &caller);
	UNIT_AWAIT(calls_of(&caller.calls) == 1);
	ck_assert(!atomic_load(&caller.over));
	unit_gate_open(&hold.go);
	unit_join(thread);
	ck_assert_int_eq(caller.err, TPAR_OK);
	expect_distinct(&caller.calls, 2);
	ck_assert_int_eq(tpar_pool_destroy(caller.pool), TPAR_OK);
}
END_TEST

START_TEST(after_the_deadline_nobody_calls_it_any_more)
{
	struct calls calls = CALLS_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	unsigned n;

	warm_up(pool, 2);
	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_pool_each_worker(pool, note_call, &calls,
					       tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_pool_each_worker(pool, note_call, &calls,
					       TPAR_NOW),
			 TPAR_ETIMEDOUT);
	n = calls_of(&calls);
	unit_gate_open(&hold.go);
	warm_up(pool, 2);
	ck_assert_uint_eq(calls_of(&calls), n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* In a task, of the pool whose threads are to call. */
static int
call_from_task(void *arg, void *value)
{
	struct caller *caller = arg;
	pthread_t me = pthread_self();
	bool mine = false;
	unsigned i;

	(void)value;
	(void)call_from_outside(caller);
	for (i = 0; i < caller->calls.n; i++) {
		mine |= pthread_equal(caller->calls.thread[i], me) != 0;
	}
	UNIT_MUST(caller->err != TPAR_OK || mine);
	return (int)caller->err;
}

START_TEST(task_calls_it_itself)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct caller caller = { .calls = CALLS_INIT };

	unit_run_in(pool, call_from_task, &caller);
	expect_distinct(&caller.calls, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(tasks_that_ask_for_it_at_once_serve_each_other)
{
	tpar_pool *pool = unit_pool(WORKERS, WORKERS);
	struct caller caller[2 * WORKERS];
	tpar_future *f[2 * WORKERS];
	long round;
	int i;

	warm_up(pool, WORKERS);
	for (round = 0; round < unit_scaled(20); round++) {
		for (i = 0; i < 2 * WORKERS; i++) {
			caller[i] = (struct caller) { .calls = CALLS_INIT };
			f[i] = unit_submit(pool, call_from_task, &caller[i], 0);
		}
		ck_assert_int_eq(tpar_wait_all(f, (size_t)2 * WORKERS,
					       TPAR_FOREVER),
				 TPAR_OK);
		for (i = 0; i < 2 * WORKERS; i++) {
			ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
			expect_distinct(&caller[i].calls, caller[i].calls.n);
			ck_assert_uint_ge(caller[i].calls.n, WORKERS);
		}
		tpar_future_unref_all(f, (size_t)2 * WORKERS);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

START_TEST(thread_that_waits_calls_it_meanwhile)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct calls calls = CALLS_INIT;
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	f = unit_submit(pool, wait_for_it, scene.held, 0);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	/* Another thread takes its place, and is one from then on. */
	unit_run_in(pool, nothing, NULL);
	do {
		calls.n = 0;
		ck_assert_int_eq(tpar_pool_each_worker(pool, note_call, &calls,
						       TPAR_FOREVER),
				 TPAR_OK);
	} while (calls.n < 2);
	expect_distinct(&calls, 2);
	ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(stopped_task_does_not_wait_for_the_others)
{
	struct caller caller = { .calls = CALLS_INIT };
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	warm_up(pool, 2);
	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, call_from_task, &caller, 0);
	UNIT_AWAIT(calls_of(&caller.calls) > 0);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(caller.err, TPAR_ESTOPPED);
	unit_gate_open(&hold.go);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_that_is_shut_down_has_its_threads_still)
{
	struct caller caller = { .calls = CALLS_INIT };
	struct unit_hold hold = UNIT_HOLD_INIT;
	pthread_t thread;

	caller.pool = unit_pool(2, 1);
	warm_up(caller.pool, 2);
	ck_assert_int_eq(tpar_submit(caller.pool, unit_hold_task, &hold, 0,
				     NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	thread = unit_start(call_from_outside, &caller);
	UNIT_AWAIT(calls_of(&caller.calls) == 1);
	ck_assert_int_eq(tpar_pool_shutdown(caller.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	unit_join(thread);
	ck_assert_int_eq(caller.err, TPAR_OK);
	expect_distinct(&caller.calls, 2);
	ck_assert_int_eq(tpar_pool_shutdown(caller.pool, TPAR_CANCEL,
					    TPAR_FOREVER),
			 TPAR_OK);
	caller.calls.n = 0;
	(void)call_from_outside(&caller);
	ck_assert_int_eq(caller.err, TPAR_OK);
	expect_distinct(&caller.calls, 2);
	ck_assert_int_eq(tpar_pool_destroy(caller.pool), TPAR_OK);
}
END_TEST

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

/* It is no task, although one may wait below it. */
static void
submit_one(unsigned index, void *pool)
{
	(void)index;
	UNIT_MUST(!tpar_cancelled());
	UNIT_MUST(tpar_submit(pool, count_run, NULL, 0, NULL) == TPAR_OK);
	UNIT_MUST(tpar_pool_each_worker(pool, note_call, NULL, TPAR_NOW) ==
		  TPAR_EDEADLK);
}

START_TEST(function_may_submit_but_not_ask_for_it_again)
{
	tpar_pool *pool = unit_pool(WORKERS, 1);

	warm_up(pool, WORKERS);
	ck_assert_int_eq(tpar_pool_each_worker(pool, submit_one, pool,
					       TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), WORKERS);
	ck_assert_int_eq(tpar_pool_each_worker(NULL, NULL, NULL, TPAR_NOW),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "fn is NULL");
}
END_TEST

/* Waits for no task, but sleeps as one who does. */
struct sleeper {
	struct unit_gate begun;
	struct unit_gate go;
	tpar_pool *pool;
	tpar_future *never;
};

static void
sleep_a_little(unsigned index, void *arg)
{
	struct sleeper *sleeper = arg;

	(void)index;
	unit_gate_open(&sleeper->begun);
	unit_gate_await(&sleeper->go, 1);
	UNIT_MUST(tpar_future_wait(sleeper->never, tpar_in(1000000)) ==
		  TPAR_ETIMEDOUT);
}

static void *
have_them_sleep(void *arg)
{
	struct sleeper *sleeper = arg;

	UNIT_MUST(tpar_pool_each_worker(sleeper->pool, sleep_a_little, sleeper,
					TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

/* The wake-up for the task comes while the idle thread is in the function. */
START_TEST(idle_thread_is_not_lost_when_it_sleeps_in_it)
{
	struct sleeper sleeper = { .begun = UNIT_GATE_INIT,
				   .go = UNIT_GATE_INIT };
	tpar_promise *p = NULL;
	pthread_t caller;
	tpar_future *f;

	sleeper.pool = unit_pool(1, 1);
	UNIT_MUST(tpar_promise_create(0, NULL, &p, &sleeper.never) == TPAR_OK);
	unit_run_in(sleeper.pool, nothing, NULL);
	caller = unit_start(have_them_sleep, &sleeper);
	unit_gate_await(&sleeper.begun, 1);
	f = unit_submit(sleeper.pool, nothing, NULL, 0);
	unit_gate_open(&sleeper.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	unit_join(caller);
	tpar_future_unref(f);
	tpar_promise_destroy(p);
	tpar_future_unref(sleeper.never);
	ck_assert_int_eq(tpar_pool_destroy(sleeper.pool), TPAR_OK);
}
END_TEST

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	pthread_exit(arg);
	return 0;
}

static void *
call_again_and_again(void *arg)
{
	struct caller *caller = arg;

	while (!atomic_load(&caller->over)) {
		caller->calls.n = 0;
		UNIT_MUST(tpar_pool_each_worker(caller->pool, note_call,
						&caller->calls,
						TPAR_FOREVER) == TPAR_OK);
		expect_distinct(&caller->calls, caller->calls.n);
	}
	return NULL;
}

START_TEST(threads_may_come_and_go_meanwhile)
{
	struct caller caller[2] = { { .calls = CALLS_INIT },
				    { .calls = CALLS_INIT } };
	tpar_pool *pool = unit_pool(2, 2);
	long n = unit_scaled(500);
	pthread_t thread[2];
	long i;

	for (i = 0; i < 2; i++) {
		caller[i].pool = pool;
		thread[i] = unit_start(call_again_and_again, &caller[i]);
	}
	for (i = 0; i < n; i++) {
		tpar_future *f = unit_submit(
			pool, i % 5 == 0 ? exit_thread : nothing, NULL, 0);

		ck_assert_int_eq(tpar_wait_all(&f, 1, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref(f);
	}
	for (i = 0; i < 2; i++) {
		atomic_store(&caller[i].over, true);
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		each_thread_of_an_idle_pool_calls_once,
		busy_thread_comes_to_it_after_its_task,
		after_the_deadline_nobody_calls_it_any_more,
		task_calls_it_itself,
		tasks_that_ask_for_it_at_once_serve_each_other,
		thread_that_waits_calls_it_meanwhile,
		stopped_task_does_not_wait_for_the_others,
		pool_that_is_shut_down_has_its_threads_still,
		function_may_submit_but_not_ask_for_it_again,
		idle_thread_is_not_lost_when_it_sleeps_in_it,
		threads_may_come_and_go_meanwhile,
	};

	return unit_main("each_worker", tests, sizeof tests / sizeof tests[0]);
}
