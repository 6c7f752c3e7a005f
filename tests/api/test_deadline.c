/* SPDX-License-Identifier: MIT */
/*
 * test_deadline.c - tasks and other futures that are cancelled at a given time
 * unless they have ended.
 */
#include "groups.h"
#include "threads.h"

enum { HOUR = 3600 };

static tpar_future *
submit_until(tpar_pool *pool, tpar_task_fn fn, void *arg, int64_t deadline_ns)
{
	struct tpar_task task = scene_droppable(fn, arg, 8);

	task.deadline_ns = deadline_ns;
	return unit_submit_task(pool, &task);
}

static void
check_never_ran(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_ESTOPPED);
	ck_assert_ptr_null(tpar_future_value(f));
}

/* ---- Tasks --------------------------------------------------------------- */

static _Atomic int runs;

static int
count(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
submit_late(void)
{
	int64_t past[] = { TPAR_NOW, INT64_MIN, 1, tpar_in(0) };
	struct tpar_task task = scene_droppable(count, NULL, 8);
	tpar_future *f[5];
	size_t i;
	size_t k;

	for (i = 0; i < 4; i++) {
		task.deadline_ns = past[i];
		f[0] = unit_submit_task(NULL, &task);
		UNIT_MUST(tpar_submit_task(NULL, &task, NULL) == TPAR_OK);
		UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 4, &f[1]) ==
			  TPAR_OK);
		UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 4, NULL) ==
			  TPAR_OK);
		/* At once, before anybody waits. */
		for (k = 0; k < 5; k++) {
			check_never_ran(f[k]);
		}
		tpar_future_unref_all(f, 5);
	}
}

static int
submit_late_here(void *arg, void *value)
{
	(void)arg;
	(void)value;
	submit_late();
	return 0;
}

START_TEST(task_whose_deadline_has_passed_never_begins)
{
	submit_late();
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 40);
	unit_run_in(NULL, submit_late_here, NULL);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 80);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

START_TEST(task_that_ends_in_time_is_done)
{
	tpar_future *f =
		submit_until(NULL, unit_number_task, (void *)(intptr_t)7,
			     tpar_in(HOUR * TPAR_SECOND));

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(*(const intptr_t *)tpar_future_value(f), 7);
	tpar_future_unref(f);
	f = submit_until(NULL, scene_fail_with, (void *)(intptr_t)7, INT64_MAX);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f), "code 7");
	tpar_future_unref(f);
	unit_end_default_pool();
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
	/* Nothing is pending, so nobody looks at it any more. */
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

START_TEST(task_that_has_not_begun_ends_at_its_deadline)
{
	struct scene scene;
	struct tpar_failure why;
	tpar_future *f;

	scene_stall(&scene);
	f = submit_until(scene.pool, count, NULL, tpar_in(TPAR_SECOND / 50));
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	check_never_ran(f);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_ptr_nonnull(strstr(why.message, "deadline"));
	tpar_future_unref(f);
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
}
END_TEST

START_TEST(task_that_runs_is_asked_to_stop_at_its_deadline)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	tpar_future *f = submit_until(NULL, group_listen, &listener,
				      tpar_in(TPAR_SECOND / 50));

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	/* It may have passed before the task began. */
	ck_assert(listener.reason[0] == '\0' ||
		  strstr(listener.reason, "deadline") != NULL);
	tpar_future_unref(f);
}
END_TEST

START_TEST(task_may_succeed_although_it_is_late)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = unit_submit(NULL, scene_until_stopped, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_SECOND / 100)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
}
END_TEST

