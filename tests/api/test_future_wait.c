/* SPDX-License-Identifier: MIT */
/*
 * test_future_wait.c - waiting for one future: deadlines, many that wait, where
 * a task runs that is waited for, and being stopped meanwhile.
 */
#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

START_TEST(deadline_that_passes_leaves_the_future_alone)
{
	static const int64_t passed[] = { TPAR_NOW, -1000, INT64_MIN, 1 };
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[2];
	size_t i;

	f[0] = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f[1] = unit_submit(pool, count_run, NULL, 0);
	for (i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		ck_assert_int_eq(tpar_future_wait(f[0], passed[i]),
				 TPAR_ETIMEDOUT);
		ck_assert_int_eq(tpar_future_wait(f[1], passed[i]),
				 TPAR_ETIMEDOUT);
	}
	ck_assert_int_eq(tpar_future_wait(f[0], tpar_in(0)), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_wait(f[1], tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_PENDING);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f[1], tpar_in(100 * TPAR_SECOND)),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 1);
	/* What has ended is told at any time. */
	for (i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		ck_assert_int_eq(tpar_future_wait(f[1], passed[i]), TPAR_OK);
	}
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_is_not_passed_early)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, unit_hold_task, &hold, 0);
	int64_t deadline = tpar_in(3 * TPAR_MILLISECOND);

	ck_assert_int_eq(tpar_future_wait(f, deadline), TPAR_ETIMEDOUT);
	ck_assert_int_ge(tpar_in(0), deadline);
	unit_gate_open(&hold.go);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { WAITERS = 6 };

struct waiter {
	tpar_future *f;
	struct unit_gate *ready;
	int64_t deadline;
	enum tpar_err err;
};

static int
wait_for_it(void *arg, void *value)
{
	struct waiter *waiter = arg;

	(void)value;
	unit_gate_open(waiter->ready);
	waiter->err = tpar_future_wait(waiter->f, waiter->deadline);
	return 0;
}

static void *
wait_outside(void *arg)
{
	(void)wait_for_it(arg, NULL);
	return NULL;
}

/* Threads and tasks, half of each with a deadline that never comes. */
static void
wait_together(int code, enum tpar_err err)
{
	struct unit_gate ready = UNIT_GATE_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct waiter waiter[2 * WAITERS];
	tpar_pool *pool = unit_pool(2, 2 * WAITERS);
	pthread_t thread[WAITERS];
	tpar_future *held;
	int i;

	hold.code = code;
	held = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 2 * WAITERS; i++) {
		waiter[i] = (struct waiter) { held, &ready,
					      i % 4 < 2 ? 0 : INT64_MAX,
					      TPAR_EINVAL };
		if (i % 2 == 0) {
			thread[i / 2] = unit_start(wait_outside, &waiter[i]);
		} else {
			ck_assert_int_eq(tpar_submit(pool, wait_for_it,
						     &waiter[i], 0, NULL),
					 TPAR_OK);
		}
	}
	unit_gate_await(&ready, 2 * WAITERS);
	unit_gate_open(&hold.go);
	for (i = 0; i < WAITERS; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < 2 * WAITERS; i++) {
		ck_assert_int_eq(waiter[i].err, err);
	}
	tpar_future_unref(held);
}

START_TEST(many_wait_for_one_and_learn_the_same)
{
	wait_together(0, TPAR_OK);
	wait_together(3, TPAR_EFAILED);
	wait_together(TPAR_ESTOPPED, TPAR_ECANCELED);
}
END_TEST

START_TEST(cancel_of_what_has_not_begun_wakes_those_who_wait)
{
	struct unit_gate ready = UNIT_GATE_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct waiter waiter = { NULL, &ready, 0, TPAR_EINVAL };
	pthread_t thread;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	waiter.f = unit_submit(pool, count_run, NULL, 0);
	thread = unit_start(wait_outside, &waiter);
	unit_gate_await(&ready, 1);
	ck_assert_int_eq(tpar_future_cancel(waiter.f), TPAR_OK);
	/* Though the worker is still held. */
	unit_join(thread);
	ck_assert_int_eq(waiter.err, TPAR_ECANCELED);
	unit_gate_open(&hold.go);
	tpar_future_unref(waiter.f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

static int
tell_thread(void *arg, void *value)
{
	(void)arg;
	*(pthread_t *)value = pthread_self();
	return 0;
}

/* How a task waits for another one, and whether that ran on its thread. */
struct place {
	unsigned flags;
	int64_t deadline;
	bool in_place;
};

static int
look_where(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct place *place = arg;
	pthread_t where;
	tpar_future *f;

	(void)value;
	task.fn = tell_thread;
	task.value_size = sizeof where;
	task.flags = place->flags;
	f = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_wait(f, place->deadline) == TPAR_OK);
	UNIT_MUST(tpar_future_take(f, &where) == TPAR_OK);
	place->in_place = pthread_equal(where, pthread_self()) != 0;
	tpar_future_unref(f);
	return 0;
}

START_TEST(what_has_not_begun_is_run_in_place)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct place place = { 0, TPAR_FOREVER, false };

	unit_run_in(pool, look_where, &place);
	ck_assert(place.in_place);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(but_not_if_it_says_so_or_there_is_a_deadline)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct place place = { TPAR_NO_INLINE, TPAR_FOREVER, true };

	unit_run_in(pool, look_where, &place);
	ck_assert(!place.in_place);
	place = (struct place) { 0, tpar_in(100 * TPAR_SECOND), true };
	unit_run_in(pool, look_where, &place);
	ck_assert(!place.in_place);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_goes_on_while_a_task_sleeps)
{
	struct unit_gate ready = UNIT_GATE_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 3);
	struct waiter waiter[3];
	int i;

	waiter[0].f = unit_submit(other, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 3; i++) {
		waiter[i] = (struct waiter) { waiter[0].f, &ready, TPAR_FOREVER,
					      TPAR_EINVAL };
		ck_assert_int_eq(tpar_submit(pool, wait_for_it, &waiter[i], 0,
					     NULL),
				 TPAR_OK);
	}
	unit_gate_await(&ready, 3);
	unit_run_in(pool, count_run, NULL);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(waiter[i].err, TPAR_OK);
	}
	tpar_future_unref(waiter[0].f);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

