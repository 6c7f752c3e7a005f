/* SPDX-License-Identifier: MIT */
/*
 * test_group_stop.c - stopping groups through the task that opened them
 * or closes them; opening them in a task that was stopped.
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
	struct nest nest = { &listener, 400, false, TPAR_OK, false };
	tpar_future *f = unit_submit(NULL, close_nest, &nest, 0);

	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(nest.err, TPAR_ESTOPPED);
	ck_assert(nest.stopped);
	ck_assert_ptr_nonnull(strstr(listener.reason, "asked to stop"));
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

/* ---- The task that opened it ----------------------------------------------- */

/* Opens a group and runs on; closes it when it is let, unless others do. */
struct opener {
	struct tpar_group_config config;
	struct group_listener listener;
	struct unit_hold hold;
	bool shielded; /* while it opens */
	bool leaves;   /* the group to somebody else */
	tpar_group *g;
	enum tpar_err err;
};

static struct opener
new_opener(void)
{
	struct opener opener = { .config = TPAR_GROUP_CONFIG_INIT,
				 .listener = group_listener(TPAR_ESTOPPED),
				 .hold = UNIT_HOLD_INIT };

	return opener;
}

static int
open_and_run_on(void *arg, void *value)
{
	struct opener *self = arg;

	(void)value;
	if (self->shielded) {
		tpar_shield_enter();
	}
	UNIT_MUST(tpar_group_open(&self->g, &self->config) == TPAR_OK);
	if (self->shielded) {
		tpar_shield_leave();
	}
	group_run(self->g, group_listen, &self->listener);
	unit_gate_await(&self->listener.hold.begun, 1);
	unit_gate_open(&self->hold.begun);
	unit_gate_await(&self->hold.go, 1);
	if (!self->leaves) {
		self->err = group_end(self->g, NULL);
	}
	return tpar_checkpoint();
}

static tpar_future *
start(tpar_pool *pool, struct opener *opener)
{
	tpar_future *f = unit_submit(pool, open_and_run_on, opener, 0);

	unit_gate_await(&opener->hold.begun, 1);
	return f;
}

START_TEST(stop_of_the_opener_reaches_the_children_while_it_runs_on)
{
	struct opener opener = new_opener();
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = start(pool, &opener);

	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert(tpar_group_cancelled(opener.g));
	/* It has ended although nobody closes. */
	unit_gate_await(&opener.listener.told, 1);
	ck_assert_int_eq(tpar_group_run(opener.g, scene_return, NULL),
			 TPAR_ECLOSED);
	unit_gate_open(&opener.hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(opener.err, TPAR_ESTOPPED);
	ck_assert_ptr_nonnull(strstr(opener.listener.reason, "stop"));
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(shutdown_of_the_openers_pool_reaches_children_in_another)
{
	struct opener opener = new_opener();
	tpar_pool *theirs = unit_pool(1, 1);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	opener.config.pool = theirs;
	f = start(pool, &opener);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_await(&opener.listener.told, 1);
	unit_gate_open(&opener.hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(opener.err, TPAR_ESTOPPED);
	ck_assert_ptr_nonnull(strstr(opener.listener.reason, "pool"));
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(theirs), TPAR_OK);
}
END_TEST

static void
check_not_reached(struct opener *opener)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	opener->leaves = true;
	f = start(pool, opener);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&opener->hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert(!tpar_group_cancelled(opener->g));
	ck_assert_int_eq(opener->listener.reason[0], '\0');
	ck_assert_int_eq(tpar_group_cancel(opener->g, "by hand"), TPAR_OK);
	ck_assert_int_eq(group_end(opener->g, NULL), TPAR_ECANCELED);
	ck_assert_str_eq(opener->listener.reason, "by hand");
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(stop_of_the_opener_does_not_reach_a_detached_group)
{
	struct opener opener = new_opener();

	opener.config.detached = true;
	check_not_reached(&opener);
}
END_TEST

START_TEST(stop_of_the_opener_does_not_reach_a_group_opened_under_a_shield)
{
	struct opener opener = new_opener();

	opener.shielded = true;
	check_not_reached(&opener);
}
END_TEST

START_TEST(group_may_outlive_the_task_that_opened_it)
{
	struct opener opener = new_opener();
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	opener.leaves = true;
	f = start(pool, &opener);
	unit_gate_open(&opener.hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	ck_assert(!tpar_group_cancelled(opener.g));
	tpar_future_unref(f);
	group_run(opener.g, scene_return, NULL);
	ck_assert_int_eq(tpar_group_cancel(opener.g, NULL), TPAR_OK);
	ck_assert_int_eq(group_end(opener.g, NULL), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Opens, closes, and may be stopped at any moment of that. */
static int
open_and_close(void *arg, void *value)
{
	struct tpar_task task = scene_droppable(scene_return, NULL, 0);
	tpar_group *g = NULL;
	int i;

	(void)value;
	if (tpar_group_open(&g, NULL) == TPAR_OK) {
		for (i = 0; i < 3; i++) {
			atomic_fetch_add((_Atomic int *)arg,
					 tpar_group_submit(g, &task, NULL) ==
						 TPAR_OK);
		}
		(void)group_end(g, NULL);
	}
	return tpar_checkpoint();
}

START_TEST(stop_of_the_opener_may_come_at_any_moment)
{
	static _Atomic int accepted;
	long rounds = unit_scaled(2000);
	tpar_future *f;

	for (; rounds > 0; rounds--) {
		f = unit_submit(NULL, open_and_close, &accepted, 0);
		while (rounds % 4 != 0 &&
		       tpar_future_state(f) == TPAR_PENDING) {
			sched_yield();
		}
		(void)tpar_future_cancel(f);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(atomic_load(&accepted), atomic_load(&scene_arg_drops));
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
		stop_of_the_opener_reaches_the_children_while_it_runs_on,
		shutdown_of_the_openers_pool_reaches_children_in_another,
		stop_of_the_opener_does_not_reach_a_detached_group,
		stop_of_the_opener_does_not_reach_a_group_opened_under_a_shield,
		group_may_outlive_the_task_that_opened_it,
		stop_of_the_opener_may_come_at_any_moment,
	};

	return unit_main("group_stop", tests, sizeof tests / sizeof tests[0]);
}
