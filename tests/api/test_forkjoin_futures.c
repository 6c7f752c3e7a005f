/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_futures.c - fork-join tasks that use the other tier: they
 * submit futures and gather them, sleep, wait for promises.
 */
#include "forks.h"

enum { FEW = 3, DEPTH = 5 };

typedef tpar_future *future;
typedef tpar_promise *promise;

static int
give_number(void *arg, void *value)
{
	*(long *)value = (long)(intptr_t)arg;
	return 0;
}

/* ---- Submit and gather ------------------------------------------------------ */

/* A tree whose nodes each gather three futures; 6 for each node. */
TPAR_TASK_1(long, gather_in_forks, int, depth)
{
	tpar_future *f[FEW];
	long value[FEW] = { 0, 0, 0 };
	long sum = 0;
	int i;

	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(NULL, give_number, (void *)(intptr_t)(i + 1),
				   sizeof value[0]);
	}
	if (depth > 0) {
		TPAR_FORK(gather_in_forks, depth - 1);
		TPAR_FORK(gather_in_forks, depth - 1);
	}
	UNIT_MUST(tpar_gather(f, FEW, value, NULL) == TPAR_OK);
	tpar_future_unref_all(f, FEW);
	if (depth > 0) {
		sum += TPAR_JOIN(gather_in_forks);
		sum += TPAR_JOIN(gather_in_forks);
	}
	return sum + value[0] + value[1] + value[2];
}

static void
run_gather_in_forks(tpar_pool *pool)
{
	long sum = 0;
	int i;

	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(TPAR_RUN(gather_in_forks, pool, &sum, NULL,
					  DEPTH),
				 TPAR_OK);
		ck_assert_int_eq(sum, 6 * ((2 << DEPTH) - 1));
	}
}

START_TEST(forks_submit_futures_and_gather_them)
{
	forks_with_each(run_gather_in_forks);
}
END_TEST

/* Futures whose tasks are computations whose forks gather futures, and so on. */
static int turn_task(void *arg, void *value);

TPAR_TASK_1(long, take_turns, int, depth)
{
	tpar_future *f;
	long there = 0;
	long here;

	if (depth == 0) {
		return 1;
	}
	TPAR_FORK(take_turns, depth - 1);
	f = unit_submit(NULL, turn_task, (void *)(intptr_t)(depth - 1),
			sizeof there);
	UNIT_MUST(tpar_gather(&f, 1, &there, NULL) == TPAR_OK);
	tpar_future_unref(f);
	here = TPAR_JOIN(take_turns);
	return here + there;
}

static int
turn_task(void *arg, void *value)
{
	return TPAR_RUN(take_turns, NULL, (long *)value, NULL,
			(int)(intptr_t)arg);
}

static void
run_turns(tpar_pool *pool)
{
	long sum = 0;

	ck_assert_int_eq(TPAR_RUN(take_turns, pool, &sum, NULL, 9), TPAR_OK);
	ck_assert_int_eq(sum, 512);
}

START_TEST(futures_and_computations_take_turns_at_any_depth)
{
	forks_with_each(run_turns);
}
END_TEST

static int
square_task(void *arg, void *value)
{
	*(long *)value = *(long *)arg * *(long *)arg;
	return 0;
}

/* The sum of squares of from .. from + 15, by a map in each leaf. */
TPAR_TASK_2(long, map_in_forks, long, from, int, depth)
{
	long in[16];
	long out[16];
	long sum = 0;
	int i;

	if (depth > 0) {
		TPAR_FORK(map_in_forks, from, depth - 1);
		sum = TPAR_CALL(map_in_forks, from + (16L << (depth - 1)),
				depth - 1);
		return sum + TPAR_JOIN(map_in_forks);
	}
	for (i = 0; i < 16; i++) {
		in[i] = from + i;
	}
	UNIT_MUST(tpar_map(NULL, square_task, in, sizeof in[0], out,
			   sizeof out[0], 16, NULL) == TPAR_OK);
	for (i = 0; i < 16; i++) {
		sum += out[i];
	}
	return sum;
}

