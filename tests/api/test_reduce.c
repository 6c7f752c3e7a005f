/* SPDX-License-Identifier: MIT */
/*
 * test_reduce.c - one value from a range: of all items, in their order, with the
 * same bits each time.
 */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of the numbers from `first` to `last`: an operation that does not commute. */
struct span {
	size_t first;
	size_t last;
	bool empty;
};

static int
join_spans(void *left, const void *right, void *arg)
{
	struct span *to = left;
	const struct span *more = right;

	(void)arg;
	if (more->empty) {
		return 0;
	}
	if (to->empty) {
		*to = *more;
		return 0;
	}
	UNIT_MUST(to->last + 1 == more->first);
	to->last = more->last;
	return 0;
}

static int
fold_spans(size_t begin, size_t end, void *value, void *arg)
{
	struct span *to = value;
	size_t i;

	(void)arg;
	UNIT_MUST(begin < end);
	UNIT_MUST(to->empty);
	for (i = begin; i < end; i++) {
		struct span one = { i, i, false };

		join_spans(to, &one, NULL);
	}
	return 0;
}

static const struct span no_span = { 0, 0, true };

static struct tpar_reduction
spans(void)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;

	how.value_size = sizeof(struct span);
	how.identity = &no_span;
	how.fold = fold_spans;
	how.combine = join_spans;
	return how;
}

static void
check_spans(tpar_pool *pool, size_t begin, size_t n, size_t grain)
{
	struct tpar_reduction how = spans();
	struct span span = { 5, 4, false };
	struct tpar_failure why;

	ck_assert_int_eq(tpar_reduce(pool, begin, begin + n, grain, &how, &span,
				     &why),
			 TPAR_OK);
	ck_assert(span.empty == (n == 0));
	if (n > 0) {
		ck_assert_uint_eq(span.first, begin);
		ck_assert_uint_eq(span.last, begin + n - 1);
	}
}

START_TEST(items_are_combined_in_their_order)
{
	static const size_t counts[] = { 0, 1, 2, 3, 16, 17, 1000, 30000 };
	static const size_t grains[] = { 0, 1, 3, 1000, SIZE_MAX };
	unsigned workers;
	size_t k;
	size_t g;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
			for (g = 0; g < sizeof grains / sizeof grains[0]; g++) {
				check_spans(pool, 0, counts[k], grains[g]);
				check_spans(pool, SIZE_MAX - counts[k],
					    counts[k], grains[g]);
			}
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

static int
add_doubles(void *left, const void *right, void *arg)
{
	(void)arg;
	*(double *)left += *(const double *)right;
	return 0;
}

static int
sum_doubles(size_t begin, size_t end, void *value, void *arg)
{
	double sum = *(double *)value;
	size_t i;

	(void)arg;
	for (i = begin; i < end; i++) {
		sum += 1.0 / (double)(i + 1);
	}
	*(double *)value = sum;
	return 0;
}

static struct tpar_reduction
doubles(void)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;

	how.value_size = sizeof(double);
	how.fold = sum_doubles;
	how.combine = add_doubles;
	return how;
}

static double
harmonic(tpar_pool *pool, size_t n, size_t grain)
{
	struct tpar_reduction how = doubles();
	double sum = -1;

	ck_assert_int_eq(tpar_reduce(pool, 0, n, grain, &how, &sum, NULL),
			 TPAR_OK);
	return sum;
}

#define MANY 1000003

/* A quarter of the root, 250, and of that the next lower multiple of 64. */
static int
fold_blocks(size_t begin, size_t end, void *value, void *arg)
{
	UNIT_MUST(begin % 192 == 0);
	UNIT_MUST(end - begin == 192 || end == MANY);
	return fold_spans(begin, end, value, arg);
}

