/* SPDX-License-Identifier: MIT */
/*
 * test_group_fail.c - children that fail, a body that does: who is
 * stopped, and what close says about it.
 */
#include "groups.h"

static void
submit(tpar_group *g, tpar_task_fn fn, void *arg, tpar_future **f)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.name = "child";
	UNIT_MUST(tpar_group_submit(g, &task, f) == TPAR_OK);
}

static void
fail_with(tpar_group *g, int code)
{
	tpar_future *f = NULL;

	submit(g, scene_fail_with, (void *)(intptr_t)code, &f);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_EFAILED);
	tpar_future_unref(f);
	/* Who looks by himself may see the end a moment earlier. */
	UNIT_AWAIT(tpar_group_cancelled(g));
}

START_TEST(first_failure_stops_the_others_and_is_reported)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_group *g = group_in(pool);
	struct tpar_failure why[2];
	tpar_future *running = NULL;
	tpar_future *pending[2];
	struct scene scene;
	struct tpar_task task;
	size_t n = 0;
	int i;

	scene_stall(&scene);
	hold.code = TPAR_ESTOPPED;
	submit(g, scene_until_stopped, &hold, &running);
	unit_gate_await(&hold.begun, 1);
	task = scene_droppable(scene_return, NULL, 8);
	task.group = g;
	for (i = 0; i < 2; i++) {
		pending[i] = unit_submit_task(scene.pool, &task);
	}
	fail_with(g, 31);
	/* What has not begun ends at once, although nobody waits. */
	UNIT_AWAIT(tpar_future_state(pending[0]) == TPAR_CANCELLED);
	UNIT_AWAIT(tpar_future_state(pending[1]) == TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	ck_assert_int_eq(tpar_group_close(g, why, 2, &n), TPAR_EFAILED);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "code 31"));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(why[0].index, 3);
	ck_assert_int_eq(why[0].state, TPAR_FAILED);
	ck_assert_int_eq(why[0].code, 31);
	ck_assert_str_eq(why[0].message, "code 31");
	ck_assert_str_eq(why[0].task, "child");
	ck_assert_int_eq(tpar_future_state(running), TPAR_CANCELLED);
	tpar_group_destroy(g);
	tpar_future_unref(running);
	tpar_future_unref_all(pending, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Fails once it was asked to stop and is let go. */
static int
fail_late(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	(void)scene_until_stopped(hold, value);
	unit_gate_await(&hold->go, 1);
	return tpar_fail(hold->code, "late %d", hold->code);
}

START_TEST(failures_are_told_in_the_order_of_time)
{
	struct unit_hold late[3];
	tpar_pool *pool = unit_pool(4, 1);
	tpar_group *g = group_in(pool);
	struct tpar_failure why[5];
	tpar_future *f[3];
	size_t n = 0;
	int i;

	for (i = 0; i < 3; i++) {
		late[i] = (struct unit_hold)UNIT_HOLD_INIT;
		late[i].code = 10 + i;
		submit(g, fail_late, &late[i], &f[i]);
		unit_gate_await(&late[i].begun, 1);
	}
	fail_with(g, 31);
	for (i = 2; i >= 0; i--) {
		unit_gate_open(&late[i].go);
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_EFAILED);
		ck_assert_int_eq(tpar_group_fail(g, 50 + i, "body %d", i),
				 TPAR_OK);
	}
	memset(why, 0x5a, sizeof why);
	/* No more are told than there is room for, but all are counted. */
	ck_assert_int_eq(tpar_group_close(g, why, 4, &n), TPAR_EFAILED);
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(why[0].index, 3);
	ck_assert_int_eq(why[0].code, 31);
	ck_assert_uint_eq(why[1].index, 2);
	ck_assert_str_eq(why[1].message, "late 12");
	/* Of the body's failures the first one is kept. */
	ck_assert_uint_eq(why[2].index, SIZE_MAX);
	ck_assert_int_eq(why[2].code, 52);
	ck_assert_str_eq(why[2].message, "body 2");
	ck_assert_ptr_null(why[2].task);
	ck_assert_int_eq(why[2].state, TPAR_FAILED);
	ck_assert_uint_eq(why[3].index, 1);
	ck_assert_int_eq(why[3].code, 11);
	ck_assert_int_eq(why[4].message[0], 0x5a);
	tpar_group_destroy(g);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Fails with the number that its argument points to, if it is not 0. */
static int
fail_with_that(void *arg, void *value)
{
	return scene_return((void *)(intptr_t) * (int *)arg, value);
}

START_TEST(failures_carry_the_number_of_the_child)
{
	static int codes[6] = { 0, 0, 0, 0, 25, 0 };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;

	task.fn = fail_with_that;
	task.arg = &codes[0];
	task.group = g;
	ck_assert_int_eq(tpar_submit_task(NULL, &task, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, &codes[1],
					  sizeof codes[0], 2, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, &codes[3],
					  sizeof codes[0], 3, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, NULL), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 4);
	ck_assert_int_eq(why.code, 25);
	ck_assert_ptr_nonnull(strstr(why.message, "task 4"));
	tpar_group_destroy(g);
}
END_TEST

START_TEST(failed_group_takes_no_child)
{
	struct tpar_task task = scene_droppable(scene_return, NULL, 8);
	tpar_future *mark = (tpar_future *)(void *)&task;
	tpar_future *f[2] = { mark, mark };
	tpar_group *g = group_in(NULL);
	size_t n = 0;

	fail_with(g, 1);
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_run(g, scene_return, NULL), TPAR_ECLOSED);
	task.group = g;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 2, f),
			 TPAR_ECLOSED);
	task.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 2, f),
			 TPAR_ECLOSED);
	ck_assert_ptr_eq(f[0], mark);
	ck_assert_ptr_eq(f[1], mark);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_EFAILED);
	ck_assert_uint_eq(n, 1);
	tpar_group_destroy(g);
}
END_TEST

