/* SPDX-License-Identifier: MIT */
/*
 * test_group_cancel.c - stopping groups on request: what runs, what
 * has not begun, one child alone, who is shielded; together with the end.
 */
#include "groups.h"

/* ---- On request ---------------------------------------------------------- */

START_TEST(cancel_reaches_what_runs_and_what_has_not_begun)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	struct tpar_task task = scene_droppable(scene_return, NULL, 8);
	char reason[] = "the user has left";
	tpar_group *g = group_in(NULL);
	tpar_future *pending;
	tpar_future *running;
	struct scene scene;
	size_t n = 5;

	scene_stall(&scene);
	running = group_submit(g, group_listen, &listener);
	unit_gate_await(&listener.hold.begun, 1);
	task.group = g;
	pending = unit_submit_task(scene.pool, &task);
	ck_assert_int_eq(tpar_group_cancel(g, reason), TPAR_OK);
	memset(reason, 'x', sizeof reason - 1); /* it was copied */
	ck_assert(tpar_group_cancelled(g));
	ck_assert_int_eq(tpar_future_state(pending), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	ck_assert_int_eq(tpar_group_cancel(g, "again"), TPAR_OK);
	ck_assert_int_eq(tpar_group_cancel(g, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "the user has left"));
	ck_assert_uint_eq(n, 0);
	ck_assert_str_eq(listener.reason, "the user has left");
	ck_assert_int_eq(tpar_future_state(running), TPAR_CANCELLED);
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	tpar_future_unref(running);
	tpar_future_unref(pending);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(cancel_without_words_has_a_reason_all_the_same)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	tpar_group *g = group_in(NULL);
	tpar_future *f = group_submit(g, group_listen, &listener);

	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_group_cancel(g, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_ECANCELED);
	ck_assert_str_ne(tpar_error_detail(), "");
	ck_assert_str_ne(listener.reason, "");
	tpar_group_destroy(g);
	tpar_future_unref(f);
}
END_TEST

START_TEST(outcome_of_a_cancelled_child_is_read_when_its_group_is_gone)
{
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;
	struct scene scene;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;

	scene_stall(&scene);
	task.fn = scene_return;
	task.group = g;
	f = unit_submit_task(scene.pool, &task);
	ck_assert_int_eq(tpar_group_cancel(g, "no more"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_ECANCELED);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(why.message, "cancelled"));
	tpar_future_unref(f);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(outcome_of_a_cancelled_task_is_read_when_its_pool_is_gone)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	tpar_future *f = unit_submit(pool, scene_return,
				     (void *)(intptr_t)TPAR_ESTOPPED, 0);

	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(why.message, "cancelled"));
	tpar_future_unref(f);
}
END_TEST

START_TEST(cancelled_group_whose_children_are_all_done_has_succeeded)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_group *g = group_in(NULL);
	size_t n = 5;

	ck_assert_int_eq(tpar_group_run(g, scene_until_stopped, &hold),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_group_cancel(g, "in vain"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_OK);
	ck_assert_uint_eq(n, 0);
	tpar_group_destroy(g);

	g = group_in(NULL);
	ck_assert_int_eq(tpar_group_cancel(g, "nobody"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_OK);
	tpar_group_destroy(g);
}
END_TEST

/* ---- First in time ------------------------------------------------------- */

START_TEST(cancel_before_the_failure_is_the_cause)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_group *g = group_in(NULL);
	struct tpar_failure why;
	size_t n = 0;

	hold.code = 6; /* while it is being stopped */
	ck_assert_int_eq(tpar_group_run(g, scene_until_stopped, &hold),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_group_cancel(g, "first"), TPAR_OK);
	ck_assert_int_eq(tpar_group_fail(g, 7, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, &why, 1, &n), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "first"));
	/* And they are told all the same. */
	ck_assert_uint_eq(n, 2);
	ck_assert(why.code == 6 || why.code == 7);
	tpar_group_destroy(g);
}
END_TEST

START_TEST(failure_before_the_cancel_is_the_cause)
{
	tpar_group *g = group_in(NULL);
	tpar_future *f = group_submit(g, scene_return, (void *)(intptr_t)4);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_group_cancel(g, "late"), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_EFAILED);
	tpar_group_destroy(g);
	tpar_future_unref(f);
}
END_TEST

/* ---- One child ----------------------------------------------------------- */

