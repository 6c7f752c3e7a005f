/* SPDX-License-Identifier: MIT */
/*
 * test_group.c - opening, filling, closing a group; values and
 * handles of its children.
 */
#include "groups.h"

static _Atomic long runs;

static int
count(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
close_well(tpar_group *g)
{
	size_t n = 77;

	ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n), TPAR_OK);
	ck_assert_uint_eq(n, 0);
}

START_TEST(empty_group_closes_at_once)
{
	struct tpar_failure failures[2];
	tpar_group *g = NULL;

	memset(failures, 0x5a, sizeof failures);
	ck_assert_int_eq(tpar_group_open(&g, NULL), TPAR_OK);
	ck_assert(!tpar_group_cancelled(g));
	ck_assert_int_eq(tpar_group_close(g, failures, 2, NULL), TPAR_OK);
	ck_assert_int_eq(failures[0].message[0], 0x5a);
	tpar_group_destroy(g);
	tpar_group_destroy(NULL);
}
END_TEST

START_TEST(close_waits_for_every_child)
{
	tpar_group *g = group_in(NULL);
	int i;

	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(tpar_group_run(g, count, NULL), TPAR_OK);
	}
	close_well(g);
	ck_assert_int_eq(atomic_load(&runs), 1000);
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&runs), 1000);
}
END_TEST

/* ---- Children that submit ------------------------------------------------ */

struct tree {
	tpar_group *g;
	int depth;
};

static struct tree level[12];

/* Two more of the next level; each level is one entry of the table. */
static int
spawn(void *arg, void *value)
{
	struct tree *self = arg;

	(void)value;
	atomic_fetch_add(&runs, 1);
	if (self->depth > 0) {
		UNIT_MUST(tpar_group_run(self->g, spawn, self + 1) == TPAR_OK);
		UNIT_MUST(tpar_group_run(self->g, spawn, self + 1) == TPAR_OK);
	}
	return 0;
}

static void
plant(tpar_group *g)
{
	int i;

	for (i = 0; i < 12; i++) {
		level[i] = (struct tree) { g, 11 - i };
	}
	UNIT_MUST(tpar_group_run(g, spawn, &level[0]) == TPAR_OK);
}

START_TEST(children_may_submit_more_while_the_group_closes)
{
	tpar_group *g = group_in(NULL);

	plant(g);
	close_well(g);
	ck_assert_int_eq(atomic_load(&runs), (1 << 12) - 1);
	tpar_group_destroy(g);
}
END_TEST

static int
plant_and_close(void *arg, void *value)
{
	tpar_group *g = group_in(NULL);

	(void)arg;
	(void)value;
	plant(g);
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	UNIT_MUST(atomic_load(&runs) == (1 << 12) - 1);
	tpar_group_destroy(g);
	return 0;
}

/* Here all run on top of the task that closes. */
START_TEST(children_may_submit_more_while_their_own_thread_closes)
{
	tpar_pool *one = unit_pool(1, 1);

	unit_run_in(one, plant_and_close, NULL);
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

START_TEST(group_that_was_never_closed_is_closed_by_its_end)
{
	tpar_group *g = group_in(NULL);

	plant(g);
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&runs), (1 << 12) - 1);
}
END_TEST

/* ---- Handles and values -------------------------------------------------- */

START_TEST(values_outlive_the_group)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *g = group_in(NULL);
	tpar_future *f[100];
	intptr_t sum = 0;
	intptr_t value;
	intptr_t i;

	task.fn = unit_number_task;
	task.value_size = sizeof i;
	for (i = 0; i < 100; i++) {
		task.arg = (void *)i;
		ck_assert_int_eq(tpar_group_submit(g, &task, &f[i]), TPAR_OK);
	}
	close_well(g);
	tpar_group_destroy(g);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
		ck_assert_int_eq(tpar_future_take(f[i], &value), TPAR_OK);
		sum += value;
	}
	ck_assert_int_eq(sum, 4950);
	tpar_future_unref_all(f, 100);
}
END_TEST

START_TEST(outcomes_outlive_the_group_and_its_pool)
{
	tpar_pool *other = unit_pool(1, 1);
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_group *g = group_in(other);
	tpar_future *f[3];

	task.fn = scene_fail_with;
	task.arg = (void *)(intptr_t)12;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_OK);
	(void)tpar_future_wait(f[0], TPAR_FOREVER);
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[1]), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_EFAILED);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 1, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 12);
	ck_assert_str_eq(why.message, "code 12");
	ck_assert_str_eq(tpar_future_message(f[0]), "code 12");
	tpar_future_unref(f[0]);
}
END_TEST

