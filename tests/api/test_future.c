/* SPDX-License-Identifier: MIT */
/*
 * test_future.c - what can be asked of a future before, while and after its
 * task runs; cancelling it; handles.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic int runs;

/* A task that says something, waits to be let go and ends as it is told. */
struct talker {
	struct unit_hold hold;
	tpar_pool *pool;
	tpar_future *held; /* keeps the only worker busy before */
	struct unit_hold before;
};

static int
talk(void *arg, void *value)
{
	struct talker *talker = arg;

	atomic_fetch_add(&runs, 1);
	*(int *)value = 41;
	UNIT_MUST(tpar_fail(1, "not the last word") == 1);
	UNIT_MUST(tpar_fail(1, "code %d", talker->hold.code) == 1);
	(void)unit_hold_task(&talker->hold, value);
	*(int *)value = 42;
	return talker->hold.code;
}

/* Its task is pending when this returns. */
static tpar_future *
start_talker(struct talker *talker, int code)
{
	struct unit_hold hold = UNIT_HOLD_INIT;

	talker->hold = hold;
	talker->hold.code = code;
	talker->before = hold;
	talker->pool = unit_pool(1, 1);
	talker->held =
		unit_submit(talker->pool, unit_hold_task, &talker->before, 0);
	unit_gate_await(&talker->before.begun, 1);
	return unit_submit(talker->pool, talk, talker, sizeof(int));
}

static void
let_begin(struct talker *talker)
{
	unit_gate_open(&talker->before.go);
	unit_gate_await(&talker->hold.begun, 1);
}

static void
let_end(struct talker *talker)
{
	unit_gate_open(&talker->hold.go);
	ck_assert_int_eq(tpar_pool_destroy(talker->pool), TPAR_OK);
	tpar_future_unref(talker->held);
}

static void
expect(tpar_future *f, enum tpar_state state, int code, const char *message)
{
	ck_assert_int_eq(tpar_future_state(f), state);
	ck_assert_int_eq(tpar_future_code(f), code);
	ck_assert_str_eq(tpar_future_message(f), message);
	if (state == TPAR_DONE) {
		ck_assert_int_eq(*(const int *)tpar_future_value(f), 42);
	} else {
		ck_assert_ptr_null(tpar_future_value(f));
	}
}

/* Runs a task to its end, asking all the way. */
static void
expect_end(int code, enum tpar_state state, const char *message)
{
	struct talker talker;
	tpar_future *f = start_talker(&talker, code);
	int value = 7;

	expect(f, TPAR_PENDING, 0, "");
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EBUSY);
	let_begin(&talker);
	expect(f, TPAR_RUNNING, 0, "");
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EBUSY);
	ck_assert_int_eq(value, 7);
	let_end(&talker);
	expect(f, state, code, message);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_NOW),
			 state == TPAR_DONE	? TPAR_OK
			 : state == TPAR_FAILED ? TPAR_EFAILED
						: TPAR_ECANCELED);
	/* Asking changes nothing. */
	expect(f, state, code, message);
	tpar_future_unref(f);
}

START_TEST(task_that_returns_zero_is_done)
{
	expect_end(0, TPAR_DONE, "");
}
END_TEST

START_TEST(task_that_returns_another_code_has_failed)
{
	expect_end(17, TPAR_FAILED, "code 17");
	expect_end(-17, TPAR_FAILED, "code -17");
	expect_end(INT32_MIN, TPAR_FAILED, "code -2147483648");
}
END_TEST

START_TEST(task_that_returns_an_error_of_the_library_has_failed_with_it)
{
	expect_end(TPAR_ECANCELED, TPAR_FAILED, "code -20009");
	expect_end(TPAR_EFAILED, TPAR_FAILED, "code -20010");
}
END_TEST

START_TEST(task_that_returns_stopped_is_cancelled)
{
	expect_end(TPAR_ESTOPPED, TPAR_CANCELLED, "");
}
END_TEST

