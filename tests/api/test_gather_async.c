/* SPDX-License-Identifier: MIT */
/*
 * test_gather_async.c - gathers in the background: what their futures become,
 * and whose the values are.
 */
#include "promised.h"

#include <taskpar/cancel.h>

static tpar_future *
gather_all(tpar_future *const *f, size_t n)
{
	tpar_future *all = NULL;

	UNIT_MUST(tpar_gather_async(f, n, &all) == TPAR_OK);
	UNIT_MUST(all != NULL);
	return all;
}

static intptr_t
element(tpar_future *all, size_t i)
{
	const intptr_t *values = tpar_future_value(all);

	UNIT_MUST(values != NULL);
	return values[i];
}

START_TEST(empty_gather_is_done_at_once)
{
	tpar_future *all = gather_all(NULL, 0);

	ck_assert_int_eq(tpar_future_state(all), TPAR_DONE);
	ck_assert_ptr_nonnull(tpar_future_value(all));
	ck_assert_int_eq(tpar_future_take(all, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_EALREADY);
	tpar_future_unref(all);
}
END_TEST

START_TEST(value_is_the_array_by_position_whatever_ends_first)
{
	struct promised made[4];
	tpar_future *f[5];
	tpar_future *all;
	intptr_t values[5];
	int i;

	promised_many(made, f, 4, NULL);
	f[4] = f[1]; /* stands twice */
	all = gather_all(f, 5);
	memset(f, 0, sizeof f); /* they were copied */
	for (i = 3; i >= 0; i--) {
		ck_assert_int_eq(tpar_future_state(all), TPAR_RUNNING);
		ck_assert_ptr_null(tpar_future_value(all));
		promised_set(made[i], 10 + i);
	}
	ck_assert_int_eq(tpar_future_state(all), TPAR_DONE);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(element(all, (size_t)i), 10 + i);
		ck_assert_int_eq(promised_value(made[i].f), 10 + i);
	}
	ck_assert_int_eq(tpar_future_take(all, values), TPAR_OK);
	ck_assert_int_eq(values[3], 13);
	ck_assert_int_eq(values[4], 11);
	tpar_future_unref(all);
	promised_free_many(made, 4);
}
END_TEST

START_TEST(set_that_had_ended_is_done_at_once)
{
	tpar_future *f[3] = { promised_ended(1), promised_ended(2), NULL };
	tpar_future *all;

	f[2] = f[0];
	all = gather_all(f, 3);
	ck_assert_int_eq(tpar_future_state(all), TPAR_DONE);
	ck_assert_int_eq(element(all, 0) + 10 * element(all, 1), 21);
	ck_assert_int_eq(element(all, 2), 1);
	tpar_future_unref(all);
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(tasks_are_gathered_whose_handles_are_released_at_once)
{
	enum { TASKS = 1000 };
	tpar_future *f[TASKS];
	tpar_future *all;
	intptr_t i;

	for (i = 0; i < TASKS; i++) {
		f[i] = unit_submit(NULL, unit_number_task, (void *)i,
				   sizeof(intptr_t));
	}
	all = gather_all(f, TASKS);
	tpar_future_unref_all(f, TASKS);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < TASKS; i++) {
		ck_assert_int_eq(element(all, (size_t)i), i);
	}
	tpar_future_unref(all);
}
END_TEST

START_TEST(gather_goes_on_when_its_handle_is_released)
{
	struct promised made[2];
	tpar_future *f[2];

	promised_many(made, f, 2, scene_drop_value);
	tpar_future_unref(gather_all(f, 2));
	tpar_future_unref_all(f, 2);
	promised_set(made[0], 1);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	promised_set(made[1], 2);
	/* Its own value is dropped at once, the others' have moved there. */
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
	tpar_promise_destroy(made[0].p);
	tpar_promise_destroy(made[1].p);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
}
END_TEST