START_TEST(each_argument_and_value_is_dropped_once)
{
	struct tpar_task task = scene_droppable(count, NULL, 8);
	tpar_future *f[2] = { NULL, NULL };
	tpar_group *g = group_in(NULL);
	int i;

	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_OK);
	}
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_group_submit(g, &task, &f[i]), TPAR_OK);
	}
	close_well(g);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 102);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 100);
	tpar_future_unref(f[0]);
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 101);
	tpar_future_unref(f[1]);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 102);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 102);
}
END_TEST

/* ---- Which pool ---------------------------------------------------------- */

static int
tell_width(void *arg, void *value)
{
	(void)arg;
	*(unsigned *)value = tpar_pool_workers(NULL);
	return 0;
}

START_TEST(children_run_in_the_pool_of_their_group)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(4, 1);
	tpar_pool *other = unit_pool(3, 1);
	tpar_group *g = group_in(pool);
	tpar_future *f[2];
	unsigned width[2];

	task.fn = tell_width;
	task.value_size = sizeof width[0];
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_OK);
	/* Or in the one that a submit names. */
	task.group = g;
	ck_assert_int_eq(tpar_submit_task(other, &task, &f[1]), TPAR_OK);
	close_well(g);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_future_take(f[0], &width[0]), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f[1], &width[1]), TPAR_OK);
	ck_assert_uint_eq(width[0], 4);
	ck_assert_uint_eq(width[1], 3);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
open_by_default(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;
	tpar_group *g = NULL;

	(void)arg;
	task.fn = tell_width;
	task.value_size = sizeof(unsigned);
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_submit(g, &task, &f) == TPAR_OK);
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	UNIT_MUST(tpar_future_take(f, value) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

START_TEST(group_of_a_task_is_in_the_pool_of_that_task)
{
	tpar_pool *pool = unit_pool(4, 1);
	tpar_future *f = unit_submit(pool, open_by_default, NULL, 8);
	unsigned width[2] = { 0, 0 };

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, width), TPAR_OK);
	ck_assert_uint_eq(width[0], 4);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(many_at_once_are_children_like_any_other)
{
	struct tpar_task task = scene_droppable(count, NULL, 0);
	tpar_future *f[300];
	tpar_group *g = group_in(NULL);

	task.group = g;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 300, f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 300, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 0, NULL),
			 TPAR_OK);
	close_well(g);
	ck_assert_int_eq(atomic_load(&runs), 600);
	ck_assert_int_eq(tpar_wait_all(f, 300, TPAR_NOW), TPAR_OK);
	tpar_group_destroy(g);
	tpar_future_unref_all(f, 300);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 600);
}
END_TEST

static int
tell_context(void *arg, void *value)
{
	(void)arg;
	*(void **)value = tpar_context();
	return 0;
}

START_TEST(children_may_have_a_context_and_large_values)
{
	static char here;
	struct tpar_task task = TPAR_TASK_INIT;
	size_t size[] = { sizeof(void *), 48, 100, 4000 };
	size_t align[] = { 0, 64, 4096 };
	tpar_group *g = group_in(NULL);
	tpar_future *f[12];
	size_t i;

	task.fn = tell_context;
	task.context = &here;
	for (i = 0; i < 12; i++) {
		task.value_size = size[i % 4];
		task.value_align = align[i / 4];
		ck_assert_int_eq(tpar_group_submit(g, &task, &f[i]), TPAR_OK);
	}
	close_well(g);
	tpar_group_destroy(g);
	for (i = 0; i < 12; i++) {
		ck_assert_ptr_eq(*(void *const *)tpar_future_value(f[i]),
				 &here);
	}
	tpar_future_unref_all(f, 12);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		empty_group_closes_at_once,
		close_waits_for_every_child,
		children_may_submit_more_while_the_group_closes,
		children_may_submit_more_while_their_own_thread_closes,
		group_that_was_never_closed_is_closed_by_its_end,
		values_outlive_the_group,
		outcomes_outlive_the_group_and_its_pool,
		each_argument_and_value_is_dropped_once,
		children_run_in_the_pool_of_their_group,
		group_of_a_task_is_in_the_pool_of_that_task,
		many_at_once_are_children_like_any_other,
		children_may_have_a_context_and_large_values,
	};

	return unit_main("group", tests, sizeof tests / sizeof tests[0]);
}
