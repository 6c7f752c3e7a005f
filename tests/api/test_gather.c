/* SPDX-License-Identifier: MIT */
/*
 * test_gather.c - the corners of the calls that wait for a set: what is refused,
 * what may be left out, deadlines, and what is moved.
 */
#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

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

static int
fail_with(void *arg, void *value)
{
	(void)value;
	return tpar_fail((int)(intptr_t)arg, "code %d", (int)(intptr_t)arg);
}

/* A failure that is about the call, not about a member. */
static void
expect_call(const struct tpar_failure *why, enum tpar_err err,
	    const char *message)
{
	ck_assert_uint_eq(why->index, SIZE_MAX);
	ck_assert_int_eq(why->state, TPAR_PENDING);
	ck_assert_int_eq(why->code, err);
	ck_assert_ptr_null(why->task);
	ck_assert_str_eq(why->message, message);
}

/* All calls refuse the set; nothing is written but `why`. */
static void
expect_refused(tpar_future *const *f, size_t n, bool wait_all_too,
	       const char *message)
{
	struct tpar_outcome outcome[3];
	struct tpar_outcome untouched[3];
	intptr_t values[3] = { 7, 8, 9 };
	struct tpar_failure why;

	memset(&why, 0x5a, sizeof why);
	ck_assert_int_eq(tpar_gather(f, n, values, &why), TPAR_EINVAL);
	expect_call(&why, TPAR_EINVAL, message);
	ck_assert_str_eq(tpar_error_detail(), message);
	memset(&why, 0x5a, sizeof why);
	ck_assert_int_eq(tpar_gather_until(f, n, values, TPAR_NOW, &why),
			 TPAR_EINVAL);
	expect_call(&why, TPAR_EINVAL, message);
	ck_assert_int_eq(tpar_gather(f, n, values, NULL), TPAR_EINVAL);
	memset(outcome, 0x5a, sizeof outcome);
	memcpy(untouched, outcome, sizeof outcome);
	ck_assert_int_eq(tpar_gather_settled(f, n, values, outcome),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), message);
	ck_assert_mem_eq(outcome, untouched, sizeof outcome);
	if (wait_all_too) {
		ck_assert_int_eq(tpar_wait_all(f, n, TPAR_FOREVER),
				 TPAR_EINVAL);
		ck_assert_str_eq(tpar_error_detail(), message);
	}
	ck_assert_int_eq(values[0], 7);
	ck_assert_int_eq(values[1], 8);
	ck_assert_int_eq(values[2], 9);
}

