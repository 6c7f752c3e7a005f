/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_fail.c - tpar_run_fail(): what is reported, and what does not
 * run any more.
 */
#include "forks.h"

#include <string.h>

enum { CODE = 17, UNTOUCHED = -5 };

static _Atomic int bodies; /* that have run */
static _Atomic int given;  /* the sum of what they gave */

TPAR_TASK_0(int, count_body)
{
	atomic_fetch_add(&bodies, 1);
	return 1;
}

/* ---- What is reported -------------------------------------------------------- */

TPAR_TASK_1(int, fail_with, int, code)
{
	tpar_run_fail(code, "code %d", code);
	return 1;
}

static void
run_failure(tpar_pool *pool)
{
	struct tpar_failure why;
	int value = UNTOUCHED;

	ck_assert_int_eq(TPAR_RUN(fail_with, pool, &value, &why, CODE),
			 TPAR_EFAILED);
	ck_assert_int_eq(value, UNTOUCHED);

	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert_str_eq(why.message, "code 17");
	ck_assert_str_eq(why.task, "fail_with");
	ck_assert_str_eq(tpar_error_detail(), "code 17");
	ck_assert(forks_work(pool));
}

START_TEST(failure_is_reported_with_code_and_message)
{
	forks_with_each(run_failure);
}
END_TEST

static int
fail_in_task(void *arg, void *value)
{
	struct tpar_failure why;
	int result = UNTOUCHED;

	(void)arg;
	UNIT_MUST(TPAR_RUN(fail_with, NULL, &result, &why, CODE) ==
		  TPAR_EFAILED);
	UNIT_MUST(result == UNTOUCHED && why.code == CODE);
	UNIT_MUST(strcmp(why.message, "code 17") == 0);
	UNIT_MUST(!tpar_cancelled());
	*(int *)value = why.code;
	return 0;
}

START_TEST(in_a_task_the_failure_is_the_callers_to_pass_on)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, fail_in_task, NULL, sizeof(int));
	int code = 0;

	ck_assert_int_eq(tpar_gather(&f, 1, &code, NULL), TPAR_OK);
	ck_assert_int_eq(code, CODE);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

TPAR_VOID_TASK_1(fail_silently, int, code)
{
	tpar_run_fail(code, NULL);
}

