/* SPDX-License-Identifier: MIT */
/*
 * test_sweep_forks.c - whatever fails: fork-join computations, loops, sums, prefix
 * sums, searches, sorts, from outside and in a task.
 */
#include "config.h"

#include "sweep.h"

#include <taskpar/algorithm.h>

enum { MANY = 3000 };

static int64_t number[MANY];
static int64_t result[MANY];

/* Each scenario is run from outside of the pool, and in a task of it. */
static void (*computation)(tpar_pool *pool);

static int
compute_in_task(intptr_t unused)
{
	(void)unused;
	computation(NULL);
	return 0;
}

static void
compute(void (*fn)(tpar_pool *pool))
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f;

	computation = fn;
	sweep_item[0].body = compute_in_task;
	fault_begin();
	fn(pool);
	f = sweep_submit(pool, 0);
	if (f != NULL) {
		EXPECT(sweep_wait(f, 0) == TPAR_DONE);
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
}

/* true: it is complete.  Else `why` says what was missing. */
static bool
complete(enum tpar_err err, const struct tpar_failure *why)
{
	if (sweep_ok(err)) {
		return true;
	}
	EXPECT(why->code == (int)err && why->message[0] != '\0');
	return false;
}

/* ---- Forks --------------------------------------------------------------- */

static void
run_fib(tpar_pool *pool)
{
	struct tpar_failure why;
	int value = -1;

	if (complete(TPAR_RUN(sweep_fib, pool, &value, &why, 12), &why)) {
		EXPECT(value == 144);
	} else {
		EXPECT(value == -1);
	}
}

static void
fork_and_join(void)
{
	compute(run_fib);
}

/* More forks at once than are looked for by name. */
TPAR_TASK_1(long, sum_up, long, n)
{
	long sum = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(sum_up, 0);
	}
	for (i = 0; i < n; i++) {
		sum += TPAR_JOIN(sum_up);
	}
	return sum + 1;
}

static void
run_wide(tpar_pool *pool)
{
	struct tpar_failure why;
	long value = -1;

	if (complete(TPAR_RUN(sum_up, pool, &value, &why, 200), &why)) {
		EXPECT(value == 201);
	}
}

static void
fork_many(void)
{
	compute(run_wide);
}

TPAR_TASK_1(int, fail_below, int, n)
{
	int a;

	if (n == 0) {
		tpar_run_fail(SWEEP_CODE, "at the bottom");
		return 0;
	}
	TPAR_FORK(fail_below, n - 1);
	a = TPAR_JOIN(fail_below);
	return a + 1;
}

static void
run_failing(tpar_pool *pool)
{
	struct tpar_failure why;
	enum tpar_err err = TPAR_RUN(fail_below, pool, NULL, &why, 6);

	EXPECT(err != TPAR_OK);
	if (err == TPAR_EFAILED) {
		EXPECT(why.code == SWEEP_CODE);
	} else {
		(void)complete(err, &why);
	}
}

static void
fork_and_fail(void)
{
	compute(run_failing);
}

/* ---- Loops --------------------------------------------------------------- */

static int
triple(size_t begin, size_t end, void *arg)
{
	size_t i;

	EXPECT(arg == result);
	for (i = begin; i < end; i++) {
		result[i] = 3 * (int64_t)i;
	}
	return 0;
}

static void
run_for(tpar_pool *pool)
{
	struct tpar_failure why;
	size_t i;

	memset(result, 0, sizeof result);
	if (complete(tpar_for(pool, 0, MANY, 16, triple, result, &why), &why)) {
		for (i = 0; i < MANY; i++) {
			EXPECT(result[i] == 3 * (int64_t)i);
		}
	}
}

static void
loop(void)
{
	compute(run_for);
}

static int
mark_tile(const struct tpar_tile *tile, void *arg)
{
	size_t row;
	size_t column;

	for (row = tile->row_begin; row < tile->row_end; row++) {
		for (column = tile->column_begin; column < tile->column_end;
		     column++) {
			((int64_t *)arg)[row * 50 + column]++;
		}
	}
	return 0;
}

static void
run_for_2d(tpar_pool *pool)
{
	struct tpar_failure why;
	size_t i;

	memset(result, 0, sizeof result);
	if (complete(tpar_for_2d(pool, MANY / 50, 50, 4, 8, mark_tile, result,
				 &why),
		     &why)) {
		for (i = 0; i < MANY; i++) {
			EXPECT(result[i] == 1);
		}
	}
}

static void
loop_over_tiles(void)
{
	compute(run_for_2d);
}

/* A value that is too large to lie on a stack. */
struct sum {
	int64_t sum;
	char rest[300];
};

