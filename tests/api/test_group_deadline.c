/* SPDX-License-Identifier: MIT */
/*
 * test_group_deadline.c - groups with a deadline: passed, to come, and
 * coming while they close.
 */
#include "groups.h"

START_TEST(deadline_that_has_passed_lets_no_child_begin)
{
	struct tpar_task task = scene_droppable(scene_return, NULL, 0);
	int64_t past[] = { TPAR_NOW, 1, tpar_in(0), INT64_MIN };
	size_t i;

	for (i = 0; i < sizeof past / sizeof past[0]; i++) {
		tpar_group *g = group_until(NULL, past[i]);

		ck_assert(tpar_group_cancelled(g));
		ck_assert_int_eq(tpar_group_submit(g, &task, NULL),
				 TPAR_ECLOSED);
		/* There is no child that is not done. */
		ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_OK);
		tpar_group_destroy(g);
	}
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
}
END_TEST

static bool
has_begun(struct unit_hold *hold)
{
	bool begun;

	UNIT_MUST(pthread_mutex_lock(&hold->begun.mutex) == 0);
	begun = hold->begun.opened > 0;
	UNIT_MUST(pthread_mutex_unlock(&hold->begun.mutex) == 0);
	return begun;
}

/* A group with a deadline, a child of which has begun before that. */
static tpar_group *
open_in_time(tpar_task_fn fn, void *arg, tpar_future **f)
{
	struct tpar_task task = TPAR_TASK_INIT;
	int64_t time = TPAR_SECOND / 100;
	struct unit_hold *hold = arg;
	tpar_future *child;
	tpar_group *g;

	task.fn = fn;
	task.arg = arg;
	/* ENDS: the machine is not as slow as that. */
	for (;; time *= 2) {
		g = group_until(NULL, tpar_in(time));
		if (tpar_group_submit(g, &task, &child) == TPAR_OK) {
			UNIT_AWAIT(has_begun(hold) ||
				   tpar_future_state(child) >= TPAR_DONE);
			if (has_begun(hold)) {
				break;
			}
			tpar_future_unref(child);
		}
		tpar_group_destroy(g);
	}
	if (f != NULL) {
		*f = child;
	} else {
		tpar_future_unref(child);
	}
	return g;
}

START_TEST(deadline_stops_the_children)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	struct tpar_task task = scene_droppable(scene_return, NULL, 0);
	struct scene scene;
	tpar_future *f[2];
	tpar_group *g;
	size_t n = 5;

	scene_stall(&scene);
	g = open_in_time(group_listen, &listener, &f[1]);
	task.group = g;
	if (tpar_submit_task(scene.pool, &task, &f[0]) != TPAR_OK) {
		/* It has come already. */
		f[0] = tpar_future_ref(f[1]);
		scene_drop_arg(NULL);
	}
	/* Nobody needs to be closing it. */
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
	ck_assert(tpar_group_cancelled(g));
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_ETIMEDOUT);
	ck_assert_uint_eq(n, 0);
	/* It may have come before the child has begun. */
	ck_assert(listener.reason[0] == '\0' ||
		  strstr(listener.reason, "deadline") != NULL);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	tpar_group_destroy(g);
	tpar_future_unref_all(f, 2);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
}
END_TEST

START_TEST(group_that_is_complete_although_late_has_succeeded)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = NULL;
	tpar_group *g = open_in_time(scene_until_stopped, &hold, &f);

	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_group_destroy(g);
	tpar_future_unref(f);
}
END_TEST

START_TEST(child_that_fails_while_it_is_timed_out_is_told_of)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_failure why;
	tpar_group *g;
	size_t n = 0;

	hold.code = 9;
	g = open_in_time(scene_until_stopped, &hold, NULL);
	/* The first in time. */
	ck_assert_int_eq(tpar_group_close(g, &why, 1, &n), TPAR_ETIMEDOUT);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(why.code, 9);
	tpar_group_destroy(g);
}
END_TEST

START_TEST(deadline_still_to_come_ends_with_the_group)
{
	int i;

	for (i = 0; i < 1000; i++) {
		tpar_group *g = group_until(NULL, tpar_in(3600 * TPAR_SECOND));

		ck_assert_int_eq(tpar_group_run(g, scene_return, NULL),
				 TPAR_OK);
		if (i % 2 == 0) {
			ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL),
					 TPAR_OK);
		}
		tpar_group_destroy(g);
	}
}
END_TEST

/* The deadline, the last child and the end of the group meet. */
START_TEST(deadline_may_come_at_any_moment_of_a_close)
{
	long rounds = unit_scaled(1000);
	enum tpar_err err;

	for (; rounds > 0; rounds--) {
		tpar_group *g = group_until(NULL, tpar_in(rounds % 100 * 1000));
		struct tpar_task task = scene_droppable(scene_return, NULL, 0);
		int accepted = 0;
		int i;

		atomic_store(&scene_arg_drops, 0);
		for (i = 0; i < 8; i++) {
			accepted +=
				tpar_group_submit(g, &task, NULL) == TPAR_OK;
		}
		err = tpar_group_close(g, NULL, 0, NULL);
		ck_assert(err == TPAR_OK || err == TPAR_ETIMEDOUT);
		ck_assert_int_eq(atomic_load(&scene_arg_drops), accepted);
		tpar_group_destroy(g);
	}
}
END_TEST

static int
close_late(void *arg, void *value)
{
	struct unit_hold *hold = arg;
	tpar_group *g;

	hold->code = TPAR_ESTOPPED;
	g = open_in_time(scene_until_stopped, hold, NULL);
	*(int *)value = (int)tpar_group_close(g, NULL, 0, NULL);
	tpar_group_destroy(g);
	return tpar_checkpoint();
}

START_TEST(deadline_of_a_group_does_not_stop_the_task_that_opened_it)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = unit_submit(pool, close_late, &hold, sizeof(int));
	int err = 0;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, &err), TPAR_OK);
	ck_assert_int_eq(err, TPAR_ETIMEDOUT);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		deadline_that_has_passed_lets_no_child_begin,
		deadline_stops_the_children,
		group_that_is_complete_although_late_has_succeeded,
		child_that_fails_while_it_is_timed_out_is_told_of,
		deadline_still_to_come_ends_with_the_group,
		deadline_may_come_at_any_moment_of_a_close,
		deadline_of_a_group_does_not_stop_the_task_that_opened_it,
	};

	return unit_main("group_deadline", tests,
			 sizeof tests / sizeof tests[0]);
}