START_TEST(cancelled_before_it_begins_it_never_runs)
{
	struct talker talker;
	tpar_future *f = start_talker(&talker, 0);
	int value = 7;

	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	/* At once, although the worker is busy. */
	expect(f, TPAR_CANCELLED, TPAR_ESTOPPED, "");
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	ck_assert_int_eq(value, 7);
	unit_gate_open(&talker.before.go);
	let_end(&talker);
	ck_assert_int_eq(atomic_load(&runs), 0);
	expect(f, TPAR_CANCELLED, TPAR_ESTOPPED, "");
	tpar_future_unref(f);
}
END_TEST

static void
expect_cancelled_running(int code, enum tpar_state state, const char *message)
{
	struct talker talker;
	tpar_future *f = start_talker(&talker, code);

	let_begin(&talker);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	/* It is only asked. */
	expect(f, TPAR_RUNNING, 0, "");
	let_end(&talker);
	expect(f, state, code, message);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	expect(f, state, code, message);
	tpar_future_unref(f);
}

START_TEST(running_task_decides_itself_how_it_ends)
{
	expect_cancelled_running(TPAR_ESTOPPED, TPAR_CANCELLED, "");
	expect_cancelled_running(0, TPAR_DONE, "");
	expect_cancelled_running(5, TPAR_FAILED, "code 5");
}
END_TEST

/* An argument whose drop function asks where it is. */
struct curious {
	tpar_future *own;
	unsigned workers; /* of the pool that NULL means */
	enum tpar_err err;
};

static void
ask_where(void *arg)
{
	struct curious *curious = arg;

	curious->workers = tpar_pool_workers(NULL);
	curious->err = tpar_future_wait(curious->own, TPAR_FOREVER);
}

START_TEST(argument_is_dropped_as_part_of_the_task_whoever_does_it)
{
	struct curious curious = { NULL, 0, TPAR_OK };
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(setenv("TASKPAR_WORKERS", "2", 1), 0);
	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	task.fn = talk;
	task.arg = &curious;
	task.drop_arg = ask_where;
	curious.own = unit_submit_task(pool, &task);
	/* By this thread, which is none of its pool. */
	ck_assert_int_eq(tpar_future_cancel(curious.own), TPAR_OK);
	ck_assert_uint_eq(curious.workers, 1);
	ck_assert_int_eq(curious.err, TPAR_EDEADLK);
	tpar_future_unref(curious.own);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(null_is_refused_or_ignored)
{
	ck_assert_int_eq(tpar_future_cancel(NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_wait(NULL, TPAR_FOREVER), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_take(NULL, NULL), TPAR_EINVAL);
	tpar_future_unref(NULL);
	tpar_future_unref_all(NULL, 0);
}
END_TEST

static _Atomic int drops;

static void
count_drop(void *value)
{
	(void)value;
	atomic_fetch_add(&drops, 1);
}

static tpar_future *
droppable_number(tpar_pool *pool, intptr_t number)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_number_task;
	task.arg = (void *)number;
	task.value_size = sizeof number;
	task.drop_value = count_drop;
	return unit_submit_task(pool, &task);
}

enum { SHARERS = 4 };

struct sharer {
	tpar_future *f; /* a handle of its own */
	long rounds;
};

static void *
share(void *arg)
{
	struct sharer *sharer = arg;
	long i;

	for (i = 0; i < sharer->rounds; i++) {
		UNIT_MUST(tpar_future_ref(sharer->f) == sharer->f);
		if (tpar_future_wait(sharer->f, TPAR_NOW) == TPAR_OK) {
			UNIT_MUST(*(const intptr_t *)tpar_future_value(
					  sharer->f) == 99);
		}
		tpar_future_unref(sharer->f);
	}
	UNIT_MUST(tpar_future_wait(sharer->f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(sharer->f);
	return NULL;
}

START_TEST(future_lives_as_long_as_any_thread_has_a_handle)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct sharer sharer[SHARERS];
	pthread_t thread[SHARERS];
	tpar_future *f;
	int i;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	f = droppable_number(pool, 99);
	for (i = 0; i < SHARERS; i++) {
		sharer[i].f = tpar_future_ref(f);
		sharer[i].rounds = unit_scaled(5000);
		thread[i] = unit_start(share, &sharer[i]);
	}
	tpar_future_unref(f);
	unit_gate_open(&hold.go);
	for (i = 0; i < SHARERS; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&drops), 1);
}
END_TEST

START_TEST(last_of_several_handles_drops_the_value)
{
	tpar_future *f = droppable_number(NULL, 1);
	int i;

	for (i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(tpar_future_ref(f), f);
	}
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 1000; i++) {
		tpar_future_unref(f);
	}
	ck_assert_int_eq(atomic_load(&drops), 0);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f), 1);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&drops), 1);
}
END_TEST