START_TEST(failure_still_stops_when_its_handle_is_released)
{
	struct promised made[2];
	tpar_future *f[2];

	promised_many(made, f, 2, NULL);
	tpar_future_unref(gather_all(f, 2));
	ck_assert_int_eq(tpar_promise_fail(made[0].p, 1, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	promised_free_many(made, 2);
}
END_TEST

/* ---- Failures ------------------------------------------------------------ */

static void
expect_failed(tpar_future *all, int code, const char *message)
{
	ck_assert_int_eq(tpar_future_state(all), TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(all), code);
	ck_assert_str_eq(tpar_future_message(all), message);
	tpar_future_unref(all);
}

START_TEST(first_failure_is_its_code_and_message_and_stops_the_rest)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *all;

	promised_many(made, f, 3, scene_drop_value);
	all = gather_all(f, 3);
	promised_set(made[0], 1);
	ck_assert_int_eq(tpar_promise_fail(made[2].p, 33, "no %d", 3), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	expect_failed(all, 33, "no 3");
	/* What was there stays with its future. */
	ck_assert_int_eq(promised_value(f[0]), 1);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	promised_free_many(made, 3);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(of_those_that_had_failed_the_lowest_is_the_cause)
{
	tpar_future *f[4] = { promised_ended(1), promised_failed(2, "two"),
			      promised_failed(3, "three"), NULL };
	struct promised made = promised_number();

	f[3] = made.f;
	expect_failed(gather_all(f, 4), 2, "two");
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_CANCELLED);
	tpar_future_unref_all(f, 3);
	promised_free(made);
}
END_TEST

START_TEST(first_in_time_is_the_cause_and_not_the_lowest)
{
	struct unit_hold hold[2] = { UNIT_HOLD_INIT, UNIT_HOLD_INIT };
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[3];
	tpar_future *all;
	int i;

	for (i = 0; i < 2; i++) {
		hold[i].code = 10 + i;
		f[i] = unit_submit(pool, scene_until_stopped, &hold[i], 0);
		unit_gate_await(&hold[i].begun, 1);
	}
	f[2] = made.f;
	all = gather_all(f, 3);
	ck_assert_int_eq(tpar_promise_fail(made.p, 12, "twelve"), TPAR_OK);
	/* They fail, too, as they are stopped, and are waited for. */
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_EFAILED);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_future_code(f[i]), 10 + i);
	}
	expect_failed(all, 12, "twelve");
	tpar_future_unref_all(f, 2);
	promised_free(made);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(member_cancelled_by_somebody_else_fails_the_gather)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *all;

	promised_many(made, f, 3, NULL);
	all = gather_all(f, 3);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	expect_failed(all, TPAR_ECANCELED,
		      "task 1 was cancelled: it was asked to stop");
	/* So does one that was cancelled before. */
	all = gather_all(f, 3);
	expect_failed(all, TPAR_ECANCELED,
		      "task 0 was cancelled: another one has failed");
	promised_free_many(made, 3);
}
END_TEST

START_TEST(failure_without_words_is_told_with_its_position)
{
	tpar_future *f[2] = { promised_ended(1), NULL };
	struct promised made = promised_number();

	ck_assert_int_eq(tpar_promise_fail(made.p, 6, NULL), TPAR_OK);
	f[1] = made.f;
	expect_failed(gather_all(f, 2), 6, "task 1 failed with code 6");
	tpar_future_unref(f[0]);
	promised_free(made);
}
END_TEST

START_TEST(value_that_was_taken_before_fails_the_gather)
{
	struct promised made[2];
	tpar_future *f[2];
	tpar_future *all;
	intptr_t number;

	promised_many(made, f, 2, scene_drop_value);
	promised_set(made[0], 1);
	ck_assert_int_eq(tpar_future_take(f[0], &number), TPAR_OK);
	all = gather_all(f, 2);
	promised_set(made[1], 2);
	expect_failed(all, TPAR_EALREADY, "a value was taken before");
	/* Nothing was moved. */
	ck_assert_int_eq(promised_value(f[1]), 2);
	/* One that is owned cannot fill two slots. */
	f[0] = f[1];
	expect_failed(gather_all(f, 2), TPAR_EALREADY,
		      "a value was taken before");
	ck_assert_int_eq(promised_value(f[1]), 2);
	promised_free_many(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

/* ---- Cancelling ---------------------------------------------------------- */

START_TEST(cancel_goes_to_all_members_and_is_how_it_ends)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_future *f[3];
	tpar_future *all;

	hold.code = TPAR_ESTOPPED;
	f[0] = made.f;
	f[1] = unit_submit(NULL, scene_until_stopped, &hold, 0);
	f[2] = f[0];
	unit_gate_await(&hold.begun, 1);
	all = gather_all(f, 3);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(all), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_code(all), TPAR_ESTOPPED);
	ck_assert_str_eq(tpar_future_message(all), "");
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_EALREADY);
	tpar_future_unref(all);
	tpar_future_unref(f[1]);
	promised_free(made);
}
END_TEST

START_TEST(cancelled_gather_waits_for_all_and_a_complete_one_is_done)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f[2];
	tpar_future *all;

	f[0] = unit_submit(NULL, unit_hold_task, &hold, 0);
	f[1] = tpar_future_ref(f[0]);
	unit_gate_await(&hold.begun, 1);
	all = gather_all(f, 2);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(all), TPAR_RUNNING);
	unit_gate_open(&hold.go); /* it does not give way */
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(all);
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(failure_before_the_cancel_stays_the_cause)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct promised made = promised_make(0, NULL);
	tpar_future *f[2];
	tpar_future *all;

	hold.code = TPAR_ESTOPPED;
	f[0] = unit_submit(NULL, scene_until_stopped, &hold, 0);
	f[1] = made.f;
	unit_gate_await(&hold.begun, 1);
	all = gather_all(f, 2);
	ck_assert_int_eq(tpar_promise_fail(made.p, 8, "eight"), TPAR_OK);
	(void)tpar_future_cancel(all);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_EFAILED);
	expect_failed(all, 8, "eight");
	tpar_future_unref(f[0]);
	promised_free(made);
}
END_TEST