static void
run_map_in_forks(tpar_pool *pool)
{
	long sum = 0;

	ck_assert_int_eq(TPAR_RUN(map_in_forks, pool, &sum, NULL, 0, 4),
			 TPAR_OK);
	ck_assert_int_eq(sum, 255L * 256 * 511 / 6);
}

START_TEST(forks_map)
{
	forks_with_each(run_map_in_forks);
}
END_TEST

/* A future that a stolen fork has submitted is gathered by the joiner. */
TPAR_TASK_2(future, submit_elsewhere, forks_flag, flag, long, number)
{
	tpar_future *f = unit_submit(NULL, give_number,
				     (void *)(intptr_t)number, sizeof(long));

	forks_raise(flag);
	return f;
}

TPAR_TASK_0(long, gather_what_forks_submit)
{
	_Atomic int flag = 0;
	tpar_future *f;
	long value = 0;

	TPAR_FORK(submit_elsewhere, &flag, 77);
	TPAR_CALL(forks_until, &flag);
	f = TPAR_JOIN(submit_elsewhere);
	UNIT_MUST(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
	tpar_future_unref(f);
	return value;
}

START_TEST(what_a_stolen_fork_has_submitted_is_gathered_elsewhere)
{
	tpar_pool *pool = unit_pool(2, 1);
	long value = 0;

	ck_assert_int_eq(TPAR_RUN(gather_what_forks_submit, pool, &value, NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, 77);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Forks while a wait is under way ---------------------------------------- */

static int
run_leaves(void *arg, void *value)
{
	return TPAR_RUN(forks_leaves, NULL, (long *)value, NULL,
			(int)(intptr_t)arg);
}

/* The gathered task's forks lie above those of the one that gathers. */
TPAR_TASK_0(long, gather_with_forks_outstanding)
{
	long values[FEW];
	tpar_future *f[FEW];
	long sum = 0;
	int i;

	for (i = 0; i < 10; i++) {
		TPAR_FORK(forks_leaves, i);
	}
	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(NULL, run_leaves, (void *)(intptr_t)8,
				   sizeof values[0]);
	}
	UNIT_MUST(tpar_gather(f, FEW, values, NULL) == TPAR_OK);
	tpar_future_unref_all(f, FEW);
	for (i = 9; i >= 0; i--) {
		long leaves = TPAR_JOIN(forks_leaves);

		sum += leaves == 1L << i;
	}
	return sum * 10000 + values[0] + values[1] + values[2];
}

static void
run_gather_with_forks(tpar_pool *pool)
{
	long sum = 0;
	int i;

	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(TPAR_RUN(gather_with_forks_outstanding, pool,
					  &sum, NULL),
				 TPAR_OK);
		ck_assert_int_eq(sum, 100768);
	}
}

START_TEST(forks_wait_while_a_gather_runs_computations_on_top)
{
	forks_with_each(run_gather_with_forks);
}
END_TEST

/* ---- Sleeping and promises --------------------------------------------------- */

TPAR_TASK_1(int, sleep_a_little, int, depth)
{
	int left;
	int right;

	if (depth == 0) {
		return tpar_sleep(tpar_in(1000)) == TPAR_OK;
	}
	TPAR_FORK(sleep_a_little, depth - 1);
	right = TPAR_CALL(sleep_a_little, depth - 1);
	left = TPAR_JOIN(sleep_a_little);
	return left + right;
}

static void
run_sleepers(tpar_pool *pool)
{
	int awake = 0;

	ck_assert_int_eq(TPAR_RUN(sleep_a_little, pool, &awake, NULL, 5),
			 TPAR_OK);
	ck_assert_int_eq(awake, 32);
}

START_TEST(forks_sleep)
{
	forks_with_each(run_sleepers);
}
END_TEST

/* One fork waits for what another one, forked before, sets. */
TPAR_VOID_TASK_2(set_promise, promise, p, int, number)
{
	UNIT_MUST(tpar_promise_set(p, &number) == TPAR_OK);
}

TPAR_TASK_1(int, keep_promise, int, number)
{
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	int value = 0;

	UNIT_MUST(tpar_promise_create(sizeof value, NULL, &p, &f) == TPAR_OK);
	TPAR_FORK(set_promise, p, number);
	TPAR_JOIN(set_promise);
	UNIT_MUST(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
	return value;
}

/* A stolen fork sleeps until the test sets it. */
TPAR_TASK_2(int, await_promise, future, f, forks_flag, flag)
{
	int value = 0;

	forks_raise(flag);
	UNIT_MUST(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
	return value;
}

TPAR_TASK_2(int, join_who_waits, future, f, promise, p)
{
	_Atomic int flag = 0;
	int number = 5;

	TPAR_FORK(await_promise, f, &flag);
	TPAR_CALL(forks_until, &flag);
	UNIT_MUST(tpar_promise_set(p, &number) == TPAR_OK);
	return TPAR_JOIN(await_promise);
}

static void
run_promises(tpar_pool *pool)
{
	int value = 0;

	ck_assert_int_eq(TPAR_RUN(keep_promise, pool, &value, NULL, 9),
			 TPAR_OK);
	ck_assert_int_eq(value, 9);
}

START_TEST(forks_set_promises)
{
	forks_with_each(run_promises);
}
END_TEST

START_TEST(stolen_fork_waits_for_a_promise_that_its_parent_sets)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	int value = 0;

	ck_assert_int_eq(tpar_promise_create(sizeof value, NULL, &p, &f),
			 TPAR_OK);
	ck_assert_int_eq(TPAR_RUN(join_who_waits, pool, &value, NULL, f, p),
			 TPAR_OK);
	ck_assert_int_eq(value, 5);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct later {
	tpar_promise *p;
	_Atomic int flag;
};

static void *
set_later(void *arg)
{
	struct later *later = arg;
	int number = 11;

	UNIT_AWAIT(forks_raised(&later->flag));
	UNIT_MUST(tpar_promise_set(later->p, &number) == TPAR_OK);
	return NULL;
}

TPAR_TASK_2(int, join_who_waits_for_outside, future, f, forks_flag, flag)
{
	_Atomic int begun = 0;

	TPAR_FORK(await_promise, f, &begun);
	TPAR_CALL(forks_until, &begun);
	/* From here on this one sleeps in the join. */
	forks_raise(flag);
	return TPAR_JOIN(await_promise);
}

START_TEST(join_sleeps_until_a_stolen_fork_has_ended)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct later later = { NULL, 0 };
	tpar_future *f = NULL;
	pthread_t thread;
	int value = 0;

	ck_assert_int_eq(tpar_promise_create(sizeof value, NULL, &later.p, &f),
			 TPAR_OK);
	thread = unit_start(set_later, &later);
	ck_assert_int_eq(TPAR_RUN(join_who_waits_for_outside, pool, &value,
				  NULL, f, &later.flag),
			 TPAR_OK);
	ck_assert_int_eq(value, 11);
	unit_join(thread);
	tpar_promise_destroy(later.p);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		forks_submit_futures_and_gather_them,
		futures_and_computations_take_turns_at_any_depth,
		forks_map,
		what_a_stolen_fork_has_submitted_is_gathered_elsewhere,
		forks_wait_while_a_gather_runs_computations_on_top,
		forks_sleep,
		forks_set_promises,
		stolen_fork_waits_for_a_promise_that_its_parent_sets,
		join_sleeps_until_a_stolen_fork_has_ended
	};

	return unit_main("forkjoin_futures", tests,
			 sizeof tests / sizeof tests[0]);
}
