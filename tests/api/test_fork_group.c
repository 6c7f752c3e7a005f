/* SPDX-License-Identifier: MIT */
/*
 * test_fork_group.c - groups and windows of before a fork are lost in its child;
 * new ones work there.
 */
#include "child.h"
#include "scene.h"

#include <taskpar/group.h>
#include <taskpar/window.h>

/* All of the pool's one worker is held, so that nothing ends. */
struct lost {
	struct scene scene;
	tpar_group *group;
	tpar_window *window;
	tpar_future *child;
};

static tpar_window *
open_window(tpar_pool *pool)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *window = NULL;

	config.pool = pool;
	config.width = 2;
	config.value_size = sizeof(intptr_t);
	UNIT_MUST(tpar_window_open(&window, &config) == TPAR_OK);
	return window;
}

static tpar_group *
open_group(tpar_pool *pool)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *group = NULL;

	config.pool = pool;
	config.deadline_ns = tpar_in(3600 * TPAR_SECOND);
	UNIT_MUST(tpar_group_open(&group, &config) == TPAR_OK);
	return group;
}

static struct tpar_task
number_task(void)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_number_task;
	task.arg = (void *)3;
	task.value_size = sizeof(intptr_t);
	return task;
}

static void
use_new_ones(void)
{
	struct tpar_task task = number_task();
	tpar_group *group = open_group(NULL);
	tpar_window *window = open_window(NULL);
	intptr_t value = 0;

	UNIT_MUST(tpar_group_submit(group, &task, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_close(group, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(group);
	UNIT_MUST(tpar_window_put(window, &task, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_window_take(window, &value, TPAR_FOREVER, NULL) ==
		  TPAR_OK);
	UNIT_MUST(value == 3);
	tpar_window_close(window);
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
}

static void
child_of_lost(void *arg)
{
	struct lost *lost = arg;
	struct tpar_task task = number_task();
	struct tpar_failure why;
	size_t failures = 9;
	intptr_t value;

	UNIT_MUST(tpar_group_submit(lost->group, &task, NULL) == TPAR_ECLOSED);
	UNIT_MUST(tpar_group_cancelled(lost->group));
	UNIT_MUST(tpar_group_cancel(lost->group, NULL) == TPAR_EALREADY);
	UNIT_MUST(tpar_group_fail(lost->group, 1, NULL) == TPAR_EALREADY);
	UNIT_MUST(tpar_group_close(lost->group, NULL, 0, &failures) ==
		  TPAR_ECANCELED);
	UNIT_MUST(failures == 0);
	tpar_group_destroy(lost->group);
	UNIT_MUST(tpar_future_wait(lost->child, TPAR_FOREVER) ==
		  TPAR_ECANCELED);
	tpar_future_unref(lost->child);
	UNIT_MUST(tpar_window_put(lost->window, &task, TPAR_FOREVER) ==
		  TPAR_ECLOSED);
	UNIT_MUST(tpar_window_end(lost->window) == TPAR_OK);
	UNIT_MUST(tpar_window_take(lost->window, &value, TPAR_FOREVER, &why) ==
		  TPAR_ECLOSED);
	UNIT_MUST(tpar_window_cancel(lost->window, NULL) == TPAR_OK);
	tpar_window_close(lost->window);
	UNIT_MUST(tpar_pool_destroy(lost->scene.pool) == TPAR_OK);
	if (CHILD_STARTS_THREADS) {
		use_new_ones();
	}
}

static void *
close_it(void *group)
{
	UNIT_MUST(tpar_group_close(group, NULL, 0, NULL) == TPAR_OK);
	return NULL;
}

START_TEST(groups_and_windows_are_lost_in_the_child)
{
	struct tpar_task task = number_task();
	struct lost lost;
	pthread_t closer;
	intptr_t value = 0;

	scene_stall(&lost.scene);
	lost.group = open_group(lost.scene.pool);
	lost.window = open_window(lost.scene.pool);
	ck_assert_int_eq(tpar_group_submit(lost.group, &task, &lost.child),
			 TPAR_OK);
	ck_assert_int_eq(tpar_window_put(lost.window, &task, TPAR_NOW),
			 TPAR_OK);
	ck_assert(child_runs(child_of_lost, &lost));
	closer = unit_start(close_it, lost.group);
	if (CHILD_ALLOCATES) {
		ck_assert(child_runs(child_of_lost, &lost));
	}
	ck_assert(!tpar_group_cancelled(lost.group));
	scene_let_go(&lost.scene);
	unit_join(closer);
	tpar_group_destroy(lost.group);
	tpar_future_unref(lost.child);
	ck_assert_int_eq(tpar_window_take(lost.window, &value, TPAR_FOREVER,
					  NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, 3);
	tpar_window_close(lost.window);
	scene_end(&lost.scene);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		groups_and_windows_are_lost_in_the_child
	};

	return unit_main("fork_group", tests, sizeof tests / sizeof tests[0]);
}