START_TEST(cancel_before_the_failure_stays_the_cause)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f;
	tpar_future *all;

	hold.code = 9;
	f = unit_submit(NULL, scene_until_stopped, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	all = gather_all(&f, 1);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_code(f), 9);
	tpar_future_unref(all);
	tpar_future_unref(f);
}
END_TEST

START_TEST(deadline_of_a_gather_reaches_its_members)
{
	struct promised made[2];
	tpar_future *f[2];
	tpar_future *all;

	promised_many(made, f, 2, NULL);
	all = gather_all(f, 2);
	ck_assert_int_eq(tpar_future_cancel_at(all, tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	tpar_future_unref(all);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(gather_of_several_pools_outlives_them_all)
{
	tpar_pool *pool[3];
	tpar_future *f[3];
	tpar_future *all;
	intptr_t i;

	for (i = 0; i < 3; i++) {
		pool[i] = unit_pool(1, 1);
		f[i] = unit_submit(pool[i], unit_number_task, (void *)(i + 1),
				   sizeof(intptr_t));
	}
	all = gather_all(f, 3);
	tpar_future_unref_all(f, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_pool_destroy(pool[i]), TPAR_OK);
	}
	/* All have ended, and so has what waits for them. */
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(element(all, (size_t)i), i + 1);
	}
	tpar_future_unref(all);
}
END_TEST

START_TEST(pool_that_is_cancelled_fails_the_gather)
{
	struct promised made = promised_number();
	struct scene scene;
	tpar_future *f[2];
	tpar_future *all;

	scene_stall(&scene);
	f[0] = made.f;
	f[1] = unit_submit(scene.pool, unit_number_task, NULL,
			   sizeof(intptr_t));
	all = gather_all(f, 2);
	ck_assert_int_eq(tpar_pool_shutdown(scene.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(all), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	scene_end(&scene);
	tpar_future_unref(all);
	tpar_future_unref(f[1]);
	promised_free(made);
}
END_TEST

/* ---- Refusals ------------------------------------------------------------ */

START_TEST(bad_set_is_refused_untouched)
{
	struct promised made = promised_number();
	struct promised large = promised_make((size_t)1 << 20, NULL);
	tpar_future *many[1025];
	tpar_future *f[3] = { made.f, NULL, made.f };
	tpar_future *all = (tpar_future *)&all;
	size_t i;

	ck_assert_int_eq(tpar_gather_async(f, 1, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "all is NULL");
	ck_assert_int_eq(tpar_gather_async(NULL, 1, &all), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_gather_async(f, 3, &all), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f[1] is NULL");
	f[1] = large.f;
	ck_assert_int_eq(tpar_gather_async(f, 3, &all), TPAR_EINVAL);
	for (i = 0; i < 1025; i++) {
		many[i] = large.f;
	}
	ck_assert_int_eq(tpar_gather_async(many, 1025, &all), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "1025 values of "));
	ck_assert_ptr_eq(all, (tpar_future *)&all);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_state(large.f), TPAR_PENDING);
	promised_free(made);
	promised_free(large);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		empty_gather_is_done_at_once,
		value_is_the_array_by_position_whatever_ends_first,
		set_that_had_ended_is_done_at_once,
		tasks_are_gathered_whose_handles_are_released_at_once,
		gather_goes_on_when_its_handle_is_released,
		failure_still_stops_when_its_handle_is_released,
		first_failure_is_its_code_and_message_and_stops_the_rest,
		of_those_that_had_failed_the_lowest_is_the_cause,
		first_in_time_is_the_cause_and_not_the_lowest,
		member_cancelled_by_somebody_else_fails_the_gather,
		failure_without_words_is_told_with_its_position,
		value_that_was_taken_before_fails_the_gather,
		cancel_goes_to_all_members_and_is_how_it_ends,
		cancelled_gather_waits_for_all_and_a_complete_one_is_done,
		failure_before_the_cancel_stays_the_cause,
		cancel_before_the_failure_stays_the_cause,
		deadline_of_a_gather_reaches_its_members,
		gather_of_several_pools_outlives_them_all,
		pool_that_is_cancelled_fails_the_gather,
		bad_set_is_refused_untouched,
	};

	return unit_main("gather_async", tests, sizeof tests / sizeof tests[0]);
}
