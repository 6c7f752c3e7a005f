/* SPDX-License-Identifier: MIT */
/*
 * test_group_refused.c - what groups refuse, and that it leaves
 * everything as it was.
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

START_TEST(closed_group_refuses_everything_and_takes_nothing)
{
	struct tpar_task task = scene_droppable(count, NULL, 0);
	tpar_future *mark = (tpar_future *)(void *)&task;
	tpar_future *f[2] = { mark, mark };
	struct tpar_failure failure;
	tpar_group *g = group_in(NULL);
	size_t n = 5;

	close_well(g);
	memset(&failure, 0x5a, sizeof failure);
	ck_assert_int_eq(tpar_group_close(g, &failure, 1, &n), TPAR_ECLOSED);
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(failure.message[0], 0x5a);
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_group_run(g, count, NULL), TPAR_ECLOSED);
	task.group = g;
	ck_assert_int_eq(tpar_submit_task(NULL, &task, &f[0]), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 2, f),
			 TPAR_ECLOSED);
	task.deadline_ns = tpar_in(3600 * TPAR_SECOND);
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_ECLOSED);
	task.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f[0]), TPAR_ECLOSED);
	ck_assert_ptr_eq(f[0], mark);
	ck_assert_ptr_eq(f[1], mark);
	ck_assert_int_eq(tpar_group_cancel(g, "late"), TPAR_EALREADY);
	ck_assert_int_eq(tpar_group_fail(g, 5, "late"), TPAR_EALREADY);
	ck_assert(!tpar_group_cancelled(g));
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

struct closer {
	tpar_group *g;
	enum tpar_err err;
};

static int
close_as_child(void *arg, void *value)
{
	struct closer *self = arg;
	size_t n = 3;

	(void)value;
	self->err = tpar_group_close(self->g, NULL, 0, &n);
	UNIT_MUST(n == 3);
	return 0;
}

START_TEST(child_cannot_close_its_own_group)
{
	struct closer closer = { group_in(NULL), TPAR_OK };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;

	task.fn = close_as_child;
	task.arg = &closer;
	ck_assert_int_eq(tpar_group_submit(closer.g, &task, &f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(closer.err, TPAR_EDEADLK);
	/* Nothing was touched. */
	ck_assert(!tpar_group_cancelled(closer.g));
	ck_assert_int_eq(tpar_group_run(closer.g, count, NULL), TPAR_OK);
	close_well(closer.g);
	ck_assert_int_eq(atomic_load(&runs), 1);
	tpar_group_destroy(closer.g);
}
END_TEST