START_TEST(one_deadline_serves_all_of_a_submit)
{
	struct tpar_task task = scene_droppable(count, NULL, 8);
	struct scene scene;
	tpar_future *f[100];
	int i;

	scene_stall(&scene);
	task.deadline_ns = tpar_in(TPAR_SECOND / 50);
	ck_assert_int_eq(tpar_submit_many(scene.pool, &task, NULL, 0, 100, f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(scene.pool, &task, NULL, 0, 100,
					  NULL),
			 TPAR_OK);
	/* One may go earlier by itself. */
	(void)tpar_future_cancel(f[50]);
	ck_assert_int_eq(tpar_wait_all(f, 100, TPAR_FOREVER), TPAR_OK);
	UNIT_AWAIT(atomic_load(&scene_arg_drops) == 200);
	for (i = 0; i < 100; i++) {
		check_never_ran(f[i]);
	}
	scene_let_go(&scene);
	scene_end(&scene);
	tpar_future_unref_all(f, 100);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 200);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

START_TEST(refused_submit_leaves_no_deadline_behind)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = scene_droppable(count, NULL, 8);
	tpar_future *mark = (tpar_future *)(void *)&task;
	tpar_future *f[2] = { mark, mark };
	tpar_pool *pool = NULL;
	tpar_future *held;

	config.workers = 1;
	config.queue_limit = 1;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	held = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	task.deadline_ns = tpar_in(HOUR * TPAR_SECOND);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, f),
			 TPAR_EAGAIN);
	task.value_align = 3;
	ck_assert_int_eq(tpar_submit_task(pool, &task, f), TPAR_EINVAL);
	task.value_align = 0;
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, f), TPAR_ECLOSED);
	task.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(tpar_submit_task(pool, &task, f), TPAR_ECLOSED);
	ck_assert_ptr_eq(f[0], mark);
	ck_assert_ptr_eq(f[1], mark);
	tpar_future_unref(held);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

/* ---- tpar_future_cancel_at() --------------------------------------------- */

START_TEST(bad_input_is_refused)
{
	tpar_future *f = unit_submit(NULL, count, NULL, 0);
	int64_t when[] = { TPAR_NOW, TPAR_FOREVER, 1, INT64_MAX };
	size_t i;

	ck_assert_int_eq(tpar_future_cancel_at(NULL, TPAR_NOW), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(tpar_future_cancel_at(f, when[i]),
				 TPAR_EALREADY);
	}
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
}
END_TEST

START_TEST(deadline_that_has_passed_cancels_at_once)
{
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	f = scene_submit_droppable(scene.pool, count, NULL, 0);
	ck_assert_int_eq(tpar_future_cancel_at(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(0)), TPAR_OK);
	check_never_ran(f);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	tpar_future_unref(f);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(earliest_of_several_deadlines_counts)
{
	struct scene scene;
	tpar_future *f;
	int i;

	scene_stall(&scene);
	f = submit_until(scene.pool, count, NULL, tpar_in(HOUR * TPAR_SECOND));
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(tpar_future_cancel_at(
					 f, tpar_in((HOUR + i) * TPAR_SECOND)),
				 TPAR_OK);
	}
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_SECOND / 50)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	scene_let_go(&scene);
	scene_end(&scene);
	unit_end_default_pool();
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

START_TEST(promise_is_cancelled_at_its_deadline)
{
	tpar_promise *p = NULL;
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_promise_create(0, NULL, &p, &f), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_SECOND / 50)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert(tpar_promise_cancelled(p));
	ck_assert_int_eq(tpar_promise_set(p, NULL), TPAR_EALREADY);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}
END_TEST

START_TEST(promise_that_is_completed_in_time_is_done)
{
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	int i;

	/* Its end is that of the thread which serves deadlines, too. */
	ck_assert_uint_gt(tpar_pool_workers(NULL), 0);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(tpar_promise_create(0, NULL, &p, &f), TPAR_OK);
		ck_assert_int_eq(
			tpar_future_cancel_at(f, tpar_in(HOUR * TPAR_SECOND)),
			TPAR_OK);
		if (i % 2 == 0) {
			tpar_future_unref(f); /* only the deadline holds it */
		}
		ck_assert_int_eq(tpar_promise_set(p, NULL), TPAR_OK);
		tpar_promise_destroy(p);
		if (i % 2 == 1) {
			ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
			tpar_future_unref(f);
		}
	}
}
END_TEST