START_TEST(handles_released_together_become_null)
{
	enum { N = 200 };
	tpar_pool *pool[2] = { unit_pool(1, 1), unit_pool(2, 1) };
	tpar_future *f[N];
	tpar_future *kept;
	int i;

	/* Of two pools, in turn, with gaps. */
	for (i = 0; i < N; i++) {
		f[i] = i % 5 == 0 ? NULL : droppable_number(pool[i % 2], i);
	}
	kept = tpar_future_ref(f[1]);
	for (i = 0; i < N; i++) {
		if (f[i] != NULL) {
			ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
					 TPAR_OK);
		}
	}
	tpar_future_unref_all(f, N);
	for (i = 0; i < N; i++) {
		ck_assert_ptr_null(f[i]);
	}
	ck_assert_int_eq(atomic_load(&drops), N - N / 5 - 1);
	tpar_future_unref_all(f, N);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(kept), 1);
	tpar_future_unref(kept);
	ck_assert_int_eq(atomic_load(&drops), N - N / 5);
	ck_assert_int_eq(tpar_pool_destroy(pool[0]), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool[1]), TPAR_OK);
}
END_TEST

/* A member ends, is asked for and is cancelled, all at once. */
static void *
cancel_it(void *f)
{
	enum tpar_err err = tpar_future_cancel(f);

	UNIT_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	UNIT_MUST(err == TPAR_OK || tpar_future_state(f) >= TPAR_DONE);
	return NULL;
}

START_TEST(two_that_cancel_what_just_runs_agree_on_its_end)
{
	tpar_pool *pool = unit_pool(1, 1);
	long round;
	int i;

	for (round = 0; round < unit_scaled(500); round++) {
		tpar_future *f = droppable_number(pool, round);
		pthread_t thread = unit_start(cancel_it, f);
		enum tpar_state state;

		cancel_it(f);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		state = tpar_future_state(f);
		ck_assert(state == TPAR_DONE || state == TPAR_CANCELLED);
		unit_join(thread);
		for (i = 0; i < 3; i++) {
			ck_assert_int_eq(tpar_future_state(f), state);
		}
		if (state == TPAR_DONE) {
			atomic_fetch_sub(&drops, 1);
		}
		tpar_future_unref(f);
	}
	ck_assert_int_eq(atomic_load(&drops), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_that_returns_zero_is_done,
		task_that_returns_another_code_has_failed,
		task_that_returns_an_error_of_the_library_has_failed_with_it,
		task_that_returns_stopped_is_cancelled,
		cancelled_before_it_begins_it_never_runs,
		running_task_decides_itself_how_it_ends,
		argument_is_dropped_as_part_of_the_task_whoever_does_it,
		null_is_refused_or_ignored,
		future_lives_as_long_as_any_thread_has_a_handle,
		last_of_several_handles_drops_the_value,
		handles_released_together_become_null,
		two_that_cancel_what_just_runs_agree_on_its_end,
	};

	return unit_main("future", tests, sizeof tests / sizeof tests[0]);
}