static int
fold(size_t begin, size_t end, void *value, void *arg)
{
	size_t i;

	(void)arg;
	for (i = begin; i < end; i++) {
		((struct sum *)value)->sum += (int64_t)i;
	}
	return 0;
}

static int
add(void *left, const void *right, void *arg)
{
	(void)arg;
	*(int64_t *)left += *(const int64_t *)right;
	return 0;
}

static void
run_reduce(tpar_pool *pool)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	struct tpar_failure why;
	struct sum value = { .sum = -1 };

	how.value_size = sizeof value;
	how.fold = fold;
	how.combine = add;
	if (complete(tpar_reduce(pool, 0, MANY, 50, &how, &value, &why),
		     &why)) {
		EXPECT(value.sum == (int64_t)MANY * (MANY - 1) / 2);
	} else {
		EXPECT(value.sum == -1);
	}
}

static void
reduce(void)
{
	compute(run_reduce);
}

static void
run_scan(tpar_pool *pool)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	struct tpar_failure why;
	size_t i;

	for (i = 0; i < MANY; i++) {
		number[i] = 1;
	}
	how.value_size = sizeof number[0];
	how.combine = add;
	if (complete(tpar_scan(pool, number, result, MANY, 100, &how, &why),
		     &why)) {
		for (i = 0; i < MANY; i++) {
			EXPECT(result[i] == (int64_t)i + 1);
		}
	}
}

static void
scan(void)
{
	compute(run_scan);
}

static int
look_for_2000(size_t begin, size_t end, size_t *hit, void *arg)
{
	(void)arg;
	if (begin <= 2000 && end > 2000) {
		*hit = 2000;
	}
	return 0;
}

static void
run_find(tpar_pool *pool)
{
	struct tpar_failure why;
	size_t index = 1;

	if (complete(tpar_find_first(pool, 0, MANY, 0, look_for_2000, NULL,
				     &index, &why),
		     &why)) {
		EXPECT(index == 2000);
	} else {
		EXPECT(index == 1);
	}
}

static void
find_the_first(void)
{
	compute(run_find);
}

/* ---- Sorts --------------------------------------------------------------- */

static void
shuffle(void)
{
	size_t i;

	for (i = 0; i < MANY; i++) {
		number[i] = (int64_t)(i * 1237 % MANY);
	}
}

static void
expect_sorted(bool sorted)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < MANY; i++) {
		EXPECT(!sorted || number[i] == (int64_t)i);
		sum += number[i];
	}
	EXPECT(sum == (int64_t)MANY * (MANY - 1) / 2);
}

static int
compare(const void *a, const void *b, void *arg)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	(void)arg;
	return (x > y) - (x < y);
}

static uint64_t
key(const void *element, void *arg)
{
	(void)arg;
	return (uint64_t) * (const int64_t *)element;
}

static void
run_sort(tpar_pool *pool)
{
	struct tpar_failure why;

	shuffle();
	expect_sorted(complete(tpar_sort(pool, number, MANY, sizeof number[0],
					 compare, NULL, &why),
			       &why));
}

static void
sort_by_comparing(void)
{
	compute(run_sort);
}

static void
run_sort_by_key(tpar_pool *pool)
{
	struct tpar_failure why;

	shuffle();
	expect_sorted(
		complete(tpar_sort_by_key(pool, number, MANY, sizeof number[0],
					  key, NULL, &why),
			 &why));
}

static void
sort_by_digits(void)
{
	compute(run_sort_by_key);
}

static void
run_sort_numbers(tpar_pool *pool)
{
	struct tpar_failure why;

	shuffle();
	expect_sorted(complete(tpar_sort_i64(pool, number, MANY, &why), &why));
}

static void
sort_numbers(void)
{
	compute(run_sort_numbers);
}

static const struct sweep_scenario scenarios[] = {
	{ "fork and join", fork_and_join, 10 },
	{ "many forks", fork_many, 10 },
	{ "forks that fail", fork_and_fail, 10 },
	{ "loop", loop, 10 },
	{ "loop over tiles", loop_over_tiles, 10 },
	{ "reduce", reduce, 10 },
	{ "scan", scan, 10 },
	{ "find the first", find_the_first, 10 },
	{ "sort by comparing", sort_by_comparing, 10 },
	{ "sort by digits", sort_by_digits, 10 },
	{ "sort numbers", sort_numbers, 10 },
};

SWEEP_TEST(scenarios)

int
main(void)
{
	return sweep_main("sweep_forks", scenario_survives_whatever_fails,
			  sizeof scenarios / sizeof scenarios[0], 350);
}
