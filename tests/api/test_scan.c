/* SPDX-License-Identifier: MIT */
/*
 * test_scan.c - prefix sums: what stands where, in place or not, with the same
 * bits each time.
 */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An affine map, x -> factor * x + offset, modulo 2^32: does not commute. */
struct affine {
	uint32_t factor;
	uint32_t offset;
	uint32_t padding[3];
};

static const struct affine unchanged = { 1, 0, { 0, 0, 0 } };

static int
then(void *left, const void *right, void *arg)
{
	struct affine *to = left;
	const struct affine *next = right;

	(void)arg;
	to->offset = next->factor * to->offset + next->offset;
	to->factor *= next->factor;
	return 0;
}

static struct tpar_prefix
maps(bool exclusive)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;

	how.value_size = sizeof(struct affine);
	how.identity = &unchanged;
	how.combine = then;
	how.exclusive = exclusive;
	return how;
}

static struct affine *
make_maps(size_t n)
{
	struct affine *maps = calloc(n + 1, sizeof *maps);
	size_t i;

	UNIT_MUST(maps != NULL);
	for (i = 0; i < n; i++) {
		maps[i].factor = (uint32_t)(2 * i + 3);
		maps[i].offset = (uint32_t)(i * i + 1);
	}
	return maps;
}

static void
check_maps(const struct affine *in, const struct affine *out, size_t n,
	   bool exclusive)
{
	struct affine sum = unchanged;
	size_t i;

	for (i = 0; i < n; i++) {
		struct affine before = sum;

		then(&sum, &in[i], NULL);
		if (memcmp(&out[i], exclusive ? &before : &sum,
			   2 * sizeof(uint32_t)) != 0) {
			ck_abort_msg("out[%zu] of %zu is wrong", i, n);
		}
	}
}

static void
check_scan(tpar_pool *pool, size_t n, size_t grain, bool exclusive)
{
	struct tpar_prefix how = maps(exclusive);
	struct affine *in = make_maps(n);
	struct affine *out = calloc(n + 1, sizeof *out);
	struct tpar_failure why;

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(tpar_scan(pool, in, out, n, grain, &how, &why),
			 TPAR_OK);
	check_maps(in, out, n, exclusive);
	/* In its own place. */
	memcpy(out, in, n * sizeof *in);
	ck_assert_int_eq(tpar_scan(pool, out, out, n, grain, &how, &why),
			 TPAR_OK);
	check_maps(in, out, n, exclusive);
	free(out);
	free(in);
}

START_TEST(each_value_has_the_sum_of_those_before)
{
	static const size_t counts[] = { 0, 1, 2, 3, 10, 1000, 20011 };
	static const size_t grains[] = { 0, 1, 3, 1000, SIZE_MAX };
	unsigned workers;
	size_t k;
	size_t g;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
			for (g = 0; g < sizeof grains / sizeof grains[0]; g++) {
				check_scan(pool, counts[k], grains[g], false);
				check_scan(pool, counts[k], grains[g], true);
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

static struct tpar_prefix
doubles(void)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;

	how.value_size = sizeof(double);
	how.combine = add_doubles;
	return how;
}

START_TEST(sums_repeat_bit_for_bit_on_any_number_of_workers)
{
	size_t n = (size_t)unit_scaled(50021);
	struct tpar_prefix how = doubles();
	double *in = malloc(n * sizeof *in);
	double *first = malloc(n * sizeof *in);
	double *out = malloc(n * sizeof *in);
	unsigned workers;
	size_t i;
	int k;

	ck_assert(in != NULL && first != NULL && out != NULL);
	for (i = 0; i < n; i++) {
		in[i] = 1.0 / (double)(i + 1);
	}
	for (workers = 1; workers <= 4; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (k = 0; k < 10; k++) {
			ck_assert_int_eq(tpar_scan(pool, in,
						   workers == 1 ? first : out,
						   n, 0, &how, NULL),
					 TPAR_OK);
			ck_assert(workers == 1 ||
				  memcmp(out, first, n * sizeof *in) == 0);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
	free(out);
	free(first);
	free(in);
}
END_TEST

/* Fails at one value. */
static int
add_until(void *left, const void *right, void *arg)
{
	if (right == *(const double **)arg) {
		return tpar_fail(9, "that one");
	}
	return add_doubles(left, right, NULL);
}

START_TEST(a_combination_that_fails_is_the_outcome)
{
	struct tpar_prefix how = doubles();
	tpar_pool *pool = unit_pool(2, 1);
	size_t bad[] = { 1, 500, 999 };
	double in[1000] = { 0 };
	double out[1000];
	struct tpar_failure why;
	int i;

	for (i = 0; i < 3; i++) {
		const double *at = &in[bad[i]];

		how.combine = add_until;
		how.arg = &at;
		ck_assert_int_eq(tpar_scan(pool, in, out, 1000, 0, &how, &why),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 9);
		ck_assert_uint_eq(why.index, bad[i]);
		ck_assert_str_eq(why.message, "that one");
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(bad_arguments_are_refused_in_words)
{
	struct tpar_prefix how = doubles();
	struct tpar_failure why;
	double v[4] = { 1, 2, 3, 4 };

	ck_assert_int_eq(tpar_scan(NULL, NULL, v, 4, 0, &how, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_scan(NULL, v, NULL, 4, 0, &how, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_scan(NULL, v, v, 4, 0, NULL, &why), TPAR_EINVAL);
	ck_assert_int_eq(tpar_scan(NULL, v, v + 1, 3, 0, &how, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_scan(NULL, v + 1, v, 3, 0, &how, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_scan(NULL, v, v, SIZE_MAX / 8, 0, &how, &why),
			 TPAR_EINVAL);
	how.combine = NULL;
	ck_assert_int_eq(tpar_scan(NULL, v, v, 4, 0, &how, &why), TPAR_EINVAL);
	how = doubles();
	how.value_size = 0;
	ck_assert_int_eq(tpar_scan(NULL, v, v, 4, 0, &how, &why), TPAR_EINVAL);
	how = doubles();
	how.size = 0;
	ck_assert_int_eq(tpar_scan(NULL, v, v, 4, 0, &how, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "TPAR_PREFIX_INIT"));
	ck_assert(v[0] == 1 && v[1] == 2 && v[2] == 3 && v[3] == 4);
	/* Halves that touch do not overlap. */
	how = doubles();
	ck_assert_int_eq(tpar_scan(NULL, v, v + 2, 2, 0, &how, &why), TPAR_OK);
	ck_assert(v[2] == 1 && v[3] == 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		each_value_has_the_sum_of_those_before,
		sums_repeat_bit_for_bit_on_any_number_of_workers,
		a_combination_that_fails_is_the_outcome,
		bad_arguments_are_refused_in_words,
	};

	return unit_main("scan", tests, sizeof tests / sizeof tests[0]);
}
