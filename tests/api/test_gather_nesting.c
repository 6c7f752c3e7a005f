/* SPDX-License-Identifier: MIT */
/*
 * test_gather_nesting.c - sets of sets: as deep as one likes on one worker, to
 * and fro between pools; maps of maps; and very large ones.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum { DEPTH = 10000, MANY = 1000000 };

/* One level: gathers the next one, of the other pool, and counts it. */
struct level {
	tpar_pool *pool[2]; /* NULL: the task's own */
	long left;
	unsigned flags;
};

static int
go_down(void *arg, void *value)
{
	struct level *level = arg;
	struct level next = *level;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	long depth = 0;
	enum tpar_err err;

	if (level->left > 0) {
		next.left--;
		task.fn = go_down;
		task.arg = &next;
		task.value_size = sizeof depth;
		task.flags = level->flags;
		f = unit_submit_task(level->pool[level->left % 2], &task);
		err = tpar_gather(&f, 1, &depth, NULL);
		tpar_future_unref(f);
		if (err != TPAR_OK) {
			return (int)err;
		}
	}
	*(long *)value = depth + 1;
	return 0;
}

static long
depth_reached(tpar_pool *pool, struct level *level)
{
	tpar_future *f = unit_submit(pool, go_down, level, sizeof(long));
	long depth = 0;

	ck_assert_int_eq(tpar_gather(&f, 1, &depth, NULL), TPAR_OK);
	tpar_future_unref(f);
	return depth;
}

/* As a user would make it: stacks and limits are the defaults. */
static tpar_pool *
plain_pool(unsigned workers, bool own_threads_only)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.own_threads_only = own_threads_only;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	return pool;
}

START_TEST(one_worker_goes_down_as_deep_as_asked)
{
	struct level level = { { NULL, NULL }, DEPTH, 0 };
	tpar_pool *pool = plain_pool(1, false);

	ck_assert_int_eq(depth_reached(pool, &level), DEPTH + 1);
	ck_assert_int_eq(depth_reached(pool, &level), DEPTH + 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deep_sets_need_no_large_stack)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct level level = { { NULL, NULL }, unit_scaled(1000), 0 };
	tpar_pool *pool;

	config.workers = 1;
	config.stack_size = (size_t)128 * 1024;
	config.blocking_limit = 1000;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	ck_assert_int_eq(depth_reached(pool, &level), level.left + 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(two_pools_of_one_worker_wait_for_each_other)
{
	struct level level = { { NULL, NULL }, unit_scaled(2000), 0 };
	tpar_pool *left = plain_pool(1, false);
	tpar_pool *right = plain_pool(1, false);

	level.pool[0] = left;
	level.pool[1] = right;
	ck_assert_int_eq(depth_reached(left, &level), level.left + 1);
	ck_assert_int_eq(depth_reached(right, &level), level.left + 1);
	ck_assert_int_eq(tpar_pool_destroy(left), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(right), TPAR_OK);
}
END_TEST

START_TEST(pools_that_keep_to_their_threads_wait_for_each_other)
{
	struct level level = { { NULL, NULL }, 60, 0 };
	tpar_pool *left = plain_pool(1, true);
	tpar_pool *right = plain_pool(1, true);

	level.pool[0] = left;
	level.pool[1] = right;
	ck_assert_int_eq(depth_reached(left, &level), 61);
	ck_assert_int_eq(tpar_pool_destroy(left), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(right), TPAR_OK);
}
END_TEST

START_TEST(pools_whose_threads_are_used_up_end_all_the_same)
{
	struct level level = { { NULL, NULL }, 20, 0 };
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool[2];
	enum tpar_err err;
	long depth = 0;
	tpar_future *f;
	int i;

	config.workers = 1;
	config.blocking_limit = 2;
	config.own_threads_only = true;
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_pool_create(&pool[i], &config), TPAR_OK);
		level.pool[i] = pool[i];
	}
	/*
	 * Twenty deep on six threads: whoever gets none is cancelled.  If those
	 * that wait were quick enough to help each other, none is needed.
	 */
	f = unit_submit(pool[0], go_down, &level, sizeof depth);
	err = tpar_gather(&f, 1, &depth, NULL);
	ck_assert(err == TPAR_EFAILED || (err == TPAR_OK && depth == 21));
	tpar_future_unref(f);
	level.left = 3;
	ck_assert_int_eq(depth_reached(pool[0], &level), 4);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_pool_destroy(pool[i]), TPAR_OK);
	}
}
END_TEST

/* A tree of sets: its value is the number of leaves. */
struct tree {
	int height;
	int width;
};

static int
count_leaves(void *arg, void *value)
{
	struct tree *tree = arg;
	struct tree below = { tree->height - 1, tree->width };
	tpar_future *f[8];
	long leaves[8];
	long sum = 0;
	int i;

	if (tree->height == 0) {
		*(long *)value = 1;
		return 0;
	}
	for (i = 0; i < tree->width; i++) {
		f[i] = unit_submit(NULL, count_leaves, &below, sizeof sum);
	}
	UNIT_MUST(tpar_gather(f, (size_t)tree->width, leaves, NULL) == TPAR_OK);
	tpar_future_unref_all(f, (size_t)tree->width);
	for (i = 0; i < tree->width; i++) {
		sum += leaves[i];
	}
	*(long *)value = sum;
	return 0;
}