START_TEST(bad_set_is_refused_and_goes_on)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[64] = { NULL };
	char too_many[64];

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	f[0] = unit_submit(pool, unit_number_task, (void *)1, sizeof(intptr_t));
	f[1] = NULL;
	f[2] = unit_submit(pool, unit_number_task, (void *)3, 24);
	expect_refused(NULL, 3, true, "f is NULL");
	expect_refused(f, 3, true, "f[1] is NULL");
	expect_refused(f + 1, 2, true, "f[0] is NULL");
	f[1] = f[0];
	expect_refused(f, 3, false,
		       sizeof(intptr_t) == 8
			       ? "f[2] has a value of 24 bytes, f[0] one of 8"
			       : "f[2] has a value of 24 bytes, f[0] one of 4");
	/* Beyond any memory: not even the first ones are looked at. */
	snprintf(too_many, sizeof too_many, "n is %zu", SIZE_MAX);
	expect_refused(f, SIZE_MAX, true, too_many);
	expect_refused(f + 2, PTRDIFF_MAX / 24 + 1, false,
		       "n * value_size overflows");
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_PENDING);
	unit_gate_open(&hold.go);
	/* Only waiting does not mind. */
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f[0]);
	tpar_future_unref(f[2]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(set_of_nobody_touches_nothing)
{
	struct tpar_failure why;
	struct tpar_failure untouched;

	memset(&why, 0x5a, sizeof why);
	memcpy(&untouched, &why, sizeof why);
	ck_assert_int_eq(tpar_gather(NULL, 0, NULL, &why), TPAR_OK);
	ck_assert_int_eq(tpar_gather_until(NULL, 0, NULL, TPAR_NOW, &why),
			 TPAR_OK);
	ck_assert_int_eq(tpar_gather_settled(NULL, 0, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(NULL, 0, TPAR_NOW), TPAR_OK);
	ck_assert_mem_eq(&why, &untouched, sizeof why);
}
END_TEST

START_TEST(success_touches_no_why)
{
	struct tpar_failure why;
	struct tpar_failure untouched;
	tpar_future *f = droppable_number(NULL, 4);
	intptr_t value = -1;

	memset(&why, 0x5a, sizeof why);
	memcpy(&untouched, &why, sizeof why);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_OK);
	ck_assert_int_eq(tpar_gather_until(&f, 1, &value, TPAR_NOW, &why),
			 TPAR_OK);
	ck_assert_mem_eq(&why, &untouched, sizeof why);
	ck_assert_int_eq(value, 4);
	tpar_future_unref(f);
}
END_TEST

START_TEST(nothing_wanted_nothing_moved)
{
	struct tpar_outcome outcome[2];
	intptr_t values[2] = { -1, -1 };
	tpar_future *f[2];

	f[0] = droppable_number(NULL, 5);
	f[1] = unit_submit(NULL, unit_number_task, (void *)6, sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_gather_settled(f, 2, NULL, outcome), TPAR_OK);
	ck_assert_int_eq(tpar_gather_settled(f, 2, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(outcome[0].state, TPAR_DONE);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f[0]), 5);
	ck_assert_int_eq(tpar_gather(f, 2, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[0], 5);
	ck_assert_int_eq(values[1], 6);
	/* The first one has moved, the second one may be read again. */
	ck_assert_ptr_null(tpar_future_value(f[0]));
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f[1]), 6);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f + 1, 1, values, NULL), TPAR_OK);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(atomic_load(&drops), 0);
}
END_TEST

START_TEST(value_that_is_gone_keeps_the_others_in_place)
{
	struct tpar_outcome outcome[3];
	struct tpar_failure why;
	intptr_t values[3] = { -1, -1, -1 };
	tpar_future *f[3];
	intptr_t gone;
	int i;

	for (i = 0; i < 3; i++) {
		f[i] = droppable_number(NULL, i);
	}
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f[2], &gone), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 3, values, &why), TPAR_EALREADY);
	expect_call(&why, TPAR_EALREADY, "a value was taken before");
	ck_assert_int_eq(tpar_gather_settled(f, 3, values, outcome),
			 TPAR_EALREADY);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(values[i], -1);
	}
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f[0]), 0);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f[1]), 1);
	/* Who does not want it does not miss it. */
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 2, values, NULL), TPAR_OK);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(atomic_load(&drops), 0);
}
END_TEST

START_TEST(deadline_cancels_the_set)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	intptr_t values[2] = { -1, -1 };
	struct tpar_failure why;
	tpar_future *held;
	tpar_future *f[2];
	int i;

	held = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 2; i++) {
		f[0] = droppable_number(pool, 1);
		f[1] = droppable_number(pool, 2);
		ck_assert_int_eq(tpar_gather_until(f, 2, values,
						   i == 0 ? TPAR_NOW
							  : tpar_in(1000),
						   &why),
				 TPAR_ETIMEDOUT);
		expect_call(&why, TPAR_ETIMEDOUT, "the deadline has passed");
		ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
		ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
		tpar_future_unref_all(f, 2);
	}
	ck_assert_int_eq(values[0], -1);
	ck_assert_int_eq(tpar_wait_all(&held, 1, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_wait_all(&held, 1, tpar_in(1000)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(held), TPAR_RUNNING);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_wait_all(&held, 1, INT64_MAX), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(&held, 1, TPAR_NOW), TPAR_OK);
	tpar_future_unref(held);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&drops), 0);
}
END_TEST

/* Ends only when it is asked to stop, and then as its argument says. */
static int
end_when_stopped(void *arg, void *value)
{
	UNIT_AWAIT(tpar_cancelled());
	*(intptr_t *)value = 1;
	return *(int *)arg;
}

