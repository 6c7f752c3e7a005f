/* SPDX-License-Identifier: MIT */
/*
 * test_failure.c - what becomes of the others when a member has failed, and of
 * what they own.
 */
#include "scene.h"

#include <string.h>

static _Atomic int runs;

/* Counted. */
static int
fail_with(void *arg, void *value)
{
	atomic_fetch_add(&runs, 1);
	return scene_fail_with(arg, value);
}

/* What a running sibling does once it has been asked to stop. */
struct sibling {
	struct unit_hold hold;
	_Atomic int cleaned;
};

static int
clean_up_when_stopped(void *arg, void *value)
{
	struct sibling *sibling = arg;
	int rc = scene_until_stopped(&sibling->hold, value);

	atomic_fetch_add(&sibling->cleaned, 1);
	return rc;
}

/* Fails once the other one has begun. */
static int
fail_when_begun(void *arg, void *value)
{
	struct sibling *sibling = arg;

	(void)value;
	unit_gate_await(&sibling->hold.begun, 1);
	return tpar_fail(11, "the first one");
}

/* Two members on two workers: one fails, the other is stopped by that. */
static void
gather_two(int other_code, struct tpar_failure *why, tpar_future *f[2])
{
	struct sibling sibling = { .hold = UNIT_HOLD_INIT };
	tpar_pool *pool = unit_pool(2, 1);
	intptr_t values[2] = { -1, -2 };

	sibling.hold.code = other_code;
	f[0] = unit_submit(pool, clean_up_when_stopped, &sibling,
			   sizeof(intptr_t));
	f[1] = unit_submit(pool, fail_when_begun, &sibling, sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather(f, 2, values, why), TPAR_EFAILED);
	/* It has returned only after the sibling had ended. */
	ck_assert_int_eq(atomic_load(&sibling.cleaned), 1);
	ck_assert_int_ge(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert_int_eq(values[0], -1);
	ck_assert_int_eq(values[1], -2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(siblings_are_stopped_and_waited_for)
{
	struct tpar_failure why;
	tpar_future *f[2];

	gather_two(TPAR_ESTOPPED, &why, f);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 11);
	ck_assert_ptr_null(why.task);
	ck_assert_str_eq(why.message, "the first one");
	/* That the sibling was stopped is no failure of its own. */
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_code(f[0]), TPAR_ESTOPPED);
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(sibling_that_fails_while_being_stopped_keeps_its_code)
{
	struct tpar_failure why;
	tpar_future *f[2];

	gather_two(22, &why, f);
	/* The first in time, not the lowest position. */
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.code, 11);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(f[0]), 22);
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(sibling_that_ignores_the_stop_is_done)
{
	struct tpar_failure why;
	tpar_future *f[2];

	gather_two(0, &why, f);
	ck_assert_int_eq(why.code, 11);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(pending_members_of_a_failed_set_never_begin_but_are_dropped)
{
	struct tpar_failure why;
	struct scene scene;
	tpar_future *f[3];

	scene_stall(&scene);
	f[0] = scene_submit_droppable(scene.pool, fail_with, (void *)1, 0);
	f[1] = unit_submit(NULL, fail_with, (void *)9, 0);
	f[2] = scene_submit_droppable(scene.pool, fail_with, (void *)1, 0);
	/* Nobody could run them: they are ended without. */
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	scene_let_go(&scene);
	tpar_future_unref_all(f, 3);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&runs), 1);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

/* The waiting task itself runs the one that fails, and then no other. */
static int
gather_in_place(void *arg, void *value)
{
	struct scene *scene = arg;
	struct tpar_failure why;
	tpar_future *f[4];
	int i;

	(void)value;
	for (i = 0; i < 4; i++) {
		f[i] = scene_submit_droppable(scene->pool, fail_with,
					      (void *)(intptr_t)(i + 1), 0);
	}
	UNIT_MUST(tpar_gather(f, 4, NULL, &why) == TPAR_EFAILED);
	UNIT_MUST(why.index == 0 && why.code == 1);
	for (i = 1; i < 4; i++) {
		UNIT_MUST(tpar_future_state(f[i]) == TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, 4);
	return 0;
}

START_TEST(task_runs_no_member_after_one_has_failed)
{
	struct scene scene;

	scene_stall(&scene);
	unit_run_in(NULL, gather_in_place, &scene);
	ck_assert_int_eq(atomic_load(&runs), 1);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 4);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(values_of_a_failed_set_are_dropped_once_with_their_futures)
{
	struct tpar_failure why;
	char values[4][8];
	char before[4][8];
	tpar_future *f[4];
	int i;

	memset(values, 0x33, sizeof values);
	memcpy(before, values, sizeof values);
	for (i = 0; i < 4; i++) {
		f[i] = scene_submit_droppable(
			NULL, i == 2 ? fail_with : unit_number_task, (void *)1,
			sizeof(intptr_t));
		(void)tpar_future_wait(f[i], TPAR_FOREVER);
	}
	ck_assert_int_eq(tpar_gather(f, 4, values, &why), TPAR_EFAILED);
	ck_assert_str_eq(why.task, "droppable");
	ck_assert_mem_eq(values, before, sizeof values);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f[3]), 1);
	tpar_future_unref_all(f, 4);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 3);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 4);
}
END_TEST

