/* SPDX-License-Identifier: MIT */
/*
 * test_blocking.c - tasks that block when no thread can be started for them, or
 * there is no memory: others run them, and no wait hangs.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/blocking.h>

static unsigned flags_of[2]; /* of a task's two children */

/* A tree of tasks in which each one waits for two others. */
static int
grow(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[2] = { NULL, NULL };
	enum tpar_err err = TPAR_OK;
	int i;

	(void)value;
	for (i = 0; depth > 0 && i < 2 && err == TPAR_OK; i++) {
		task.fn = grow;
		task.arg = (void *)(depth - 1);
		task.flags = flags_of[i];
		err = tpar_submit_task(NULL, &task, &f[i]);
	}
	if (depth > 0 && err == TPAR_OK) {
		err = tpar_gather(f, 2, NULL, NULL);
	} else if (f[0] != NULL) {
		(void)tpar_future_wait(f[0], TPAR_FOREVER);
	}
	tpar_future_unref_all(f, 2);
	return (int)err;
}

static void
run_tree(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[2] = { NULL, NULL };
	enum tpar_err err;
	int i;

	fault_begin();
	for (i = 0; i < 2; i++) {
		task.fn = grow;
		task.arg = (void *)(intptr_t)4;
		task.flags = flags_of[i];
		err = tpar_submit_task(pool, &task, &f[i]);
		EXPECT(err == TPAR_OK || fault_any());
	}
	for (i = 0; i < 2; i++) {
		EXPECT(f[i] == NULL ||
		       tpar_future_wait(f[i], TPAR_FOREVER) == TPAR_OK ||
		       fault_any());
	}
	fault_end();
	tpar_future_unref_all(f, 2);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

/* Threads alone: then all goes well all the same. */
static void
run_tree_well(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 2);
	tpar_future *f;

	fault_begin();
	task.fn = grow;
	task.arg = (void *)(intptr_t)4;
	task.flags = flags_of[0];
	EXPECT(tpar_submit_task(pool, &task, &f) == TPAR_OK);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	fault_end();
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static const unsigned mixes[3][2] = { { TPAR_BLOCKING, TPAR_BLOCKING },
				      { TPAR_BLOCKING, 0 },
				      { 0, TPAR_BLOCKING } };

START_TEST(trees_end_whatever_fails)
{
	int i;

	for (i = 0; i < 3; i++) {
		memcpy(flags_of, mixes[i], sizeof flags_of);
		ck_assert_int_ge(fault_sweep_of(run_tree,
						FAULT_MEMORY | FAULT_THREAD),
				 1);
	}
}
END_TEST

START_TEST(trees_run_in_full_without_threads)
{
	long injections = 0;
	int i;

	for (i = 0; i < 3; i++) {
		memcpy(flags_of, mixes[i], sizeof flags_of);
		injections += fault_sweep_of(run_tree_well, FAULT_THREAD);
	}
	ck_assert_int_ge(injections, 1);
}
END_TEST

static int
fill(void *arg, void *value)
{
	*(intptr_t *)value = *(const intptr_t *)arg;
	return 0;
}

static void
run_map(void)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	tpar_pool *pool = unit_pool(1, 4);
	intptr_t from[50] = { 0 };
	intptr_t to[50];

	options.flags = TPAR_BLOCKING;
	fault_begin();
	EXPECT(tpar_map_with(pool, &options, fill, from, sizeof from[0], to,
			     sizeof to[0], 50, NULL) == TPAR_OK ||
	       fault_any());
	fault_end();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(map_ends_whatever_fails)
{
	ck_assert_int_ge(fault_sweep_of(run_map, FAULT_MEMORY | FAULT_THREAD),
			 1);
}
END_TEST

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static int
wait_in_part(void *arg, void *value)
{
	tpar_future *f = NULL;
	enum tpar_err err;

	(void)arg;
	(void)value;
	tpar_blocking_enter();
	err = tpar_submit(NULL, nothing, NULL, 0, &f);
	if (err == TPAR_OK) {
		err = tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	}
	return (int)err;
}

static void
run_part(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[2] = { NULL, NULL };
	int i;

	fault_begin();
	for (i = 0; i < 2; i++) {
		EXPECT(tpar_submit(pool, wait_in_part, NULL, 0, &f[i]) ==
			       TPAR_OK ||
		       fault_any());
	}
	for (i = 0; i < 2; i++) {
		EXPECT(f[i] == NULL ||
		       tpar_future_wait(f[i], TPAR_FOREVER) == TPAR_OK ||
		       fault_any());
	}
	fault_end();
	tpar_future_unref_all(f, 2);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(parts_end_whatever_fails)
{
	ck_assert_int_ge(fault_sweep_of(run_part, FAULT_MEMORY | FAULT_THREAD),
			 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { trees_end_whatever_fails,
				 trees_run_in_full_without_threads,
				 map_ends_whatever_fails,
				 parts_end_whatever_fails };

	return fault_main("fault_blocking", tests,
			  sizeof tests / sizeof tests[0], 20);
}