static enum tpar_err
gather_late(int code, struct tpar_failure *why)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f =
		unit_submit(pool, end_when_stopped, &code, sizeof(intptr_t));
	intptr_t value = 0;
	enum tpar_err err;

	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	err = tpar_gather_until(&f, 1, &value, tpar_in(1000), why);
	ck_assert_int_eq(value, err == TPAR_OK);
	ck_assert_int_ge(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	return err;
}

START_TEST(deadline_waits_for_those_who_run)
{
	struct tpar_failure why;

	/* It was the cause, whatever they say. */
	ck_assert_int_eq(gather_late(TPAR_ESTOPPED, &why), TPAR_ETIMEDOUT);
	expect_call(&why, TPAR_ETIMEDOUT, "the deadline has passed");
	ck_assert_int_eq(gather_late(12, &why), TPAR_ETIMEDOUT);
	ck_assert_int_eq(gather_late(12, NULL), TPAR_ETIMEDOUT);
	/* But who is complete is complete. */
	ck_assert_int_eq(gather_late(0, NULL), TPAR_OK);
}
END_TEST

START_TEST(failure_before_the_deadline_is_the_cause)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = unit_submit(pool, fail_with, (void *)6, sizeof(intptr_t));
	f[1] = unit_submit(pool, end_when_stopped, (int[]) { TPAR_ESTOPPED },
			   sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather_until(f, 2, NULL,
					   tpar_in(100 * TPAR_SECOND), &why),
			 TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 6);
	ck_assert_str_eq(why.message, "code 6");
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
end_with(void *arg, void *value)
{
	(void)value;
	return (int)(intptr_t)arg;
}

START_TEST(why_tells_who_and_how_even_if_nothing_was_said)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = unit_submit(NULL, end_with, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_OK);
	task.fn = end_with;
	task.name = "mute";
	task.arg = (void *)33;
	f[1] = unit_submit_task(NULL, &task);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_str_eq(why.task, "mute");
	ck_assert_str_eq(why.message, "task 1 failed with code 33");
	tpar_future_unref(f[1]);
	task.arg = (void *)(intptr_t)TPAR_ESTOPPED;
	f[1] = unit_submit_task(NULL, &task);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(why.message, "task 1 was cancelled");
	tpar_future_unref_all(f, 2);
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

/* Waits in every way for a task that runs in place and changes errno. */
static int
keep_errno(void *arg, void *value)
{
	tpar_future *f[4];
	int item = 0;
	int i;

	(void)arg;
	(void)value;
	for (i = 0; i < 4; i++) {
		f[i] = unit_submit(NULL, spoil_errno, NULL, 0);
	}
	errno = ENOENT;
	UNIT_MUST(tpar_gather(&f[0], 1, NULL, NULL) == TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	UNIT_MUST(tpar_gather_settled(&f[1], 1, NULL, NULL) == TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	UNIT_MUST(tpar_wait_all(&f[2], 1, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	UNIT_MUST(tpar_map(NULL, spoil_errno, &item, 0, NULL, 0, 3, NULL) ==
		  TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	UNIT_MUST(tpar_gather_until(&f[3], 1, NULL, INT64_MAX, NULL) ==
		  TPAR_OK);
	UNIT_MUST(errno == ENOENT);
	tpar_future_unref_all(f, 4);
	return 0;
}

START_TEST(errno_is_left_alone)
{
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, keep_errno, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bad_set_is_refused_and_goes_on,
		set_of_nobody_touches_nothing,
		success_touches_no_why,
		nothing_wanted_nothing_moved,
		value_that_is_gone_keeps_the_others_in_place,
		deadline_cancels_the_set,
		deadline_waits_for_those_who_run,
		failure_before_the_deadline_is_the_cause,
		why_tells_who_and_how_even_if_nothing_was_said,
		errno_is_left_alone,
	};

	return unit_main("gather", tests, sizeof tests / sizeof tests[0]);
}