START_TEST(settled_set_reports_each_and_cancels_nobody)
{
	struct tpar_outcome outcomes[3];
	intptr_t values[3] = { -1, -1, -1 };
	tpar_future *f[3];

	f[0] = unit_submit(NULL, fail_with, (void *)4, sizeof(intptr_t));
	ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_EFAILED);
	f[1] = unit_submit(NULL, unit_number_task, (void *)6, sizeof(intptr_t));
	f[2] = unit_submit(NULL, fail_with, (void *)5, sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather_settled(f, 3, values, outcomes), TPAR_OK);
	ck_assert_int_eq(outcomes[0].state, TPAR_FAILED);
	ck_assert_int_eq(outcomes[0].code, 4);
	ck_assert_str_eq(outcomes[0].message, "code 4");
	ck_assert_int_eq(outcomes[1].state, TPAR_DONE);
	ck_assert_int_eq(outcomes[1].code, 0);
	ck_assert_str_eq(outcomes[1].message, "");
	ck_assert_int_eq(outcomes[2].state, TPAR_FAILED);
	ck_assert_int_eq(outcomes[2].code, 5);
	ck_assert_int_eq(values[0], -1);
	ck_assert_int_eq(values[1], 6);
	ck_assert_int_eq(values[2], -1);
	tpar_future_unref_all(f, 3);
}
END_TEST

/* Item 0 fails once item 1 has begun, which then stops when it is asked. */
static struct unit_hold second = UNIT_HOLD_INIT;

static int
fail_at_first(void *arg, void *value)
{
	intptr_t number = *(intptr_t *)arg;

	*(intptr_t *)value = number;
	atomic_fetch_add(&runs, 1);
	if (number == 0) {
		unit_gate_await(&second.begun, 1);
		return tpar_fail(8, "item of value %d", (int)number);
	}
	return scene_until_stopped(&second, value);
}

static void
map_with_a_failure(int second_code)
{
	enum { ITEMS = 1000 };
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	intptr_t values[ITEMS];
	intptr_t items[ITEMS];
	intptr_t i;

	second.code = second_code;
	for (i = 0; i < ITEMS; i++) {
		items[i] = i;
	}
	ck_assert_int_eq(tpar_map(pool, fail_at_first, items, sizeof *items,
				  values, sizeof *values, ITEMS, &why),
			 TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 8);
	ck_assert_ptr_nonnull(strstr(why.message, "item of value 0"));
	ck_assert_int_eq(atomic_load(&runs), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(map_begins_no_item_after_a_failure)
{
	map_with_a_failure(0);
}
END_TEST

/* One worker: whenever the caller gets to waiting, the first item is alone. */
START_TEST(map_begins_no_item_while_a_failure_is_not_seen_yet)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	long round;

	for (round = 1; round <= unit_scaled(1000); round++) {
		ck_assert_int_eq(tpar_map(pool, fail_with, NULL, 0, NULL, 0,
					  100, &why),
				 TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 0);
		ck_assert_int_eq(atomic_load(&runs), round);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
open_go(void *hold)
{
	unit_gate_open(&((struct unit_hold *)hold)->go);
}

/* Item 1 does not see that it is asked, nor does what runs the items after it. */
static int
hide_the_second(void *arg, void *value)
{
	tpar_handler handler;

	atomic_fetch_add(&runs, 1);
	switch (*(intptr_t *)arg) {
	case 0:
		unit_gate_await(&second.begun, 1);
		return 8;
	case 1:
		UNIT_MUST(tpar_on_cancel(open_go, &second, &handler) == 0);
		tpar_shield_enter();
		return unit_hold_task(&second, value);
	default:
		return 0;
	}
}

START_TEST(map_begins_no_item_after_a_failure_in_a_shield_either)
{
	enum { ITEMS = 10 };
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	intptr_t items[ITEMS];
	intptr_t i;

	for (i = 0; i < ITEMS; i++) {
		items[i] = i;
	}
	options.window = 2;
	ck_assert_int_eq(tpar_map_with(pool, &options, hide_the_second, items,
				       sizeof *items, NULL, 0, ITEMS, NULL),
			 TPAR_EFAILED);
	ck_assert_int_eq(atomic_load(&runs), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(map_blames_the_first_item_in_time)
{
	map_with_a_failure(9);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		siblings_are_stopped_and_waited_for,
		sibling_that_fails_while_being_stopped_keeps_its_code,
		sibling_that_ignores_the_stop_is_done,
		pending_members_of_a_failed_set_never_begin_but_are_dropped,
		task_runs_no_member_after_one_has_failed,
		values_of_a_failed_set_are_dropped_once_with_their_futures,
		settled_set_reports_each_and_cancels_nobody,
		map_begins_no_item_after_a_failure,
		map_begins_no_item_while_a_failure_is_not_seen_yet,
		map_begins_no_item_after_a_failure_in_a_shield_either,
		map_blames_the_first_item_in_time,
	};

	return unit_main("failure", tests, sizeof tests / sizeof tests[0]);
}
