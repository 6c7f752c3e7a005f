/* SPDX-License-Identifier: MIT */
/*
 * test_stop.c - stopping one task: before it begins, while it runs, after it
 * has ended.
 */
#include "scene.h"

static _Atomic int runs;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

START_TEST(pending_task_ends_at_once_and_never_begins)
{
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	f = scene_submit_droppable(scene.pool, count_run, NULL, 8);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_ESTOPPED);
	ck_assert_str_eq(tpar_future_message(f), "");
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	/* The worker meets what is left of it, and passes it by. */
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

/* Runs until it is asked to stop and let go; then its code decides. */
static int
end_with_code(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	*(intptr_t *)value = 41;
	(void)scene_until_stopped(hold, value);
	unit_gate_await(&hold->go, 1);
	return hold->code;
}

static void
stop_running(int code, enum tpar_state state, enum tpar_err err)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f;
	int i;

	hold.code = code;
	f = scene_submit_droppable(NULL, end_with_code, &hold,
				   sizeof(intptr_t));
	unit_gate_await(&hold.begun, 1);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	}
	ck_assert_int_eq(tpar_future_wait(f, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), err);
	ck_assert_int_eq(tpar_future_state(f), state);
	ck_assert_int_eq(tpar_future_code(f), code);
	ck_assert_int_eq(tpar_future_value(f) != NULL, state == TPAR_DONE);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	/* It has ended: nothing is changed any more. */
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	ck_assert_int_eq(tpar_future_state(f), state);
	ck_assert_int_eq(tpar_future_code(f), code);
	if (state == TPAR_DONE) {
		ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f), 41);
	}
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&scene_value_drops), state == TPAR_DONE);
}

START_TEST(running_task_that_gives_way_is_cancelled)
{
	stop_running(TPAR_ESTOPPED, TPAR_CANCELLED, TPAR_ECANCELED);
}
END_TEST

START_TEST(running_task_that_succeeds_all_the_same_is_done)
{
	stop_running(0, TPAR_DONE, TPAR_OK);
}
END_TEST

START_TEST(running_task_that_fails_meanwhile_has_failed)
{
	stop_running(17, TPAR_FAILED, TPAR_EFAILED);
}
END_TEST

struct suicide {
	struct unit_gate told;
	tpar_future *self;
	bool gives_way;
};

static int
stop_myself(void *arg, void *value)
{
	struct suicide *suicide = arg;

	unit_gate_await(&suicide->told, 1);
	*(intptr_t *)value = 42;
	UNIT_MUST(!tpar_cancelled() && tpar_checkpoint() == 0);
	UNIT_MUST(tpar_future_cancel(suicide->self) == TPAR_OK);
	UNIT_MUST(tpar_cancelled() && tpar_checkpoint() == TPAR_ESTOPPED);
	return suicide->gives_way ? tpar_checkpoint() : 0;
}

START_TEST(task_that_stops_itself_ends_as_it_returns)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct suicide suicide = { .told = UNIT_GATE_INIT,
					   .gives_way = i == 1 };

		suicide.self = unit_submit(NULL, stop_myself, &suicide,
					   sizeof(intptr_t));
		unit_gate_open(&suicide.told);
		ck_assert_int_eq(tpar_future_wait(suicide.self, TPAR_FOREVER),
				 i == 1 ? TPAR_ECANCELED : TPAR_OK);
		if (i == 0) {
			ck_assert_int_eq(*(const intptr_t *)tpar_future_value(
						 suicide.self),
					 42);
		}
		tpar_future_unref(suicide.self);
	}
}
END_TEST

START_TEST(ended_task_is_beyond_reach)
{
	static const int codes[] = { 0, 5, TPAR_ESTOPPED };
	tpar_future *f[3];
	int i;

	for (i = 0; i < 3; i++) {
		enum tpar_state state;

		f[i] = unit_submit(NULL, scene_return,
				   (void *)(intptr_t)codes[i], 8);
		(void)tpar_future_wait(f[i], TPAR_FOREVER);
		state = tpar_future_state(f[i]);
		ck_assert_int_eq(tpar_future_cancel(f[i]), TPAR_EALREADY);
		ck_assert_int_eq(tpar_future_cancel(f[i]), TPAR_EALREADY);
		ck_assert_int_eq(tpar_future_state(f[i]), state);
		ck_assert_int_eq(tpar_future_code(f[i]), codes[i]);
	}
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	ck_assert_int_eq(tpar_gather(f, 1, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 3);
}
END_TEST

START_TEST(argument_is_dropped_once_whatever_becomes_of_the_task)
{
	static const int codes[] = { 0, 5, TPAR_ESTOPPED };
	struct scene scene;
	tpar_future *f[6];
	int i;

	scene_stall(&scene);
	for (i = 0; i < 3; i++) {
		f[i] = scene_submit_droppable(NULL, scene_return,
					      (void *)(intptr_t)codes[i], 0);
		(void)tpar_future_wait(f[i], TPAR_FOREVER);
		ck_assert_int_eq(atomic_load(&scene_arg_drops), i + 1);
	}
	for (i = 3; i < 6; i++) {
		f[i] = scene_submit_droppable(scene.pool, count_run, NULL, 0);
	}
	ck_assert_int_eq(tpar_future_cancel(f[3]), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 4);
	/* One more has its only handle released before it begins. */
	tpar_future_unref(f[4]);
	ck_assert_int_eq(tpar_pool_shutdown(scene.pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_future_wait(f[5], TPAR_FOREVER), TPAR_ECANCELED);
	scene_end(&scene);
	f[4] = NULL;
	tpar_future_unref_all(f, 6);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 6);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		pending_task_ends_at_once_and_never_begins,
		running_task_that_gives_way_is_cancelled,
		running_task_that_succeeds_all_the_same_is_done,
		running_task_that_fails_meanwhile_has_failed,
		task_that_stops_itself_ends_as_it_returns,
		ended_task_is_beyond_reach,
		argument_is_dropped_once_whatever_becomes_of_the_task,
	};

	return unit_main("stop", tests, sizeof tests / sizeof tests[0]);
}