static int
open_around_a_closer(void *arg, void *value)
{
	struct closer closer = { group_in(NULL), TPAR_OK };
	struct tpar_task task = TPAR_TASK_INIT;

	(void)arg;
	(void)value;
	task.fn = close_as_child;
	task.arg = &closer;
	UNIT_MUST(tpar_group_submit(closer.g, &task, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_close(closer.g, NULL, 0, NULL) == TPAR_OK);
	UNIT_MUST(closer.err == TPAR_EDEADLK);
	tpar_group_destroy(closer.g);
	return 0;
}

START_TEST(child_cannot_close_the_group_that_is_being_closed_below_it)
{
	tpar_pool *one = unit_pool(1, 1);

	unit_run_in(one, open_around_a_closer, NULL);
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

static void *
close_on_a_thread(void *arg)
{
	struct closer *self = arg;

	self->err = tpar_group_close(self->g, NULL, 0, NULL);
	return NULL;
}

/* Of two one closes; both return, whoever comes first. */
START_TEST(group_is_closed_by_one_of_two)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct closer closer[2];
	tpar_group *g = group_in(NULL);
	pthread_t thread[2];
	int i;

	ck_assert_int_eq(tpar_group_run(g, unit_hold_task, &hold), TPAR_OK);
	for (i = 0; i < 2; i++) {
		closer[i].g = g;
		closer[i].err = TPAR_OK;
		thread[i] = unit_start(close_on_a_thread, &closer[i]);
	}
	unit_gate_await(&hold.begun, 1);
	unit_gate_open(&hold.go);
	unit_join(thread[0]);
	unit_join(thread[1]);
	ck_assert_int_eq(closer[0].err + closer[1].err, TPAR_ECLOSED);
	tpar_group_destroy(g);
}
END_TEST

/* ---- Bad input ----------------------------------------------------------- */

START_TEST(bad_input_is_named_and_changes_nothing)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *mark = (tpar_group *)(void *)&task;
	tpar_future *f = (tpar_future *)(void *)&task;
	tpar_group *g = mark;

	task.fn = count;
	ck_assert_int_eq(tpar_group_open(NULL, &config), TPAR_EINVAL);
	config.size--;
	ck_assert_int_eq(tpar_group_open(&g, &config), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.size"));
	ck_assert_ptr_eq(g, mark);
	ck_assert_int_eq(tpar_group_submit(NULL, &task, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_group_run(NULL, count, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_group_cancel(NULL, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_group_fail(NULL, 1, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_group_close(NULL, NULL, 0, NULL), TPAR_EINVAL);

	g = group_in(NULL);
	ck_assert_int_eq(tpar_group_submit(g, NULL, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_group_run(g, NULL, NULL), TPAR_EINVAL);
	task.size++;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f), TPAR_EINVAL);
	task.size--;
	task.flags = 0x40;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f), TPAR_EINVAL);
	task.flags = 0;
	task.value_align = 3;
	ck_assert_int_eq(tpar_group_submit(g, &task, &f), TPAR_EINVAL);
	ck_assert_ptr_eq((void *)f, (void *)&task);
	ck_assert_int_eq(tpar_group_close(g, NULL, 1, NULL), TPAR_EINVAL);
	/* It is still open. */
	ck_assert_int_eq(tpar_group_run(g, count, NULL), TPAR_OK);
	close_well(g);
	ck_assert_int_eq(atomic_load(&runs), 1);
	tpar_group_destroy(g);
}
END_TEST

START_TEST(submit_that_the_pool_refuses_leaves_the_group_as_it_was)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = scene_droppable(scene_fail_with, NULL, 0);
	struct tpar_failure why;
	tpar_pool *small = NULL;
	tpar_group *g;
	size_t n = 0;

	config.workers = 1;
	config.queue_limit = 1;
	ck_assert_int_eq(tpar_pool_create(&small, &config), TPAR_OK);
	g = group_in(small);
	ck_assert_int_eq(tpar_group_run(g, unit_hold_task, &hold), TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_group_run(g, count, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_EAGAIN);
	unit_gate_open(&hold.go);
	task.arg = (void *)(intptr_t)5;
	/* ENDS: the worker takes what is queued. */
	while (tpar_group_submit(g, &task, NULL) == TPAR_EAGAIN) {
		sched_yield();
	}
	ck_assert_int_eq(tpar_group_close(g, &why, 1, &n), TPAR_EFAILED);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(why.index, 2);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_pool_destroy(small), TPAR_OK);
}
END_TEST

START_TEST(group_of_a_pool_that_was_shut_down_takes_nothing)
{
	struct tpar_task task = scene_droppable(count, NULL, 0);
	tpar_pool *other = unit_pool(1, 1);
	tpar_group *g = group_in(other);

	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_shutdown(other, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_group_submit(g, &task, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	close_well(g);
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&runs), 1);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		closed_group_refuses_everything_and_takes_nothing,
		child_cannot_close_its_own_group,
		child_cannot_close_the_group_that_is_being_closed_below_it,
		group_is_closed_by_one_of_two,
		bad_input_is_named_and_changes_nothing,
		submit_that_the_pool_refuses_leaves_the_group_as_it_was,
		group_of_a_pool_that_was_shut_down_takes_nothing,
	};

	return unit_main("group_refused", tests,
			 sizeof tests / sizeof tests[0]);
}