static void
grow(unsigned workers, int height, int width, long leaves)
{
	struct tree tree = { height, width };
	tpar_pool *pool = plain_pool(workers, false);
	tpar_future *f = unit_submit(pool, count_leaves, &tree, sizeof leaves);
	long counted = 0;

	ck_assert_int_eq(tpar_gather(&f, 1, &counted, NULL), TPAR_OK);
	ck_assert_int_eq(counted, leaves);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(trees_of_sets_add_up)
{
	grow(1, 5, 8, 32768);
	grow(2, 5, 8, 32768);
	grow(4, 12, 2, 4096);
	grow(3, 500, 1, 1);
}
END_TEST

/* A map of maps: each adds up what those below it give. */
static int
map_below(void *arg, void *value)
{
	int height = *(int *)arg;
	int below = height - 1;
	long sums[6];
	int i;

	if (height == 0) {
		*(long *)value = 1;
		return 0;
	}
	UNIT_MUST(tpar_map(NULL, map_below, &below, 0, sums, sizeof sums[0], 6,
			   NULL) == TPAR_OK);
	for (i = 0; i < 6; i++) {
		*(long *)value += sums[i];
	}
	return 0;
}

START_TEST(maps_may_be_nested)
{
	int height = 5;
	unsigned workers;
	long sum;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 20);

		ck_assert_int_eq(tpar_map(pool, map_below, &height, 0, &sum,
					  sizeof sum, 1, NULL),
				 TPAR_OK);
		ck_assert_int_eq(sum, 7776);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(very_large_set_is_one_call)
{
	size_t n = (size_t)unit_scaled(MANY);
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future **f = calloc(n, sizeof(tpar_future *));
	intptr_t *values = malloc(n * sizeof *values);
	tpar_pool *pool = plain_pool(2, false);
	size_t i;

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(values);
	task.fn = unit_number_task;
	task.value_size = sizeof *values;
	ck_assert_int_eq(tpar_submit_many(pool, &task, values, sizeof *values,
					  n, f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, n, values, NULL), TPAR_OK);
	for (i = 0; i < n; i++) {
		if (values[i] != (intptr_t)&values[i]) {
			ck_abort_msg("values[%zu] is wrong", i);
		}
	}
	ck_assert_int_eq(tpar_gather_settled(f, n, values, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, n, TPAR_NOW), TPAR_OK);
	tpar_future_unref_all(f, n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	free(values);
	free(f);
}
END_TEST

/* In a task: its own queue overflows, and what is left is waited for. */
static int
gather_large(void *arg, void *value)
{
	size_t n = *(size_t *)arg;
	tpar_future **f = calloc(n, sizeof(tpar_future *));
	size_t i;

	(void)value;
	UNIT_MUST(f != NULL);
	for (i = 0; i < n; i++) {
		f[i] = unit_submit(NULL, unit_number_task, (void *)i,
				   sizeof(intptr_t));
	}
	UNIT_MUST(tpar_gather(f, n, NULL, NULL) == TPAR_OK);
	for (i = 0; i < n; i++) {
		UNIT_MUST(*(const size_t *)tpar_future_value(f[i]) == i);
	}
	tpar_future_unref_all(f, n);
	free(f);
	return 0;
}

START_TEST(very_large_set_of_a_task_is_too)
{
	size_t n = (size_t)unit_scaled(MANY / 5);
	unsigned workers;

	for (workers = 1; workers <= 2; workers++) {
		tpar_pool *pool = plain_pool(workers, false);

		unit_run_in(pool, gather_large, &n);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

enum { GATHERERS = 3, SET = 64 };

struct gatherer {
	tpar_future **f;
	intptr_t sum;
};

static void *
gather_all(void *arg)
{
	struct gatherer *gatherer = arg;
	intptr_t values[SET];
	int i;

	UNIT_MUST(tpar_gather(gatherer->f, SET, values, NULL) == TPAR_OK);
	for (i = 0; i < SET; i++) {
		gatherer->sum += values[i];
	}
	return NULL;
}

START_TEST(several_threads_may_gather_the_same_set)
{
	tpar_pool *pool = plain_pool(2, false);
	long round;
	int i;

	for (round = 0; round < unit_scaled(50); round++) {
		struct gatherer gatherer[GATHERERS];
		pthread_t thread[GATHERERS];
		tpar_future *f[SET];

		for (i = 0; i < SET; i++) {
			f[i] = unit_submit(pool, unit_number_task,
					   (void *)(intptr_t)i,
					   sizeof(intptr_t));
		}
		for (i = 0; i < GATHERERS; i++) {
			gatherer[i] = (struct gatherer) { f, 0 };
			thread[i] = unit_start(gather_all, &gatherer[i]);
		}
		for (i = 0; i < GATHERERS; i++) {
			unit_join(thread[i]);
			ck_assert_int_eq(gatherer[i].sum, SET * (SET - 1) / 2);
		}
		tpar_future_unref_all(f, SET);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		one_worker_goes_down_as_deep_as_asked,
		deep_sets_need_no_large_stack,
		two_pools_of_one_worker_wait_for_each_other,
		pools_that_keep_to_their_threads_wait_for_each_other,
		pools_whose_threads_are_used_up_end_all_the_same,
		trees_of_sets_add_up,
		maps_may_be_nested,
		very_large_set_is_one_call,
		very_large_set_of_a_task_is_too,
		several_threads_may_gather_the_same_set,
	};

	return unit_main("gather_nesting", tests,
			 sizeof tests / sizeof tests[0]);
}