START_TEST(blocks_of_the_librarys_choice_are_multiples_of_64)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_reduction how = spans();
	struct span span;

	how.fold = fold_blocks;
	ck_assert_int_eq(tpar_reduce(pool, 0, MANY, 0, &how, &span, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(span.first, 0);
	ck_assert_uint_eq(span.last, MANY - 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(sums_repeat_bit_for_bit_on_any_number_of_workers)
{
	size_t n = (size_t)unit_scaled(100003);
	tpar_pool *one = unit_pool(1, 1);
	double alone = harmonic(one, n, 0);
	double by_seven = harmonic(one, n, 7);
	unsigned workers;
	int i;

	for (workers = 2; workers <= 4; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (i = 0; i < 10; i++) {
			double sum = harmonic(pool, n, 0);

			ck_assert_mem_eq(&sum, &alone, sizeof sum);
			sum = harmonic(pool, n, 7);
			ck_assert_mem_eq(&sum, &by_seven, sizeof sum);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

/* How often each digit occurs in the numbers: a large value. */
struct digits {
	long times[100];
};

static int
add_digits(void *left, const void *right, void *arg)
{
	struct digits *to = left;
	const struct digits *more = right;
	int i;

	(void)arg;
	for (i = 0; i < 100; i++) {
		to->times[i] += more->times[i];
	}
	return 0;
}

static int
count_digits(size_t begin, size_t end, void *value, void *arg)
{
	struct digits *to = value;
	size_t i;

	(void)arg;
	for (i = begin; i < end; i++) {
		to->times[i % 100]++;
	}
	return 0;
}

START_TEST(values_may_be_large)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	struct digits digits;
	int i;

	how.value_size = sizeof digits;
	how.fold = count_digits;
	how.combine = add_digits;
	ck_assert_int_eq(tpar_reduce(pool, 0, 10000, 0, &how, &digits, NULL),
			 TPAR_OK);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(digits.times[i], 100);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
fold_until(size_t begin, size_t end, void *value, void *arg)
{
	size_t bad = *(size_t *)arg;

	if (begin <= bad && bad < end) {
		return tpar_fail(17, "item %zu is bad", bad);
	}
	return sum_doubles(begin, end, value, NULL);
}

START_TEST(a_fold_that_fails_is_the_outcome)
{
	struct tpar_reduction how = doubles();
	tpar_pool *pool = unit_pool(2, 1);
	size_t bad[] = { 0, 500, 999 };
	struct tpar_failure why;
	double sum = 7;
	int i;

	for (i = 0; i < 3; i++) {
		how.fold = fold_until;
		how.arg = &bad[i];
		ck_assert_int_eq(tpar_reduce(pool, 0, 1000, 10, &how, &sum,
					     &why),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 17);
		ck_assert_uint_eq(why.index, bad[i] / 10 * 10);
		ck_assert_ptr_nonnull(strstr(why.message, "is bad"));
		ck_assert(sum == 7);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
refuse_to_combine(void *left, const void *right, void *arg)
{
	(void)left;
	(void)right;
	(void)arg;
	return 3;
}

START_TEST(a_combination_that_fails_is_the_outcome)
{
	struct tpar_reduction how = doubles();
	struct tpar_failure why;
	double sum = 7;

	how.combine = refuse_to_combine;
	how.name = "never";
	ck_assert_int_eq(tpar_reduce(NULL, 0, 2, 1, &how, &sum, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 3);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_str_eq(why.task, "never");
	ck_assert_ptr_nonnull(strstr(why.message, "never"));
	ck_assert(sum == 7);
	/* One block is not combined with anything. */
	ck_assert_int_eq(tpar_reduce(NULL, 0, 2, 2, &how, &sum, &why), TPAR_OK);
	ck_assert(sum == 1.5);
}
END_TEST

START_TEST(bad_arguments_are_refused_in_words)
{
	struct tpar_reduction how = doubles();
	struct tpar_failure why;
	double sum = 7;

	ck_assert_int_eq(tpar_reduce(NULL, 1, 0, 0, &how, &sum, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, NULL, &sum, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, &how, NULL, &why),
			 TPAR_EINVAL);
	how.value_size = 0;
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, &how, &sum, &why),
			 TPAR_EINVAL);
	how = doubles();
	how.fold = NULL;
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, &how, &sum, &why),
			 TPAR_EINVAL);
	how = doubles();
	how.combine = NULL;
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, &how, &sum, &why),
			 TPAR_EINVAL);
	how = doubles();
	how.size--;
	ck_assert_int_eq(tpar_reduce(NULL, 0, 1, 0, &how, &sum, &why),
			 TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "TPAR_REDUCTION_INIT"));
	ck_assert(sum == 7);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		blocks_of_the_librarys_choice_are_multiples_of_64,
		items_are_combined_in_their_order,
		sums_repeat_bit_for_bit_on_any_number_of_workers,
		values_may_be_large,
		a_fold_that_fails_is_the_outcome,
		a_combination_that_fails_is_the_outcome,
		bad_arguments_are_refused_in_words,
	};

	return unit_main("reduce", tests, sizeof tests / sizeof tests[0]);
}
