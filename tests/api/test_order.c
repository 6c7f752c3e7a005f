/* SPDX-License-Identifier: MIT */
/*
 * test_order.c - completion and order: what a set gives back, and when.
 */
#include "scene.h"

#include <string.h>

enum { FEW = 8, MANY = 100000 };

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

START_TEST(empty_set_is_complete_at_once)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	struct tpar_failure before;

	memset(&why, 0x5a, sizeof why);
	before = why;
	ck_assert_int_eq(tpar_gather(NULL, 0, NULL, &why), TPAR_OK);
	ck_assert_int_eq(tpar_gather_until(NULL, 0, NULL, TPAR_NOW, &why),
			 TPAR_OK);
	ck_assert_int_eq(tpar_gather_settled(NULL, 0, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(NULL, 0, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(tpar_map(NULL, nothing, NULL, 0, NULL, 0, 0, &why),
			 TPAR_OK);
	task.fn = nothing;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 0, NULL),
			 TPAR_OK);
	ck_assert_mem_eq(&why, &before, sizeof why);
}
END_TEST

/* Task i ends only after task i + 1 has. */
struct domino {
	struct unit_gate *next;
	struct unit_gate own;
	intptr_t number;
};

static int
end_after_next(void *arg, void *value)
{
	struct domino *domino = arg;

	if (domino->next != NULL) {
		unit_gate_await(domino->next, 1);
	}
	*(intptr_t *)value = domino->number;
	unit_gate_open(&domino->own);
	return 0;
}

START_TEST(values_stand_by_position_whatever_ends_first)
{
	tpar_pool *pool = unit_pool(FEW, 1);
	struct domino domino[FEW];
	intptr_t values[FEW];
	tpar_future *f[FEW];
	int i;

	for (i = FEW - 1; i >= 0; i--) {
		struct domino one = { .own = UNIT_GATE_INIT,
				      .number = 100 + i };

		domino[i] = one;
		domino[i].next = i + 1 < FEW ? &domino[i + 1].own : NULL;
		f[i] = unit_submit(pool, end_after_next, &domino[i],
				   sizeof values[0]);
	}
	ck_assert_int_eq(tpar_gather(f, FEW, values, NULL), TPAR_OK);
	for (i = 0; i < FEW; i++) {
		ck_assert_int_eq(values[i], 100 + i);
	}
	tpar_future_unref_all(f, FEW);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(set_is_not_complete_before_its_last_member)
{
	struct scene scene;
	tpar_future *f[3];
	int i;

	scene_stall(&scene);
	f[0] = unit_submit(NULL, nothing, NULL, 0);
	f[1] = unit_submit(scene.pool, nothing, NULL, 0);
	f[2] = unit_submit(NULL, nothing, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f[2], TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_wait_all(f, 3, tpar_in(1)), TPAR_ETIMEDOUT);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
	}
	tpar_future_unref_all(f, 3);
	scene_end(&scene);
}
END_TEST

START_TEST(position_in_the_array_counts_not_the_order_of_submits)
{
	intptr_t values[FEW];
	tpar_future *f[FEW];
	int i;

	for (i = 0; i < FEW; i++) {
		int place = i * 3 % FEW;

		f[place] =
			unit_submit(NULL, unit_number_task,
				    (void *)(intptr_t)place, sizeof values[0]);
	}
	ck_assert_int_eq(tpar_gather(f, FEW, values, NULL), TPAR_OK);
	for (i = 0; i < FEW; i++) {
		ck_assert_int_eq(values[i], i);
	}
	tpar_future_unref_all(f, FEW);
}
END_TEST

static _Atomic int runs;

/* Waits to be let go; its value is how often it has run. */
static int
count_run(void *arg, void *value)
{
	unit_gate_await(arg, 1);
	*(int *)value = atomic_fetch_add(&runs, 1) + 1;
	return 0;
}

/*
 * Gathers one future several times; it ends only after the set was entered,
 * because a member that is run in place lets it go.
 */