START_TEST(deadline_of_a_gather_in_the_background_reaches_its_members)
{
	struct group_listener listener = group_listener(TPAR_ESTOPPED);
	tpar_future *f[2];
	tpar_future *all = NULL;
	struct scene scene;

	scene_stall(&scene);
	f[0] = unit_submit(NULL, group_listen, &listener, 0);
	f[1] = unit_submit(scene.pool, count, NULL, 0);
	unit_gate_await(&listener.hold.begun, 1);
	ck_assert_int_eq(tpar_gather_async(f, 2, &all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel_at(all, tpar_in(TPAR_SECOND / 50)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	tpar_future_unref(all);
	tpar_future_unref_all(f, 2);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

/* ---- Many ---------------------------------------------------------------- */

START_TEST(many_deadlines_may_be_pending)
{
	long n = unit_scaled(100000);
	tpar_future **f = calloc((size_t)n, sizeof(tpar_future *));
	struct scene scene;
	long i;

	ck_assert_ptr_nonnull((void *)f);
	scene_stall(&scene);
	for (i = 0; i < n; i++) {
		f[i] = submit_until(
			scene.pool, count, NULL,
			tpar_in((HOUR - i * 7919 % 1000) * TPAR_SECOND));
	}
	/* Half of them go, in no order; the others are run. */
	for (i = 0; i < n / 2; i++) {
		(void)tpar_future_cancel(f[i * 7919 % n]);
	}
	scene_let_go(&scene);
	ck_assert_int_eq(tpar_wait_all(f, (size_t)n, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, (size_t)n);
	free((void *)f);
	scene_end(&scene);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

START_TEST(many_deadlines_may_come_together)
{
	long n = unit_scaled(100000);
	tpar_future **f = calloc((size_t)n, sizeof(tpar_future *));
	int64_t when = tpar_in(TPAR_SECOND / 10);
	struct scene scene;
	long i;

	ck_assert_ptr_nonnull((void *)f);
	scene_stall(&scene);
	for (i = 0; i < n; i++) {
		f[i] = submit_until(scene.pool, count, NULL,
				    when + i * 7919 % 1000);
	}
	ck_assert_int_eq(tpar_wait_all(f, (size_t)n, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
	tpar_future_unref_all(f, (size_t)n);
	free((void *)f);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

static void *
submit_with_near_deadlines(void *arg)
{
	long n = unit_scaled(3000);
	struct tpar_task task = scene_droppable(count, NULL, 8);
	tpar_future *f[3];
	long i;

	for (i = 0; i < n; i++) {
		task.deadline_ns = tpar_in(i % 50 * 1000);
		UNIT_MUST(tpar_submit_many(arg, &task, NULL, 0, 3, f) ==
			  TPAR_OK);
		(void)tpar_future_cancel_at(f[0], tpar_in(i % 7 * 1000));
		(void)tpar_future_cancel(f[1]);
		if (i % 3 == 0) {
			UNIT_MUST(tpar_wait_all(f, 3, TPAR_FOREVER) == TPAR_OK);
		}
		tpar_future_unref_all(f, 3);
	}
	return NULL;
}

/* They come while tasks begin, run, end, are cancelled and let go. */
START_TEST(deadlines_may_come_at_any_moment)
{
	tpar_pool *pool = unit_pool(2, 1);
	pthread_t thread[3];
	int i;

	for (i = 0; i < 3; i++) {
		thread[i] = unit_start(submit_with_near_deadlines, pool);
	}
	for (i = 0; i < 3; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 9 * unit_scaled(3000));
	ck_assert_int_eq(atomic_load(&scene_value_drops), atomic_load(&runs));
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_whose_deadline_has_passed_never_begins,
		task_that_ends_in_time_is_done,
		task_that_has_not_begun_ends_at_its_deadline,
		task_that_runs_is_asked_to_stop_at_its_deadline,
		task_may_succeed_although_it_is_late,
		one_deadline_serves_all_of_a_submit,
		refused_submit_leaves_no_deadline_behind,
		bad_input_is_refused,
		deadline_that_has_passed_cancels_at_once,
		earliest_of_several_deadlines_counts,
		promise_is_cancelled_at_its_deadline,
		promise_that_is_completed_in_time_is_done,
		deadline_of_a_gather_in_the_background_reaches_its_members,
		many_deadlines_may_be_pending,
		many_deadlines_may_come_together,
		deadlines_may_come_at_any_moment,
	};

	return unit_main("deadline", tests, sizeof tests / sizeof tests[0]);
}
