/* SPDX-License-Identifier: MIT */
/*
 * test_group_begun.c - what is still begun or taken once a child has
 * failed.
 */
#include "groups.h"

enum { WORKERS = 4 };

struct crowd {
	tpar_group *g;
	_Atomic bool failing;
	_Atomic int begun_late;
};

/* One that begins after the failure stays until that is known. */
static int
join_crowd(void *arg, void *value)
{
	struct crowd *crowd = arg;

	(void)value;
	if (atomic_load(&crowd->failing)) {
		atomic_fetch_add(&crowd->begun_late, 1);
		UNIT_AWAIT(tpar_group_cancelled(crowd->g));
	}
	return 0;
}

static int
fail_in_crowd(void *arg, void *value)
{
	struct crowd *crowd = arg;

	(void)value;
	atomic_store(&crowd->failing, true);
	return 5;
}

START_TEST(hardly_any_child_begins_after_a_failure)
{
	long n = unit_scaled(100000);
	struct unit_hold hold[WORKERS];
	tpar_future *held[WORKERS];
	struct crowd crowd = { NULL, false, 0 };
	struct tpar_task task = scene_droppable(join_crowd, &crowd, 0);
	tpar_pool *pool = unit_pool(WORKERS, 1);
	size_t failures = 0;
	int i;

	for (i = 0; i < WORKERS; i++) {
		hold[i] = (struct unit_hold)UNIT_HOLD_INIT;
		held[i] = unit_submit(pool, unit_hold_task, &hold[i], 0);
		unit_gate_await(&hold[i].begun, 1);
	}
	crowd.g = group_in(pool);
	ck_assert_int_eq(tpar_group_run(crowd.g, fail_in_crowd, &crowd),
			 TPAR_OK);
	task.group = crowd.g;
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, (size_t)n,
					  NULL),
			 TPAR_OK);
	for (i = 0; i < WORKERS; i++) {
		unit_gate_open(&hold[i].go);
	}
	ck_assert_int_eq(tpar_group_close(crowd.g, NULL, 0, &failures),
			 TPAR_EFAILED);
	ck_assert_uint_eq(failures, 1);
	ck_assert_int_le(atomic_load(&crowd.begun_late), WORKERS);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
	tpar_group_destroy(crowd.g);
	for (i = 0; i < WORKERS; i++) {
		(void)tpar_future_wait(held[i], TPAR_FOREVER);
	}
	tpar_future_unref_all(held, WORKERS);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static _Atomic int begun;

static int
begin_or_fail(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add(&begun, 1);
	return arg != NULL ? 5 : 0;
}

static int
close_over_a_failure(void *arg, void *value)
{
	tpar_group *g = group_in(NULL);
	size_t n = 0;
	int i;

	(void)value;
	UNIT_MUST(tpar_group_run(g, begin_or_fail, arg) == TPAR_OK);
	for (i = 0; i < 300; i++) {
		UNIT_MUST(tpar_group_run(g, begin_or_fail, NULL) == TPAR_OK);
	}
	UNIT_MUST(tpar_group_close(g, NULL, 0, &n) == TPAR_EFAILED);
	UNIT_MUST(n == 1 && !tpar_cancelled());
	tpar_group_destroy(g);
	return 0;
}

/* The thread that closes runs the first child and sees it fail. */
START_TEST(task_that_closes_begins_no_child_after_a_failure)
{
	tpar_pool *one = unit_pool(1, 1);

	unit_run_in(one, close_over_a_failure, one);
	ck_assert_int_eq(atomic_load(&begun), 1);
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

/* ---- A submit of many that meets the failure ------------------------------- */

static _Atomic long accepted;

static void *
submit_many_times(void *arg)
{
	struct tpar_task task = scene_droppable(scene_return, NULL, 0);
	tpar_future *f[16];
	enum tpar_err err;

	task.group = arg;
	/* ENDS: the group fails. */
	while ((err = tpar_submit_many(NULL, &task, NULL, 0, 16, f)) ==
	       TPAR_OK) {
		atomic_fetch_add(&accepted, 16);
		tpar_future_unref_all(f, 16);
	}
	UNIT_MUST(err == TPAR_ECLOSED);
	return NULL;
}

START_TEST(many_enter_a_group_that_fails_meanwhile_or_none_do)
{
	long rounds = unit_scaled(100);
	pthread_t thread[2];
	tpar_group *g;
	size_t n;

	for (; rounds > 0; rounds--) {
		g = group_in(NULL);
		thread[0] = unit_start(submit_many_times, g);
		thread[1] = unit_start(submit_many_times, g);
		sched_yield();
		ck_assert_int_eq(tpar_group_run(g, begin_or_fail, &n), TPAR_OK);
		unit_join(thread[0]);
		unit_join(thread[1]);
		n = 0;
		ck_assert_int_eq(tpar_group_close(g, NULL, 0, &n),
				 TPAR_EFAILED);
		ck_assert_uint_eq(n, 1);
		ck_assert_int_eq(atomic_load(&scene_arg_drops),
				 atomic_load(&accepted));
		tpar_group_destroy(g);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		hardly_any_child_begins_after_a_failure,
		task_that_closes_begins_no_child_after_a_failure,
		many_enter_a_group_that_fails_meanwhile_or_none_do,
	};

	return unit_main("group_begun", tests, sizeof tests / sizeof tests[0]);
}