/* A task that is to be stopped while it waits. */
struct stoppable {
	struct unit_gate ready;
	tpar_future *never;
	int64_t deadline;
	tpar_future *ended;
};

static int
wait_until_stopped(void *arg, void *value)
{
	struct stoppable *self = arg;

	(void)value;
	unit_gate_open(&self->ready);
	UNIT_MUST(tpar_future_wait(self->never, self->deadline) ==
		  TPAR_ESTOPPED);
	UNIT_MUST(tpar_cancelled());
	/* It is told so again; but what has ended has ended. */
	UNIT_MUST(tpar_future_wait(self->never, self->deadline) ==
		  TPAR_ESTOPPED);
	UNIT_MUST(tpar_future_wait(self->ended, self->deadline) == TPAR_OK);
	return TPAR_ESTOPPED;
}

static void
stop_a_wait(int64_t deadline)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct stoppable self = { UNIT_GATE_INIT, NULL, deadline, NULL };
	tpar_pool *other = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	self.ended = unit_submit(other, count_run, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(self.ended, TPAR_FOREVER), TPAR_OK);
	self.never = unit_submit(other, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, wait_until_stopped, &self, 0);
	unit_gate_await(&self.ready, 1);
	/* Another task runs: it sleeps, and its place is free. */
	unit_run_in(pool, count_run, NULL);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	/* Nothing is cancelled. */
	ck_assert_int_eq(tpar_future_state(self.never), TPAR_RUNNING);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(self.never, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(self.never);
	tpar_future_unref(self.ended);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}

START_TEST(task_that_is_asked_to_stop_leaves_its_wait)
{
	stop_a_wait(TPAR_FOREVER);
	stop_a_wait(INT64_MAX);
}
END_TEST

/* Waits for the next one of a chain, which nobody may run but another thread. */
struct chain {
	int left;
	enum tpar_err err; /* of the last wait */
	enum tpar_state state;
};

static int
wait_for_next(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct chain *chain = arg;
	tpar_future *f;
	enum tpar_err err;

	(void)value;
	if (chain->left-- == 0) {
		return 0;
	}
	task.fn = wait_for_next;
	task.arg = chain;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	err = tpar_future_wait(f, TPAR_FOREVER);
	if (chain->err == TPAR_OK) {
		chain->err = err;
		chain->state = tpar_future_state(f);
	}
	tpar_future_unref(f);
	return 0;
}

START_TEST(wait_for_which_there_is_no_thread_cancels_and_says_so)
{
	struct chain chain = { 3, TPAR_OK, TPAR_PENDING };
	tpar_pool *pool = unit_pool(1, 2);

	unit_run_in(pool, wait_for_next, &chain);
	ck_assert_int_eq(chain.err, TPAR_EAGAIN);
	ck_assert_int_eq(chain.state, TPAR_CANCELLED);
	ck_assert_int_eq(chain.left, 0);
	/* With one less there is. */
	chain = (struct chain) { 2, TPAR_OK, TPAR_PENDING };
	unit_run_in(pool, wait_for_next, &chain);
	ck_assert_int_eq(chain.err, TPAR_OK);
	ck_assert_int_eq(chain.state, TPAR_DONE);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
spoil_errno(void *arg, void *value)
{
	(void)arg;
	(void)value;
	errno = EBADF;
	return 0;
}

static int
keep_errno(void *arg, void *value)
{
	tpar_future *f = unit_submit(NULL, spoil_errno, NULL, 0);

	(void)arg;
	(void)value;
	errno = ENOENT;
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	tpar_future_unref(f);
	return 0;
}

START_TEST(errno_is_left_alone)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	unit_run_in(pool, keep_errno, NULL);
	f = unit_submit(pool, unit_hold_task, &hold, 0);
	errno = ENOENT;
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(errno, ENOENT);
	unit_gate_open(&hold.go);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Plain memory: the submit and the end order what both sides write. */
struct plain {
	long question;
	long answer;
};

static int
answer(void *arg, void *value)
{
	struct plain *plain = arg;

	(void)value;
	plain->answer = plain->question * 2;
	return 0;
}

START_TEST(what_was_written_before_is_seen)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct plain plain;
	tpar_future *f;
	long i;

	for (i = 0; i < unit_scaled(2000); i++) {
		plain = (struct plain) { i, -1 };
		f = unit_submit(pool, answer, &plain, 0);
		if (i % 2 == 0) {
			UNIT_AWAIT(tpar_future_state(f) == TPAR_DONE);
		} else {
			ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
					 TPAR_OK);
		}
		ck_assert_int_eq(plain.answer, 2 * i);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		deadline_that_passes_leaves_the_future_alone,
		deadline_is_not_passed_early,
		many_wait_for_one_and_learn_the_same,
		cancel_of_what_has_not_begun_wakes_those_who_wait,
		what_has_not_begun_is_run_in_place,
		but_not_if_it_says_so_or_there_is_a_deadline,
		pool_goes_on_while_a_task_sleeps,
		task_that_is_asked_to_stop_leaves_its_wait,
		wait_for_which_there_is_no_thread_cancels_and_says_so,
		errno_is_left_alone,
		what_was_written_before_is_seen,
	};

	return unit_main("future_wait", tests, sizeof tests / sizeof tests[0]);
}