START_TEST(failure_without_a_message_names_task_and_code)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;

	ck_assert_int_eq(TPAR_RUN(fail_silently, pool, NULL, &why, -3),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, -3);
	ck_assert_str_eq(why.message, "fail_silently failed with code -3");
	ck_assert_int_eq(TPAR_RUN(fail_silently, pool, NULL, &why, 0),
			 TPAR_EFAILED);
	ck_assert_int_ne(why.code, 0);
	ck_assert_int_eq(TPAR_RUN(fail_silently, pool, NULL, NULL, CODE),
			 TPAR_EFAILED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

TPAR_VOID_TASK_1(fail_at_length, size_t, length)
{
	char text[4 * TPAR_MESSAGE_MAX];

	memset(text, 'x', sizeof text);
	text[length] = '\0';
	tpar_run_fail(CODE, "%s", text);
}

START_TEST(long_message_is_cut)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;

	ck_assert_int_eq(TPAR_RUN(fail_at_length, pool, NULL, &why,
				  (size_t)3 * TPAR_MESSAGE_MAX),
			 TPAR_EFAILED);
	ck_assert_uint_eq(strlen(why.message), TPAR_MESSAGE_MAX - 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
run_stopped(tpar_pool *pool)
{
	struct tpar_failure why;
	int value = UNTOUCHED;

	ck_assert_int_eq(TPAR_RUN(fail_with, pool, &value, &why, TPAR_ESTOPPED),
			 TPAR_ESTOPPED);
	ck_assert_int_eq(value, UNTOUCHED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert(forks_work(pool));
}

START_TEST(task_that_says_it_was_stopped_stops_the_computation)
{
	forks_with_each(run_stopped);
}
END_TEST

/* ---- The first failure in time --------------------------------------------------- */

TPAR_TASK_0(int, fail_twice)
{
	tpar_run_fail(CODE, "first");
	tpar_run_fail(CODE + 1, "second");
	TPAR_CALL(fail_with, CODE + 2);
	return 1;
}

START_TEST(first_failure_in_time_counts)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;

	ck_assert_int_eq(TPAR_RUN(fail_twice, pool, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert_str_eq(why.message, "first");
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

TPAR_TASK_2(int, fail_at, int, number, int, which)
{
	atomic_fetch_add(&bodies, 1);
	if (number == which) {
		tpar_run_fail(number, "number %d", number);
	}
	return 1;
}

/* Joined youngest first: 5 4 3 2 1 0. */
TPAR_TASK_1(int, fail_among, int, which)
{
	int sum = 0;
	int i;

	for (i = 0; i < 6; i++) {
		TPAR_FORK(fail_at, i, which);
	}
	for (i = 0; i < 6; i++) {
		sum += TPAR_JOIN(fail_at);
	}
	atomic_store(&given, sum);
	return sum;
}

START_TEST(with_one_worker_nothing_begins_after_the_failure)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	int i;

	for (i = 1; i < 6; i++) {
		atomic_store(&bodies, 0);
		ck_assert_int_eq(TPAR_RUN(fail_among, pool, NULL, &why, i),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, i);
		/* The results of the others are 0. */
		ck_assert_int_eq(atomic_load(&bodies), 6 - i);
		ck_assert_int_eq(atomic_load(&given), 6 - i);
	}
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Forked before and after the failure; called is called. */
TPAR_TASK_0(int, fail_in_between)
{
	int sum;

	TPAR_FORK(count_body);
	tpar_run_fail(CODE, "between");
	TPAR_FORK(count_body);
	TPAR_FORK(forks_leaves, 3);
	sum = (int)TPAR_JOIN(forks_leaves);
	sum += TPAR_JOIN(count_body);
	sum += TPAR_JOIN(count_body);
	UNIT_MUST(atomic_load(&bodies) == 0);
	UNIT_MUST(tpar_cancelled());
	UNIT_MUST(TPAR_CALL(count_body) == 1);
	return sum;
}

TPAR_TASK_0(int, look_at_nothing)
{
	int sum = TPAR_CALL(fail_in_between);

	UNIT_MUST(sum == 0);
	return sum;
}

static void
run_in_between(tpar_pool *pool)
{
	struct tpar_failure why;

	atomic_store(&bodies, 0);
	ck_assert_int_eq(TPAR_RUN(look_at_nothing, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert_int_eq(atomic_load(&bodies), 1);
}

START_TEST(forks_are_skipped_and_their_results_are_zero)
{
	tpar_pool *pool = unit_pool(1, 1);

	run_in_between(pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A tree with one bad leaf, somewhere. */
TPAR_TASK_2(long, tree_with, long, leaf, int, depth)
{
	long left;
	long right;

	if (depth == 0) {
		if (leaf == 0) {
			tpar_run_fail(CODE, "bad leaf");
		}
		return 1;
	}
	TPAR_FORK(tree_with, leaf, depth - 1);
	right = TPAR_CALL(tree_with, leaf - (1L << (depth - 1)), depth - 1);
	left = TPAR_JOIN(tree_with);
	return left + right;
}

static void
run_trees(tpar_pool *pool)
{
	struct tpar_failure why;
	long leaves = 0;
	long leaf;

	for (leaf = -1; leaf <= 1024; leaf += 41) {
		bool bad = leaf >= 0 && leaf < 1024;

		leaves = UNTOUCHED;
		why.code = 0;
		ck_assert_int_eq(TPAR_RUN(tree_with, pool, &leaves, &why, leaf,
					  10),
				 bad ? TPAR_EFAILED : TPAR_OK);
		ck_assert_int_eq(leaves, bad ? UNTOUCHED : 1024);
		ck_assert_int_eq(why.code, bad ? CODE : 0);
	}
	ck_assert(forks_work(pool));
}

START_TEST(one_bad_leaf_fails_a_tree_and_not_the_next_one)
{
	forks_with_each(run_trees);
}
END_TEST

/* ---- Those that run --------------------------------------------------------------- */

/* A stolen fork that runs until it is asked to stop. */
TPAR_TASK_1(int, run_on, forks_flag, begun)
{
	forks_raise(begun);
	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_checkpoint() == TPAR_ESTOPPED);
	return 1;
}

TPAR_TASK_0(int, fail_while_stolen_runs)
{
	_Atomic int begun = 0;

	TPAR_FORK(run_on, &begun);
	TPAR_CALL(forks_until, &begun);
	tpar_run_fail(CODE, "stop");
	return TPAR_JOIN(run_on);
}

START_TEST(stolen_fork_that_runs_sees_the_failure)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;

	ck_assert_int_eq(TPAR_RUN(fail_while_stolen_runs, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* And the other way round: the stolen one fails, with forks of its own. */
TPAR_TASK_1(int, fail_elsewhere, forks_flag, begun)
{
	int sum;

	TPAR_FORK(count_body);
	forks_raise(begun);
	tpar_run_fail(CODE, "stolen");
	sum = TPAR_JOIN(count_body);
	return sum + 1;
}

TPAR_TASK_0(int, run_on_while_stolen_fails)
{
	_Atomic int begun = 0;

	TPAR_FORK(count_body);
	TPAR_FORK(fail_elsewhere, &begun);
	TPAR_CALL(forks_until, &begun);
	UNIT_AWAIT(tpar_cancelled());
	TPAR_JOIN(fail_elsewhere);
	return TPAR_JOIN(count_body);
}

START_TEST(owner_sees_that_a_stolen_fork_has_failed)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;

	ck_assert_int_eq(TPAR_RUN(run_on_while_stolen_fails, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert_str_eq(why.message, "stolen");
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Those that wait --------------------------------------------------------------- */

static void
do_nothing(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
}

/* Each other thread calls it in what it waits in: none has yet to begin. */
TPAR_VOID_TASK_1(fail_when_others_wait, forks_flag, begun)
{
	forks_raise(begun);
	UNIT_MUST(tpar_pool_each_worker(NULL, do_nothing, NULL, TPAR_FOREVER) ==
		  TPAR_OK);
	tpar_run_fail(CODE, "nobody comes");
}

TPAR_VOID_TASK_0(sleep_for_ever)
{
	_Atomic int begun = 0;

	TPAR_FORK(fail_when_others_wait, &begun);
	TPAR_CALL(forks_until, &begun);
	UNIT_MUST(tpar_sleep(TPAR_FOREVER) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_cancel_reason() != NULL);
	TPAR_JOIN(fail_when_others_wait);
}

typedef tpar_future *future;

TPAR_VOID_TASK_1(gather_for_ever, future, never)
{
	_Atomic int begun = 0;

	TPAR_FORK(fail_when_others_wait, &begun);
	TPAR_CALL(forks_until, &begun);
	UNIT_MUST(tpar_gather(&never, 1, NULL, NULL) == TPAR_ESTOPPED);
	TPAR_JOIN(fail_when_others_wait);
}

/* One that sleeps is joined while another one fails. */
TPAR_VOID_TASK_1(sleep_elsewhere, forks_flag, begun)
{
	forks_raise(begun);
	UNIT_MUST(tpar_sleep(TPAR_FOREVER) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_cancelled());
	UNIT_MUST(tpar_cancel_reason() != NULL);
}

TPAR_VOID_TASK_0(join_sleeper)
{
	_Atomic int begun = 0;
	_Atomic int asleep = 0;

	TPAR_FORK(fail_when_others_wait, &begun);
	TPAR_FORK(sleep_elsewhere, &asleep);
	TPAR_CALL(forks_until, &asleep);
	TPAR_JOIN(sleep_elsewhere);
	TPAR_JOIN(fail_when_others_wait);
}

START_TEST(tasks_that_wait_are_woken_by_a_failure)
{
	tpar_pool *pool = unit_pool(3, 1);
	tpar_promise *p = NULL;
	tpar_future *never = NULL;
	struct tpar_failure why;

	ck_assert_int_eq(tpar_promise_create(0, NULL, &p, &never), TPAR_OK);
	ck_assert_int_eq(TPAR_RUN(sleep_for_ever, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_str_eq(why.message, "nobody comes");
	ck_assert_int_eq(TPAR_RUN(gather_for_ever, pool, NULL, &why, never),
			 TPAR_EFAILED);
	ck_assert_str_eq(why.message, "nobody comes");
	ck_assert_int_eq(TPAR_RUN(join_sleeper, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_str_eq(why.message, "nobody comes");
	ck_assert(forks_work(pool));
	tpar_promise_destroy(p);
	tpar_future_unref(never);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Nested computations ------------------------------------------------------------ */

TPAR_TASK_0(int, run_a_failing_one)
{
	struct tpar_failure why;
	int value = UNTOUCHED;
	int sum;

	TPAR_FORK(count_body);
	UNIT_MUST(TPAR_RUN(fail_among, NULL, &value, &why, 3) == TPAR_EFAILED);
	UNIT_MUST(why.code == 3 && value == UNTOUCHED);
	UNIT_MUST(!tpar_cancelled());
	TPAR_FORK(count_body);
	sum = TPAR_JOIN(count_body);
	return sum + TPAR_JOIN(count_body);
}

static void
run_failing_ones(tpar_pool *pool)
{
	int value = 0;
	int i;

	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(TPAR_RUN(run_a_failing_one, pool, &value,
					  NULL),
				 TPAR_OK);
		ck_assert_int_eq(value, 2);
	}
}

START_TEST(failure_of_an_inner_computation_is_none_of_the_outer_one)
{
	forks_with_each(run_failing_ones);
}
END_TEST

/* The outer one fails while an inner one runs, whose forks are skipped. */
TPAR_TASK_1(int, inner, forks_flag, begun)
{
	int sum;

	forks_raise(begun);
	UNIT_AWAIT(tpar_cancelled());
	TPAR_FORK(count_body);
	TPAR_FORK(forks_leaves, 3);
	sum = (int)TPAR_JOIN(forks_leaves);
	sum += TPAR_JOIN(count_body);
	UNIT_MUST(sum == 0);
	return sum;
}

TPAR_TASK_1(int, run_inner, forks_flag, begun)
{
	int value = UNTOUCHED;
	enum tpar_err err = TPAR_RUN(inner, NULL, &value, NULL, begun);

	/* Something was skipped: there is no result. */
	UNIT_MUST(err == TPAR_ESTOPPED);
	UNIT_MUST(value == UNTOUCHED);
	return 1;
}

TPAR_TASK_0(int, fail_while_inner_runs)
{
	_Atomic int begun = 0;

	TPAR_FORK(run_inner, &begun);
	TPAR_CALL(forks_until, &begun);
	tpar_run_fail(CODE, "outer");
	return TPAR_JOIN(run_inner);
}

START_TEST(failure_of_an_outer_computation_stops_the_inner_ones)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;

	atomic_store(&bodies, 0);
	ck_assert_int_eq(TPAR_RUN(fail_while_inner_runs, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, CODE);
	ck_assert_str_eq(why.message, "outer");
	ck_assert_int_eq(atomic_load(&bodies), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* One that is started when all has failed already. */
TPAR_TASK_0(int, fail_then_run)
{
	int value = UNTOUCHED;

	tpar_run_fail(CODE, "before");
	UNIT_MUST(TPAR_RUN(look_at_nothing, NULL, &value, NULL) != TPAR_OK);
	UNIT_MUST(value == UNTOUCHED);
	return 0;
}

START_TEST(computation_begun_in_a_failed_one_has_no_result)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;

	atomic_store(&bodies, 0);
	ck_assert_int_eq(TPAR_RUN(fail_then_run, pool, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_str_eq(why.message, "before");
	ck_assert_int_eq(atomic_load(&bodies), 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Others --------------------------------------------------------------------------- */

static int
fail_in_vain(void *arg, void *value)
{
	(void)arg;
	(void)value;
	tpar_run_fail(CODE, "no computation");
	return 0;
}

TPAR_TASK_0(int, gather_who_fails_in_vain)
{
	tpar_future *f = unit_submit(NULL, fail_in_vain, NULL, 0);

	UNIT_MUST(tpar_gather(&f, 1, NULL, NULL) == TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(!tpar_cancelled());
	return 1;
}

START_TEST(nothing_fails_outside_of_fork_join_tasks)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, fail_in_vain, NULL, 0);
	int value = 0;

	tpar_run_fail(CODE, "outside");
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(TPAR_RUN(gather_who_fails_in_vain, pool, &value, NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, 1);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { RUNS = 100 };

static void *
run_bad_trees(void *arg)
{
	struct tpar_failure why;
	int i;

	for (i = 0; i < RUNS; i++) {
		UNIT_MUST(TPAR_RUN(tree_with, arg, NULL, &why, i, 8) ==
			  TPAR_EFAILED);
		UNIT_MUST(why.code == CODE);
	}
	return NULL;
}

static void
run_good_beside_bad(tpar_pool *pool)
{
	pthread_t thread = unit_start(run_bad_trees, pool);
	long leaves;
	int i;

	for (i = 0; i < RUNS; i++) {
		leaves = 0;
		ck_assert_int_eq(TPAR_RUN(tree_with, pool, &leaves, NULL, -1,
					  8),
				 TPAR_OK);
		ck_assert_int_eq(leaves, 256);
	}
	unit_join(thread);
}

START_TEST(computations_beside_one_that_fails_have_their_results)
{
	forks_with_each(run_good_beside_bad);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		failure_is_reported_with_code_and_message,
		in_a_task_the_failure_is_the_callers_to_pass_on,
		failure_without_a_message_names_task_and_code,
		long_message_is_cut,
		task_that_says_it_was_stopped_stops_the_computation,
		first_failure_in_time_counts,
		with_one_worker_nothing_begins_after_the_failure,
		forks_are_skipped_and_their_results_are_zero,
		one_bad_leaf_fails_a_tree_and_not_the_next_one,
		stolen_fork_that_runs_sees_the_failure,
		owner_sees_that_a_stolen_fork_has_failed,
		tasks_that_wait_are_woken_by_a_failure,
		failure_of_an_inner_computation_is_none_of_the_outer_one,
		failure_of_an_outer_computation_stops_the_inner_ones,
		computation_begun_in_a_failed_one_has_no_result,
		nothing_fails_outside_of_fork_join_tasks,
		computations_beside_one_that_fails_have_their_results
	};

	return unit_main("forkjoin_fail", tests,
			 sizeof tests / sizeof tests[0]);
}