static int
gather_the_same(void *arg, void *value)
{
	struct unit_gate go = UNIT_GATE_INIT;
	struct scene *scene = arg;
	tpar_future *f[6];
	int values[6] = { 0 };
	int i;

	(void)value;
	f[0] = scene_submit_elsewhere(NULL, count_run, &go, sizeof values[0]);
	for (i = 1; i < 5; i++) {
		f[i] = f[0];
	}
	f[5] = unit_submit(scene->pool, scene_open_gate, &go, sizeof values[0]);
	UNIT_MUST(tpar_gather(f, 6, values, NULL) == TPAR_OK);
	for (i = 0; i < 5; i++) {
		UNIT_MUST(values[i] == 1);
	}
	/* And once more when all have ended. */
	UNIT_MUST(tpar_gather(f, 5, values, NULL) == TPAR_OK);
	UNIT_MUST(tpar_wait_all(f, 5, TPAR_NOW) == TPAR_OK);
	tpar_future_unref(f[0]);
	tpar_future_unref(f[5]);
	return 0;
}

START_TEST(same_future_fills_each_of_its_slots_and_runs_once)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct scene scene;

	scene_stall(&scene);
	unit_run_in(pool, gather_the_same, &scene);
	ck_assert_int_eq(atomic_load(&runs), 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(value_that_is_owned_moves_once)
{
	intptr_t values[3] = { -1, -1, -1 };
	struct tpar_failure why;
	tpar_future *f[3];

	f[0] = scene_submit_droppable(NULL, unit_number_task, (void *)5,
				      sizeof(intptr_t));
	f[1] = scene_submit_droppable(NULL, unit_number_task, (void *)6,
				      sizeof(intptr_t));
	f[2] = f[0];
	/* The second slot has nothing to be filled with: nothing moves. */
	ck_assert_int_eq(tpar_gather(f, 3, values, &why), TPAR_EALREADY);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.code, TPAR_EALREADY);
	ck_assert_int_eq(values[0] + values[1] + values[2], -3);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	ck_assert_ptr_nonnull(tpar_future_value(f[1]));
	ck_assert_int_eq(tpar_gather(f, 2, values, &why), TPAR_OK);
	ck_assert_int_eq(values[0], 5);
	ck_assert_int_eq(values[1], 6);
	/* What has moved is gone for everybody else. */
	ck_assert_ptr_null(tpar_future_value(f[0]));
	ck_assert_int_eq(tpar_gather(f, 1, &values[2], NULL), TPAR_EALREADY);
	ck_assert_int_eq(tpar_future_take(f[1], &values[2]), TPAR_EALREADY);
	ck_assert_int_eq(values[2], -1);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

struct gatherer {
	tpar_future **f;
	intptr_t sum;
};

static void *
gather_and_add(void *arg)
{
	struct gatherer *gatherer = arg;
	intptr_t values[FEW];
	int i;

	UNIT_MUST(tpar_gather(gatherer->f, FEW, values, NULL) == TPAR_OK);
	for (i = 0; i < FEW; i++) {
		gatherer->sum += values[i];
	}
	return NULL;
}

START_TEST(same_futures_may_be_in_several_sets_at_once)
{
	struct gatherer gatherer[4];
	tpar_future *f[FEW];
	pthread_t thread[4];
	struct scene scene;
	int i;

	scene_stall(&scene);
	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(scene.pool, unit_number_task,
				   (void *)(intptr_t)i, sizeof(intptr_t));
	}
	for (i = 0; i < 4; i++) {
		gatherer[i].f = f;
		gatherer[i].sum = 0;
		thread[i] = unit_start(gather_and_add, &gatherer[i]);
	}
	scene_let_go(&scene);
	for (i = 0; i < 4; i++) {
		unit_join(thread[i]);
		ck_assert_int_eq(gatherer[i].sum, FEW * (FEW - 1) / 2);
	}
	tpar_future_unref_all(f, FEW);
	scene_end(&scene);
}
END_TEST

START_TEST(set_of_ended_futures_is_complete_without_waiting)
{
	tpar_pool *pool = unit_pool(1, 1);
	intptr_t values[FEW];
	tpar_future *f[FEW];
	int i;

	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(pool, unit_number_task, (void *)(intptr_t)i,
				   sizeof(intptr_t));
	}
	ck_assert_int_eq(tpar_wait_all(f, FEW, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	/* Nobody is left who could end anything. */
	ck_assert_int_eq(tpar_gather_until(f, FEW, values, TPAR_NOW, NULL),
			 TPAR_OK);
	for (i = 0; i < FEW; i++) {
		ck_assert_int_eq(values[i], i);
	}
	tpar_future_unref_all(f, FEW);
}
END_TEST

struct mixture {
	tpar_pool *pool[4];
	tpar_future *f[4 * FEW];
};

static int
gather_mixture(void *arg, void *value)
{
	struct mixture *mixture = arg;
	intptr_t values[4 * FEW];
	intptr_t i;

	(void)value;
	UNIT_MUST(tpar_gather(mixture->f, (size_t)4 * FEW, values, NULL) ==
		  TPAR_OK);
	for (i = 0; i < 4 * FEW; i++) {
		UNIT_MUST(values[i] == i);
	}
	return 0;
}

static void
make_mixture(struct mixture *mixture)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	intptr_t i;

	for (i = 0; i < 3; i++) {
		mixture->pool[i] = unit_pool((unsigned)i % 2 + 1, 1);
	}
	config.workers = 1;
	config.own_threads_only = true;
	ck_assert_int_eq(tpar_pool_create(&mixture->pool[3], &config), TPAR_OK);
	for (i = 0; i < 4 * FEW; i++) {
		mixture->f[i] =
			unit_submit(mixture->pool[i % 4], unit_number_task,
				    (void *)i, sizeof(intptr_t));
	}
}