START_TEST(child_that_is_cancelled_by_itself_is_no_failure)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *g = group_in(NULL);
	struct scene scene;
	tpar_future *f[4];
	size_t n = 5;

	scene_stall(&scene);
	task.fn = scene_return;
	task.group = g;
	f[0] = unit_submit_task(scene.pool, &task);
	ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
	f[1] = group_submit(g, group_listen, &listener);
	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	f[2] = group_submit(g, scene_return, (void *)(intptr_t)TPAR_ESTOPPED);
	task.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[3]), TPAR_OK);
	ck_assert_int_eq(tpar_group_run(g, scene_return, NULL), TPAR_OK);
	ck_assert(!tpar_group_cancelled(g));
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_OK);
	ck_assert_uint_eq(n, 0);
	tpar_group_destroy(g);
	for (n = 0; n < 4; n++) {
		ck_assert_int_eq(tpar_future_state(f[n]), TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, 4);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(shielded_child_is_waited_for_but_not_cancelled)
{
	struct unit_hold hold[2] = { UNIT_HOLD_INIT, UNIT_HOLD_INIT };
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	tpar_pool *pool = unit_pool(3, 1);
	tpar_group *g = group_in(pool);
	tpar_future *f[3];
	int i;

	f[0] = group_submit_flagged(g, unit_hold_task, &hold[0], TPAR_SHIELDED);
	f[1] = group_submit(g, unit_hold_task, &hold[1]);
	f[2] = group_submit(g, group_listen, &listener);
	ck_assert_int_eq(tpar_future_shield(f[1]), TPAR_OK);
	for (i = 0; i < 2; i++) {
		unit_gate_await(&hold[i].begun, 1);
	}
	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_group_cancel(g, "all but two"), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f[2], TPAR_FOREVER), TPAR_ECANCELED);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_RUNNING);
		unit_gate_open(&hold[i].go);
	}
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	tpar_group_destroy(g);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(shielded_child_that_has_not_begun_still_runs)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *g = group_in(NULL);
	struct scene scene;
	tpar_future *f[2];

	scene_stall(&scene);
	task.fn = scene_return;
	task.group = g;
	f[0] = unit_submit_task(scene.pool, &task);
	task.flags = TPAR_SHIELDED;
	f[1] = unit_submit_task(scene.pool, &task);
	ck_assert_int_eq(tpar_group_cancel(g, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_PENDING);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	tpar_group_destroy(g);
	tpar_future_unref_all(f, 2);
	scene_end(&scene);
}
END_TEST

/* ---- The pool ------------------------------------------------------------ */

START_TEST(shutdown_with_cancel_ends_the_children_of_an_open_group)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	struct tpar_task task = scene_droppable(scene_return, NULL, 0);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_group *g = group_in(pool);
	tpar_future *f;
	size_t n = 5;
	int i;

	f = group_submit(g, group_listen, &listener);
	unit_gate_await(&listener.hold.begun, 1);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* They were cancelled themselves. */
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_OK);
	ck_assert_uint_eq(n, 0);
	tpar_group_destroy(g);
	tpar_future_unref(f);
	ck_assert_ptr_nonnull(strstr(listener.reason, "pool"));
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 100);
}
END_TEST

/* ---- Meeting the end ----------------------------------------------------- */

static void *
disturb(void *arg)
{
	tpar_group *g = arg;
	enum tpar_err err = tpar_group_cancel(g, "disturbed");

	UNIT_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	return NULL;
}

static void *
disturb_by_failing(void *arg)
{
	tpar_group *g = arg;
	enum tpar_err err = tpar_group_fail(g, 5, "disturbed");

	UNIT_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	return NULL;
}

START_TEST(cancel_and_failure_may_come_at_any_moment_of_a_close)
{
	long rounds = unit_scaled(200);

	for (; rounds > 0; rounds--) {
		struct tpar_failure why[3];
		tpar_group *g = group_in(NULL);
		pthread_t thread[2];
		enum tpar_err err;
		size_t n = 0;
		int i;

		memset(why, 0, sizeof why);
		for (i = 0; i < 8; i++) {
			group_run(g, scene_return, NULL);
		}
		thread[0] = unit_start(disturb, g);
		thread[1] = unit_start(disturb_by_failing, g);
		err = tpar_group_close(g, why, 3, &n);
		ck_assert(err == TPAR_OK || err == TPAR_EFAILED ||
			  err == TPAR_ECANCELED);
		ck_assert_uint_le(n, 1);
		ck_assert(err != TPAR_EFAILED || n == 1);
		ck_assert(n == 0 || why[0].code == 5);
		unit_join(thread[0]);
		unit_join(thread[1]);
		tpar_group_destroy(g);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		cancel_reaches_what_runs_and_what_has_not_begun,
		cancel_without_words_has_a_reason_all_the_same,
		outcome_of_a_cancelled_child_is_read_when_its_group_is_gone,
		outcome_of_a_cancelled_task_is_read_when_its_pool_is_gone,
		cancelled_group_whose_children_are_all_done_has_succeeded,
		cancel_before_the_failure_is_the_cause,
		failure_before_the_cancel_is_the_cause,
		child_that_is_cancelled_by_itself_is_no_failure,
		shielded_child_is_waited_for_but_not_cancelled,
		shielded_child_that_has_not_begun_still_runs,
		shutdown_with_cancel_ends_the_children_of_an_open_group,
		cancel_and_failure_may_come_at_any_moment_of_a_close,
	};

	return unit_main("group_cancel", tests, sizeof tests / sizeof tests[0]);
}
