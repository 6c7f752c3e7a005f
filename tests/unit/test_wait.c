/* SPDX-License-Identifier: MIT */
/*
 * test_wait.c - waiting for one future, from outside and in tasks: what is run
 * in place, what ends a wait, and what becomes of deep ones.
 */
#include "config.h"

#include "handmade.h"

#include <taskpar/cancel.h>

#include <errno.h>

static int
return_code(void *arg, void *value)
{
	(void)value;
	return (int)(intptr_t)arg;
}

START_TEST(wait_tells_how_it_ended)
{
	static const struct {
		intptr_t rc;
		enum tpar_err err;
	} cases[] = { { 0, TPAR_OK },
		      { 5, TPAR_EFAILED },
		      { TPAR_ESTOPPED, TPAR_ECANCELED } };
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;
	size_t i;
	int n;

	ck_assert_int_eq(tpar_future_wait(NULL, TPAR_FOREVER), TPAR_EINVAL);
	for (i = 0; i < 3; i++) {
		f = unit_submit(pool, return_code, (void *)cases[i].rc, 0);
		for (n = 0; n < 2; n++) {
			ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
					 cases[i].err);
			/* What has ended has no deadline. */
			ck_assert_int_eq(tpar_future_wait(f, TPAR_NOW),
					 cases[i].err);
		}
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_leaves_the_future_alone)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *running = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *pending = unit_submit(pool, return_code, NULL, 0);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_wait(running, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_wait(running, 1), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_wait(pending, tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(pending), TPAR_PENDING);
	/* Nobody stands in the lists any more. */
	ck_assert_ptr_null(tpi_state_waiters(tpi_state_get(&running->state)));
	ck_assert_ptr_null(tpi_state_waiters(tpi_state_get(&pending->state)));
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(pending, tpar_in(3600 * TPAR_SECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(running, INT64_MAX), TPAR_OK);
	tpar_future_unref(running);
	tpar_future_unref(pending);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(errno_is_left_alone)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, unit_hold_task, &hold, 0);

	errno = 4711;
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(errno, 4711);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(errno, 4711);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
run_by(void *arg, void *value)
{
	(void)value;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

/* How a task waits for another one, and who ran that. */
struct inner {
	unsigned flags;
	int64_t deadline;
	enum tpar_err err;
	pthread_t outer;
	pthread_t by;
};

static int
wait_for_inner(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct inner *inner = arg;
	tpar_future *f;

	(void)value;
	inner->outer = pthread_self();
	task.fn = run_by;
	task.arg = &inner->by;
	task.flags = inner->flags;
	f = unit_submit_task(NULL, &task);
	inner->err = tpar_future_wait(f, inner->deadline);
	tpar_future_unref(f);
	return 0;
}

START_TEST(pending_task_is_run_in_place)
{
	struct inner inner = { .flags = 0, .deadline = TPAR_FOREVER };
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, wait_for_inner, &inner);
	ck_assert_int_eq(inner.err, TPAR_OK);
	ck_assert(pthread_equal(inner.outer, inner.by));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(task_that_says_so_is_run_elsewhere)
{
	struct inner inner = { .flags = TPAR_NO_INLINE,
			       .deadline = TPAR_FOREVER };
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, wait_for_inner, &inner);
	ck_assert_int_eq(inner.err, TPAR_OK);
	ck_assert(!pthread_equal(inner.outer, inner.by));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(wait_with_a_deadline_runs_nothing_in_place)
{
	struct inner inner = { .flags = 0,
			       .deadline = tpar_in(3600 * TPAR_SECOND) };
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, wait_for_inner, &inner);
	ck_assert_int_eq(inner.err, TPAR_OK);
	ck_assert(!pthread_equal(inner.outer, inner.by));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_until_stopped(void *arg, void *value)
{
	tpar_future *f = arg;
	enum tpar_err err = tpar_future_wait(f, TPAR_FOREVER);

	(void)value;
	/* The next wait says so again; what has ended is told all the same. */
	if (err == TPAR_ESTOPPED &&
	    tpar_future_wait(f, TPAR_FOREVER) == TPAR_ESTOPPED) {
		return TPAR_ESTOPPED;
	}
	return 1;
}

START_TEST(stopped_task_leaves_its_wait)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *f;

	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, wait_until_stopped, held, 0);
	UNIT_AWAIT(atomic_load(&f->cur) != NULL);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(held), TPAR_RUNNING);
	ck_assert(!tpi_state_stop_requested(&held->state));
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(held, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	tpar_future_unref(held);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_myself(void *arg, void *value)
{
	struct unit_gate *told = arg;
	tpar_future *myself = tpi_thread_self.run->task;

	(void)value;
	unit_gate_await(told, 1);
	return tpar_future_wait(myself, TPAR_FOREVER) == TPAR_EDEADLK &&
			       strstr(tpar_error_detail(), "itself") != NULL
		       ? 0
		       : 1;
}

START_TEST(task_does_not_wait_for_itself)
{
	struct unit_gate told = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, wait_for_myself, &told, 0);

	unit_gate_open(&told);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void *
wait_forever(void *f)
{
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

static void *
wait_in_slices(void *f)
{
	enum tpar_err err;

	do {
		err = tpar_future_wait(f, tpar_in(20000));
	} while (err == TPAR_ETIMEDOUT);
	UNIT_MUST(err == TPAR_OK);
	return NULL;
}

static int
spin_a_little(void *arg, void *value)
{
	long i;

	(void)arg;
	(void)value;
	for (i = 0; i < 20; i++) {
		sched_yield();
	}
	return 0;
}

START_TEST(many_wait_for_one)
{
	enum { WAITERS = 6 };
	long rounds = unit_scaled(200);
	tpar_pool *pool = unit_pool(1, 1);
	pthread_t thread[WAITERS];
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		tpar_future *f = unit_submit(pool, spin_a_little, NULL, 0);

		for (i = 0; i < WAITERS; i++) {
			thread[i] = unit_start(
				i % 2 == 0 ? wait_forever : wait_in_slices, f);
		}
		for (i = 0; i < WAITERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A chain of waits, each put on top of the one before. */
static _Atomic long deepest;

static int
go_deeper(void *arg, void *value)
{
	intptr_t left = (intptr_t)arg;
	tpar_future *f;
	enum tpar_err err;
	int code;

	(void)value;
	atomic_fetch_add(&deepest, 1);
	if (left == 0) {
		return 0;
	}
	f = unit_submit(NULL, go_deeper, (void *)(left - 1), 0);
	err = tpar_future_wait(f, TPAR_FOREVER);
	code = tpar_future_code(f);
	tpar_future_unref(f);
	return err == TPAR_EFAILED ? code : (int)err;
}

START_TEST(deep_waits_go_on_on_other_stacks)
{
	intptr_t depth = 1000;
	tpar_pool *pool = unit_pool(1, 256);

	unit_run_in(pool, go_deeper, (void *)depth);
	ck_assert_int_eq(atomic_load(&deepest), depth + 1);
	/* More than one thread was needed. */
	ck_assert_uint_gt(tpi_pool_worker_count(pool), 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(waits_without_stack_and_threads_end)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f =
		unit_submit(pool, go_deeper, (void *)(intptr_t)1000000, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_EAGAIN);
	ck_assert_int_lt(atomic_load(&deepest), 1000000);
	tpar_future_unref(f);
	/* The pool is as good as new. */
	unit_run_in(pool, return_code, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		wait_tells_how_it_ended,
		deadline_leaves_the_future_alone,
		errno_is_left_alone,
		pending_task_is_run_in_place,
		task_that_says_so_is_run_elsewhere,
		wait_with_a_deadline_runs_nothing_in_place,
		stopped_task_leaves_its_wait,
		task_does_not_wait_for_itself,
		many_wait_for_one,
		deep_waits_go_on_on_other_stacks,
		waits_without_stack_and_threads_end,
	};

	return unit_main("wait", tests, sizeof tests / sizeof tests[0]);
}
