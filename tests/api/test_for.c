/* SPDX-License-Identifier: MIT */
/*
 * test_for.c - loops over ranges: each item once, whatever its cost, from
 * wherever the loop is called.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

/* How often each item was done. */
struct count {
	_Atomic unsigned char *times;
	size_t n;
	size_t begin; /* the range begins there */
	size_t grain; /* parts are to be multiples of it; 0: any */
};

static void
count_init(struct count *count, size_t begin, size_t n, size_t grain)
{
	count->times = calloc(n + 1, 1);
	UNIT_MUST(count->times != NULL);
	count->n = n;
	count->begin = begin;
	count->grain = grain;
}

static void
count_check(struct count *count)
{
	size_t i;

	for (i = 0; i < count->n; i++) {
		if (atomic_load(&count->times[i]) != 1) {
			ck_abort_msg("item %zu of %zu was done %d times", i,
				     count->n,
				     (int)atomic_load(&count->times[i]));
		}
	}
	free((void *)count->times);
}

static int
count_items(size_t begin, size_t end, void *arg)
{
	struct count *count = arg;
	size_t i;

	UNIT_MUST(begin < end && begin >= count->begin);
	begin -= count->begin;
	end -= count->begin;
	UNIT_MUST(end <= count->n);
	if (count->grain > 0) {
		UNIT_MUST(begin % count->grain == 0);
		UNIT_MUST(end == count->n || end % count->grain == 0);
	}
	for (i = begin; i < end; i++) {
		atomic_fetch_add(&count->times[i], 1);
	}
	return 0;
}

static void
check_range(tpar_pool *pool, size_t begin, size_t n, size_t grain)
{
	struct count count;
	struct tpar_failure why;

	count_init(&count, begin, n, grain);
	ck_assert_int_eq(tpar_for(pool, begin, begin + n, grain, count_items,
				  &count, &why),
			 TPAR_OK);
	count_check(&count);
}

START_TEST(each_item_is_done_once)
{
	static const size_t counts[] = { 0, 1, 2, 3, 7, 64, 65, 1000, 99991 };
	unsigned workers;
	size_t k;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
			check_range(pool, 0, counts[k], 0);
			check_range(pool, 5, counts[k], 0);
			check_range(pool, SIZE_MAX - counts[k], counts[k], 0);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(parts_are_multiples_of_the_grain)
{
	static const size_t grains[] = {
		1, 2, 7, 100, 999, 1000, 1001, SIZE_MAX
	};
	tpar_pool *pool = unit_pool(2, 1);
	size_t k;

	for (k = 0; k < sizeof grains / sizeof grains[0]; k++) {
		check_range(pool, 0, 1000, grains[k]);
		check_range(pool, SIZE_MAX - 1000, 1000, grains[k]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
add_length(size_t begin, size_t end, void *arg)
{
	atomic_fetch_add((_Atomic size_t *)arg, end - begin);
	return 0;
}

START_TEST(a_range_may_be_as_long_as_numbers_go)
{
	_Atomic size_t sum = 0;
	tpar_pool *pool = unit_pool(2, 1);

	/* In parts that grow, as none takes any time. */
	ck_assert_int_eq(tpar_for(pool, 0, SIZE_MAX, SIZE_MAX / 1000,
				  add_length, &sum, NULL),
			 TPAR_OK);
	ck_assert(atomic_load(&sum) == SIZE_MAX);
	atomic_store(&sum, 0);
	ck_assert_int_eq(tpar_for(pool, 1, SIZE_MAX, SIZE_MAX / 2 + 1,
				  add_length, &sum, NULL),
			 TPAR_OK);
	ck_assert(atomic_load(&sum) == SIZE_MAX - 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(a_range_that_ends_before_it_begins_is_refused)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_for(NULL, 2, 1, 0, add_length, NULL, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert(why.index == SIZE_MAX);
	ck_assert_str_ne(why.message, "");
	ck_assert_int_eq(tpar_for(NULL, 0, 1, 0, NULL, NULL, NULL),
			 TPAR_EINVAL);
}
END_TEST

START_TEST(an_empty_range_calls_nothing)
{
	_Atomic size_t sum = 0;

	ck_assert_int_eq(tpar_for(NULL, 7, 7, 0, add_length, &sum, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_for(NULL, SIZE_MAX, SIZE_MAX, 3, add_length, &sum,
				  NULL),
			 TPAR_OK);
	ck_assert(atomic_load(&sum) == 0);
}
END_TEST

/* The last items take a thousand times as long as the others. */
static int
count_unevenly(size_t begin, size_t end, void *arg)
{
	struct count *count = arg;
	volatile unsigned spin;
	size_t i;

	for (i = begin; i < end; i++) {
		unsigned rounds = i > count->n - count->n / 20 ? 5000 : 5;

		for (spin = 0; spin < rounds; spin++) {
		}
	}
	return count_items(begin, end, arg);
}

START_TEST(items_may_differ_in_what_they_cost)
{
	size_t n = (size_t)unit_scaled(10000);
	tpar_pool *pool = unit_pool(2, 1);
	struct count count;
	int i;

	for (i = 0; i < 3; i++) {
		count_init(&count, 0, n, 0);
		ck_assert_int_eq(tpar_for(pool, 0, n, 0, count_unevenly, &count,
					  NULL),
				 TPAR_OK);
		count_check(&count);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		each_item_is_done_once,
		parts_are_multiples_of_the_grain,
		a_range_may_be_as_long_as_numbers_go,
		a_range_that_ends_before_it_begins_is_refused,
		an_empty_range_calls_nothing,
		items_may_differ_in_what_they_cost,
	};

	return unit_main("for", tests, sizeof tests / sizeof tests[0]);
}
