/* SPDX-License-Identifier: MIT */
/*
 * test_group_stop.c - stopping groups through the task that closes them;
 * opening them in a task that was stopped.
 */
#include "groups.h"

/* Groups within each other, a child that listens in the innermost one. */
struct nest {
	struct group_listener *listener;
	int depth;
	bool shielded;
	enum tpar_err err;
	bool stopped; /* the task that closes, when that has returned */
};

static int
close_nest(void *arg, void *value)
{
	struct nest *nest = arg;
	struct nest below = *nest;
	tpar_group *g = group_in(NULL);

	(void)value;
	below.depth--;
	if (nest->shielded) {
		tpar_shield_enter();
	}
	if (nest->depth > 0) {
		UNIT_MUST(tpar_group_run(g, close_nest, &below) == TPAR_OK);
	} else {
		UNIT_MUST(tpar_group_run(g, group_listen, nest->listener) ==
			  TPAR_OK);
	}
	nest->err = tpar_group_close(g, NULL, 0, NULL);
	tpar_group_destroy(g);
	if (nest->shielded) {
		tpar_shield_leave();
	}
	UNIT_MUST(nest->depth == 0 || below.err == nest->err);
	nest->stopped = tpar_cancelled();
	return tpar_checkpoint();
}

START_TEST(stop_of_the_closing_task_goes_down_to_all_groups_within)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	struct nest nest = { &listener, 20, false, TPAR_OK, false };
	tpar_future *f = unit_submit(NULL, close_nest, &nest, 0);

	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(nest.err, TPAR_ESTOPPED);
	ck_assert(nest.stopped);
	ck_assert_ptr_nonnull(strstr(listener.reason, "waits for it"));
	tpar_future_unref(f);
}
END_TEST

START_TEST(complete_group_wins_over_the_stop_of_the_closing_task)
{
	struct group_listener listener = group_listener(0);
	struct nest nest = { &listener, 0, false, TPAR_OK, false };
	tpar_future *f = unit_submit(NULL, close_nest, &nest, 0);

	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(nest.err, TPAR_OK);
	ck_assert(nest.stopped);
	tpar_future_unref(f);
}
END_TEST

static int
close_shielded(void *arg, void *value)
{
	struct unit_hold *hold = arg;
	tpar_group *g;

	(void)value;
	tpar_shield_enter();
	g = group_in(NULL);
	UNIT_MUST(tpar_group_run(g, unit_hold_task, hold) == TPAR_OK);
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	tpar_shield_leave();
	return tpar_checkpoint();
}

START_TEST(shield_of_the_closing_task_keeps_the_children)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = unit_submit(NULL, close_shielded, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
}
END_TEST

static int
open_when_stopped(void *arg, void *value)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct unit_hold *hold = arg;
	tpar_group *mark = (tpar_group *)arg;
	tpar_group *g = mark;

	(void)scene_until_stopped(hold, value);
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_group_open(&g, &config) == TPAR_ESTOPPED);
	UNIT_MUST(g == mark);
	config.detached = true;
	UNIT_MUST(tpar_group_open(&g, &config) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, scene_return, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	tpar_shield_enter();
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, scene_return, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	tpar_shield_leave();
	return tpar_checkpoint();
}

START_TEST(stopped_task_opens_no_group_but_a_detached_one)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = unit_submit(NULL, open_when_stopped, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stop_of_the_closing_task_goes_down_to_all_groups_within,
		complete_group_wins_over_the_stop_of_the_closing_task,
		shield_of_the_closing_task_keeps_the_children,
		stopped_task_opens_no_group_but_a_detached_one,
	};

	return unit_main("group_stop", tests, sizeof tests / sizeof tests[0]);
}