/* ---- The body ------------------------------------------------------------ */

START_TEST(body_fails_like_a_child)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;
	size_t n = 0;

	hold.code = TPAR_ESTOPPED;
	ck_assert_int_eq(tpar_group_run(g, scene_until_stopped, &hold),
			 TPAR_OK);
	ck_assert_int_eq(tpar_group_fail(g, 8, "no %s", "more"), TPAR_OK);
	ck_assert(tpar_group_cancelled(g));
	ck_assert_int_eq(tpar_group_run(g, scene_return, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, &n), TPAR_EFAILED);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "no more"));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 8);
	ck_assert_str_eq(why.message, "no more");
	tpar_group_destroy(g);
}
END_TEST

START_TEST(body_that_fails_in_an_empty_group_has_failed)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_group_fail(g, 0, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, NULL), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_EFAILED);
	ck_assert_str_ne(why.message, "");
	tpar_group_destroy(g);
}
END_TEST

START_TEST(words_of_the_body_are_cut_between_characters)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;
	char text[600];
	size_t i;

	for (i = 0; i + 2 < sizeof text; i += 2) {
		memcpy(&text[i], "\xc3\xa4", 2);
	}
	text[i] = '\0';
	ck_assert_int_eq(tpar_group_fail(g, 1, "%s", text), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, NULL), TPAR_EFAILED);
	ck_assert_uint_lt(strlen(why.message), TPAR_MESSAGE_MAX);
	ck_assert_uint_eq(strlen(why.message) % 2, 0);
	ck_assert_uint_gt(strlen(why.message), TPAR_MESSAGE_MAX - 10);
	tpar_group_destroy(g);
}
END_TEST

START_TEST(body_may_fail_after_a_child_has)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why[2];
	size_t n = 0;

	fail_with(g, 3);
	ck_assert_int_eq(tpar_group_fail(g, 4, "body"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, why, 2, &n), TPAR_EFAILED);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(why[0].code, 3);
	ck_assert_uint_eq(why[0].index, 0);
	ck_assert_int_eq(why[1].code, 4);
	ck_assert_uint_eq(why[1].index, SIZE_MAX);
	tpar_group_destroy(g);
}
END_TEST

/* ---- Codes and nesting --------------------------------------------------- */

START_TEST(codes_of_children_are_never_taken_for_the_librarys)
{
	static const int codes[] = {
		TPAR_ECANCELED, TPAR_ETIMEDOUT, TPAR_EDEADLK, TPAR_ECLOSED, -1,
		INT32_MAX
	};
	struct tpar_failure why;
	size_t i;

	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		tpar_group *g = group_in(NULL);

		fail_with(g, codes[i]);
		ck_assert_int_eq(tpar_group_close(g, &why, 1, NULL),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, codes[i]);
		tpar_group_destroy(g);
	}
}
END_TEST

static int
fail_as_a_group(void *arg, void *value)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;

	(void)value;
	submit(g, scene_return, NULL, NULL);
	submit(g, scene_fail_with, arg, NULL);
	UNIT_MUST(tpar_group_close(g, &why, 1, NULL) == TPAR_EFAILED);
	tpar_group_destroy(g);
	/* Not the closing task's own end. */
	UNIT_MUST(!tpar_cancelled() && tpar_cancel_reason() == NULL);
	return tpar_fail_from(&why);
}

START_TEST(failure_of_a_group_within_comes_up_as_one)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;
	size_t n = 0;

	submit(g, fail_as_a_group, (void *)(intptr_t)17, NULL);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, &n), TPAR_EFAILED);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_int_eq(why.code, 17);
	ck_assert_str_eq(why.message, "code 17");
	tpar_group_destroy(g);
}
END_TEST

START_TEST(child_is_stopped_for_the_group_although_it_is_in_a_set_too)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_group *g = group_in(pool);
	struct tpar_failure why;
	tpar_future *f = NULL;

	hold.code = TPAR_ESTOPPED;
	submit(g, scene_until_stopped, &hold, &f);
	unit_gate_await(&hold.begun, 1);
	fail_with(g, 2);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(why.message, "failed"));
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_EFAILED);
	tpar_group_destroy(g);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		first_failure_stops_the_others_and_is_reported,
		failures_are_told_in_the_order_of_time,
		failures_carry_the_number_of_the_child,
		failed_group_takes_no_child,
		body_fails_like_a_child,
		body_that_fails_in_an_empty_group_has_failed,
		words_of_the_body_are_cut_between_characters,
		body_may_fail_after_a_child_has,
		codes_of_children_are_never_taken_for_the_librarys,
		failure_of_a_group_within_comes_up_as_one,
		child_is_stopped_for_the_group_although_it_is_in_a_set_too,
	};

	return unit_main("group_fail", tests, sizeof tests / sizeof tests[0]);
}
