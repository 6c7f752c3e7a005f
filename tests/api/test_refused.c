/* SPDX-License-Identifier: MIT */
/*
 * test_refused.c - what is refused changes nothing: bad sets, sizes that
 * overflow, submits to a pool that is full or closed.
 */
#include "scene.h"

#include <string.h>

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

START_TEST(bad_member_in_the_middle_leaves_all_others_alone)
{
	intptr_t values[3] = { -1, -1, -1 };
	struct tpar_failure why;
	struct scene scene;
	tpar_future *f[3];

	scene_stall(&scene);
	f[0] = unit_submit(scene.pool, unit_number_task, (void *)7,
			   sizeof(intptr_t));
	f[1] = NULL;
	f[2] = unit_submit(scene.pool, unit_number_task, (void *)9,
			   sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather(f, 3, values, &why), TPAR_EINVAL);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "f[1]"));
	ck_assert_int_eq(tpar_gather_settled(f, 3, values, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_PENDING);
	ck_assert_int_eq(values[0] + values[1] + values[2], -3);
	f[1] = f[0];
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_gather(f, 3, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[0] + values[1] + values[2], 7 + 7 + 9);
	tpar_future_unref(f[0]);
	tpar_future_unref(f[2]);
	scene_end(&scene);
}
END_TEST

START_TEST(members_of_mixed_sizes_are_refused_untouched)
{
	struct tpar_outcome outcomes[2];
	struct tpar_failure why;
	char values[64] = { 1 };
	struct scene scene;
	tpar_future *f[2];

	scene_stall(&scene);
	f[0] = unit_submit(scene.pool, nothing, NULL, sizeof(intptr_t));
	f[1] = unit_submit(scene.pool, nothing, NULL, 16);
	ck_assert_int_eq(tpar_gather(f, 2, values, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "16 bytes"));
	ck_assert_int_eq(tpar_gather_settled(f, 2, NULL, outcomes),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert_int_eq(values[0], 1);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 1, values, NULL), TPAR_OK);
	ck_assert_int_eq(values[0], 0);
	tpar_future_unref_all(f, 2);
	scene_end(&scene);
}
END_TEST

START_TEST(overflowing_sizes_are_refused)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f = NULL;
	long value = 0;

	ck_assert_int_eq(tpar_map(NULL, nothing, &value, 16, &value, 8,
				  SIZE_MAX / 8, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_int_eq(tpar_map(NULL, nothing, NULL, 0, &value, 8,
				  SIZE_MAX / 4, &why),
			 TPAR_EINVAL);
	task.fn = nothing;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, &value, 16, SIZE_MAX / 8,
					  &f),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_submit(NULL, nothing, NULL, SIZE_MAX, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

static struct tpar_pool_config
limited_to(size_t limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = 1;
	config.queue_limit = limit;
	return config;
}

START_TEST(refused_submit_takes_nothing)
{
	struct tpar_pool_config config = limited_to(2);
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f[4] = { NULL };
	struct tpar_task task;
	tpar_pool *pool;

	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	f[0] = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	task = scene_droppable(nothing, &hold, 0);
	/* All of a batch or none of it. */
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 3, &f[1]),
			 TPAR_EAGAIN);
	ck_assert_ptr_null(f[1]);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, &f[1]),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f[3]), TPAR_EAGAIN);
	ck_assert_ptr_null(f[3]);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f[3]), TPAR_ECLOSED);
	ck_assert_ptr_null(f[3]);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
square(void *arg, void *value)
{
	intptr_t x = *(intptr_t *)arg;

	*(intptr_t *)value = x * x;
	return 0;
}

START_TEST(map_runs_every_item_whatever_the_limit)
{
	struct tpar_pool_config config = limited_to(1);
	struct tpar_failure why;
	intptr_t squares[100];
	intptr_t args[100];
	tpar_pool *pool;
	intptr_t i;

	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	for (i = 0; i < 100; i++) {
		args[i] = i;
	}
	ck_assert_int_eq(tpar_map(pool, square, args, sizeof args[0], squares,
				  sizeof squares[0], 100, NULL),
			 TPAR_OK);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(squares[i], i * i);
	}
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_map(pool, square, args, sizeof args[0], args,
				  sizeof args[0], 100, &why),
			 TPAR_ECLOSED);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_ECLOSED);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(args[i], i);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bad_member_in_the_middle_leaves_all_others_alone,
		members_of_mixed_sizes_are_refused_untouched,
		overflowing_sizes_are_refused,
		refused_submit_takes_nothing,
		map_runs_every_item_whatever_the_limit,
	};

	return unit_main("refused", tests, sizeof tests / sizeof tests[0]);
}
