/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_many.c - many forks that are not joined: in a loop, in a deep
 * recursion, more than there are slots for.
 */
#include "forks.h"

#include "child.h"

/* ThreadSanitizer knows 65536 frames. */
#if UNIT_TSAN
enum { DEEP = 15000 };
#else
enum { DEEP = 200000 };
#endif

enum { STACK = 256 * 1024 * 1024 };

/* More than a worker has slots, in any build. */
#define BEYOND ((long)(TPAR_SLOTS_SIZE / 64) + 5000)

/* Larger ones where tests are to be short. */
static long
in_steps(long step)
{
	long scaled = 100 * step / unit_scaled(100);

	return scaled > 0 ? scaled : 1;
}

static tpar_pool *
roomy_pool(unsigned workers)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.stack_size = STACK;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

typedef long *numbers;

TPAR_TASK_1(long, echo, long, n)
{
	return 3 * n + 1;
}

/* How many of n outstanding forks give what they should, in their order. */
TPAR_TASK_1(long, fork_in_a_loop, long, n)
{
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

static void
run_loops(tpar_pool *pool)
{
	static const long many[] = { 1, 2, 100, 10000 };
	long right = 0;
	size_t i;

	for (i = 0; i < sizeof many / sizeof many[0]; i++) {
		ck_assert_int_eq(TPAR_RUN(fork_in_a_loop, pool, &right, NULL,
					  many[i]),
				 TPAR_OK);
		ck_assert_int_eq(right, many[i]);
	}
}

START_TEST(loop_has_many_forks_outstanding)
{
	forks_with_each(run_loops);
}
END_TEST

static void
run_beyond(tpar_pool *pool)
{
	long right = 0;

	ck_assert_int_eq(TPAR_RUN(fork_in_a_loop, pool, &right, NULL, BEYOND),
			 TPAR_OK);
	ck_assert_int_eq(right, BEYOND);
	/* And once more, with what it has left. */
	ck_assert_int_eq(TPAR_RUN(fork_in_a_loop, pool, &right, NULL,
				  BEYOND + 1),
			 TPAR_OK);
	ck_assert_int_eq(right, BEYOND + 1);
	ck_assert(forks_work(pool));
}

START_TEST(forks_beyond_the_slots_have_their_results_in_order)
{
	forks_with_each(run_beyond);
}
END_TEST

/* ---- Recursion --------------------------------------------------------------- */

/* A fork at each level, which is joined on the way back. */
TPAR_TASK_1(long, descend, long, depth)
{
	long below;

	if (depth == 0) {
		return 0;
	}
	TPAR_FORK(echo, depth);
	below = TPAR_CALL(descend, depth - 1);
	return below + (TPAR_JOIN(echo) == 3 * depth + 1);
}

/* The recursion is in the fork. */
TPAR_TASK_1(long, descend_by_forks, long, depth)
{
	if (depth == 0) {
		return 0;
	}
	TPAR_FORK(descend_by_forks, depth - 1);
	return TPAR_JOIN(descend_by_forks) + 1;
}

static void
check_descent(unsigned workers, long depth)
{
	tpar_pool *pool = roomy_pool(workers);
	long right = 0;

	ck_assert_int_eq(TPAR_RUN(descend, pool, &right, NULL, depth), TPAR_OK);
	ck_assert_int_eq(right, depth);
	ck_assert_int_eq(TPAR_RUN(descend_by_forks, pool, &right, NULL, depth),
			 TPAR_OK);
	ck_assert_int_eq(right, depth);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(forks_nest_two_hundred_thousand_deep)
{
	check_descent(1, DEEP);
	check_descent(2, DEEP);
}
END_TEST

/* It crosses the end of the slots. */
TPAR_TASK_2(long, fill_then_descend, long, n, long, depth)
{
	long right;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	TPAR_FORK(descend_by_forks, depth);
	right = TPAR_CALL(descend, depth);
	right += TPAR_JOIN(descend_by_forks);
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

static void
run_across(unsigned workers)
{
	tpar_pool *pool = roomy_pool(workers);
	/* Where there are fewer slots than that they end in the recursion. */
	long n = BEYOND > 6000 + DEEP / 2 ? BEYOND - 5000 - DEEP / 2 : 1000;
	long right = 0;

	ck_assert_int_eq(TPAR_RUN(fill_then_descend, pool, &right, NULL, n,
				  DEEP),
			 TPAR_OK);
	ck_assert_int_eq(right, n + 2 * DEEP);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(recursion_goes_on_beyond_the_slots)
{
	run_across(1);
	run_across(2);
}
END_TEST

/* ---- Mixtures ------------------------------------------------------------------ */

/* A tree that begins where there are no slots any more. */
TPAR_TASK_2(long, fill_then_branch, long, n, int, depth)
{
	long leaves;
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	leaves = TPAR_CALL(forks_leaves, depth);
	TPAR_FORK(forks_leaves, depth);
	leaves += TPAR_JOIN(forks_leaves);
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return leaves == 2L << depth ? right : -1;
}

static void
run_branches(tpar_pool *pool)
{
	long n = BEYOND - 5000;
	long right = 0;
	long k;

	/* The last slot is somewhere near n. */
	for (k = -84; k < 20; k += in_steps(4)) {
		ck_assert_int_eq(TPAR_RUN(fill_then_branch, pool, &right, NULL,
					  n + k, 6),
				 TPAR_OK);
		ck_assert_int_eq(right, n + k);
	}
}

START_TEST(trees_of_forks_are_called_where_slots_are_used_up)
{
	forks_with_each(run_branches);
}
END_TEST

/* A computation of its own begins where the outer one has used up all slots. */
TPAR_TASK_2(long, fill_then_run, long, n, long, inner)
{
	long right = 0;
	long within = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	UNIT_MUST(TPAR_RUN(fork_in_a_loop, NULL, &within, NULL, inner) ==
		  TPAR_OK);
	UNIT_MUST(within == inner);
	UNIT_MUST(forks_work(NULL));
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

static void
run_fill_then_run(tpar_pool *pool)
{
	long n = BEYOND - 5000;
	long right = 0;
	long k;

	for (k = -70; k < -60; k += in_steps(1)) {
		ck_assert_int_eq(TPAR_RUN(fill_then_run, pool, &right, NULL,
					  n + k, 1000),
				 TPAR_OK);
		ck_assert_int_eq(right, n + k);
	}
	ck_assert_int_eq(TPAR_RUN(fill_then_run, pool, &right, NULL, BEYOND,
				  10),
			 TPAR_OK);
	ck_assert_int_eq(right, BEYOND);
}

START_TEST(computations_nest_where_slots_are_used_up)
{
	forks_with_each(run_fill_then_run);
}
END_TEST

/* Forks that fork beyond the slots themselves, in between others. */
TPAR_TASK_2(long, fill_twice, long, n, int, again)
{
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	if (again > 0) {
		TPAR_FORK(fill_twice, n / 2, again - 1);
		TPAR_FORK(echo, -1);
		right += TPAR_JOIN(echo) == -2;
		right += TPAR_JOIN(fill_twice);
	}
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

static void
run_fill_twice(tpar_pool *pool)
{
	long right = 0;

	ck_assert_int_eq(TPAR_RUN(fill_twice, pool, &right, NULL, BEYOND, 2),
			 TPAR_OK);
	ck_assert_int_eq(right, BEYOND + BEYOND / 2 + BEYOND / 4 + 2);
}

START_TEST(forks_beyond_the_slots_fork_themselves)
{
	forks_with_each(run_fill_twice);
}
END_TEST

/* Among those beyond the slots are some that are large, and some without. */
struct large {
	long number[TPAR_DATA_SIZE / sizeof(long)];
};

TPAR_TASK_1(struct large, enlarge, long, n)
{
	struct large large;
	size_t i;

	for (i = 0; i < TPAR_DATA_SIZE / sizeof(long); i++) {
		large.number[i] = n + (long)i;
	}
	return large;
}

TPAR_VOID_TASK_2(store, numbers, at, long, n)
{
	*at = n;
}

TPAR_TASK_1(long, fork_of_all_kinds, long, n)
{
	long stored[3] = { 0, 0, 0 };
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	for (i = 0; i < 3; i++) {
		TPAR_FORK(store, &stored[i], i + 1);
		TPAR_FORK(enlarge, i);
		TPAR_FORK(echo, i);
	}
	while (i-- > 0) {
		struct large large;

		right += TPAR_JOIN(echo) == 3 * i + 1;
		large = TPAR_JOIN(enlarge);
		right += large.number[0] == i && large.number[5] == i + 5;
		TPAR_JOIN(store);
		right += stored[i] == i + 1;
	}
	for (i = n; i-- > 0;) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

static void
run_all_kinds(tpar_pool *pool)
{
	long n = BEYOND - 5000;
	long right = 0;
	long k;

	/* The last slot is somewhere near n. */
	for (k = -80; k < 20; k += in_steps(9)) {
		ck_assert_int_eq(TPAR_RUN(fork_of_all_kinds, pool, &right, NULL,
					  n + k),
				 TPAR_OK);
		ck_assert_int_eq(right, n + k + 9);
	}
}

START_TEST(results_of_all_sizes_are_kept_beyond_the_slots)
{
	forks_with_each(run_all_kinds);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		loop_has_many_forks_outstanding,
		forks_beyond_the_slots_have_their_results_in_order,
		forks_nest_two_hundred_thousand_deep,
		recursion_goes_on_beyond_the_slots,
		trees_of_forks_are_called_where_slots_are_used_up,
		computations_nest_where_slots_are_used_up,
		forks_beyond_the_slots_fork_themselves,
		results_of_all_sizes_are_kept_beyond_the_slots
	};

	return unit_main("forkjoin_many", tests,
			 sizeof tests / sizeof tests[0]);
}