START_TEST(futures_of_several_pools_make_one_set)
{
	struct mixture mixture;
	int round;
	int i;

	/* From outside, and in a task of one of the pools. */
	for (round = 0; round < 2; round++) {
		make_mixture(&mixture);
		if (round == 0) {
			ck_assert_int_eq(gather_mixture(&mixture, NULL), 0);
		} else {
			unit_run_in(mixture.pool[0], gather_mixture, &mixture);
		}
		tpar_future_unref_all(mixture.f, (size_t)4 * FEW);
		for (i = 0; i < 4; i++) {
			ck_assert_int_eq(tpar_pool_destroy(mixture.pool[i]),
					 TPAR_OK);
		}
	}
}
END_TEST

static int
give_pointer(void *arg, void *value)
{
	*(void **)value = arg;
	return 0;
}

START_TEST(null_is_a_value_like_any_other)
{
	void *values[2] = { values, values };
	tpar_future *f[2];

	f[0] = unit_submit(NULL, give_pointer, NULL, sizeof(void *));
	f[1] = unit_submit(NULL, give_pointer, f, sizeof(void *));
	ck_assert_int_eq(tpar_gather(f, 2, values, NULL), TPAR_OK);
	ck_assert_ptr_null(values[0]);
	ck_assert_ptr_eq(values[1], f);
	ck_assert_ptr_nonnull(tpar_future_value(f[0]));
	tpar_future_unref_all(f, 2);
}
END_TEST

START_TEST(wait_for_all_goes_on_after_a_bad_end)
{
	struct scene scene;
	tpar_future *f[3];

	scene_stall(&scene);
	f[0] = unit_submit(scene.pool, nothing, NULL, 0);
	f[1] = unit_submit(scene.pool, nothing, NULL, 1);
	f[2] = unit_submit(NULL, unit_hold_task, &scene.hold, 2);
	scene.hold.code = 5;
	ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_PENDING);
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_FAILED);
	tpar_future_unref_all(f, 3);
	scene_end(&scene);
}
END_TEST

START_TEST(large_set_in_one_call)
{
	size_t n = (size_t)unit_scaled(MANY);
	tpar_future **f = malloc(n * sizeof(tpar_future *));
	intptr_t *values = malloc(n * sizeof *values);
	tpar_pool *pool = unit_pool(2, 1);
	size_t i;

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(values);
	for (i = 0; i < n; i++) {
		f[i] = unit_submit(pool, unit_number_task, (void *)i,
				   sizeof *values);
	}
	ck_assert_int_eq(tpar_gather(f, n, values, NULL), TPAR_OK);
	for (i = 0; i < n; i++) {
		if (values[i] != (intptr_t)i) {
			ck_abort_msg("values[%zu] is wrong", i);
		}
	}
	tpar_future_unref_all(f, n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	free(values);
	free((void *)f);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		empty_set_is_complete_at_once,
		values_stand_by_position_whatever_ends_first,
		set_is_not_complete_before_its_last_member,
		position_in_the_array_counts_not_the_order_of_submits,
		same_future_fills_each_of_its_slots_and_runs_once,
		value_that_is_owned_moves_once,
		same_futures_may_be_in_several_sets_at_once,
		set_of_ended_futures_is_complete_without_waiting,
		futures_of_several_pools_make_one_set,
		null_is_a_value_like_any_other,
		wait_for_all_goes_on_after_a_bad_end,
		large_set_in_one_call,
	};

	return unit_main("order", tests, sizeof tests / sizeof tests[0]);
}
