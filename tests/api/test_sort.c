/* SPDX-License-Identifier: MIT */
/*
 * test_sort.c - tpar_sort() gives what a stable sort gives, for all kinds of
 * arrays, in pools of any width and from anywhere.
 */
#include "unit.h"

#include <string.h>

/* A key and, as far as there is room, which element it is. */
enum { LARGEST = 100, MOST = 20000 };

static const size_t sizes[] = { 1, 2, 3, 4, 7, 8, 12, 16, 24, 32, 40, LARGEST };
static const size_t lengths[] = { 0,   1,   2,	  3,	4,    5,   8,
				  9,   31,  32,	  33,	100,  511, 512,
				  513, 600, 1000, 1025, 5000, MOST };
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static _Thread_local uint32_t seed;
static int context; /* what compare is called with */

static unsigned
dice(unsigned faces)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % faces;
}

/* ---- What they look like, and what they ought to be afterwards ------------ */

enum shape { RANDOM, ASCENDING, FALLING, EQUAL, SAW, ORGAN, TWO_RUNS, SHAPES };

static unsigned
key(enum shape shape, size_t i, size_t n)
{
	switch (shape) {
	case RANDOM:
		return dice(256);
	case ASCENDING:
		return (unsigned)(i * 256 / n);
	case FALLING:
		return 255 - (unsigned)(i * 256 / n);
	case EQUAL:
		return 7;
	case SAW:
		return (unsigned)(i % 200);
	case ORGAN:
		return (unsigned)((i < n / 2 ? i : n - 1 - i) * 256 / n);
	default:
		return (unsigned)((i < n / 3 ? i : i - n / 3) * 256 / n);
	}
}

static void
fill(unsigned char *at, size_t n, size_t size, enum shape shape)
{
	size_t i;
	size_t k;

	for (i = 0; i < n; i++) {
		at[i * size] = (unsigned char)key(shape, i, n);
		for (k = 1; k < size; k++) {
			at[i * size + k] =
				(unsigned char)(k < 4 ? i >> (8 * (k - 1))
						      : i * k);
		}
	}
}

/* By the key, which is stable by itself: counts. */
static void
sort_by_counting(const unsigned char *from, unsigned char *to, size_t n,
		 size_t size)
{
	size_t at[257] = { 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		at[from[i * size] + 1]++;
	}
	for (i = 1; i < 257; i++) {
		at[i] += at[i - 1];
	}
	for (i = 0; i < n; i++) {
		memcpy(to + at[from[i * size]]++ * size, from + i * size, size);
	}
}

static int
by_key(const void *a, const void *b, void *arg)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	UNIT_MUST(arg == &context);
	return *x < *y ? -1 : *x > *y;
}

static bool
sorts(tpar_pool *pool, size_t n, size_t size, enum shape shape)
{
	unsigned char *array = malloc(n * size + 1);
	unsigned char *expected = malloc(n * size + 1);
	bool same;

	UNIT_MUST(array != NULL && expected != NULL);
	fill(array, n, size, shape);
	sort_by_counting(array, expected, n, size);
	array[n * size] = 99;
	expected[n * size] = 99;
	same = tpar_sort(pool, array, n, size, by_key, &context, NULL) ==
		       TPAR_OK &&
	       memcmp(array, expected, n * size + 1) == 0;
	free(array);
	free(expected);
	return same;
}

static const unsigned widths[] = { 1, 2, 4 };

START_TEST(any_size_any_length_any_shape)
{
	size_t w;
	size_t s;
	size_t l;

	for (w = 0; w < COUNT(widths); w++) {
		tpar_pool *pool = unit_pool(widths[w], 0);

		seed = (uint32_t)w;
		for (s = 0; s < COUNT(sizes); s++) {
			for (l = 0; l < COUNT(lengths); l++) {
				ck_assert(sorts(pool, lengths[l], sizes[s],
						(enum shape)dice(SHAPES)));
				ck_assert(sorts(pool, lengths[l], sizes[s],
						RANDOM));
			}
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(shapes_of_all_lengths)
{
	tpar_pool *pool = unit_pool(2, 0);
	size_t n;
	int shape;

	seed = 17;
	for (shape = 0; shape < SHAPES; shape++) {
		for (n = 1; n < (size_t)unit_scaled(40000); n += 1 + n / 3) {
			ck_assert(sorts(pool, n, 4, (enum shape)shape));
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Against qsort() ------------------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_number_counting(const void *a, const void *b, void *arg)
{
	(void)__atomic_fetch_add((long *)arg, 1, __ATOMIC_RELAXED);
	return by_number(a, b);
}

START_TEST(numbers_as_qsort)
{
	tpar_pool *pool = unit_pool(3, 0);
	size_t n = (size_t)unit_scaled(200000);
	uint64_t *numbers = malloc(n * sizeof *numbers);
	uint64_t *expected = malloc(n * sizeof *expected);
	long compared = 0;
	size_t i;

	ck_assert(numbers != NULL && expected != NULL);
	seed = 5;
	for (i = 0; i < n; i++) {
		numbers[i] = (uint64_t)dice(1u << 24) << 40 | dice(1u << 24);
		expected[i] = numbers[i];
	}
	qsort(expected, n, sizeof *expected, by_number);
	ck_assert_int_eq(tpar_sort(pool, numbers, n, sizeof *numbers,
				   by_number_counting, &compared, NULL),
			 TPAR_OK);
	ck_assert(memcmp(numbers, expected, n * sizeof *numbers) == 0);
	ck_assert_int_le(compared, (long)n * 19);
	free(numbers);
	free(expected);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* How many comparisons n numbers take that begin so and go on by steps. */
static long
comparisons(tpar_pool *pool, size_t n, uint64_t first, uint64_t step)
{
	uint64_t *numbers = malloc(n * sizeof *numbers);
	long compared = 0;
	size_t i;

	UNIT_MUST(numbers != NULL);
	for (i = 0; i < n; i++) {
		numbers[i] = first + i * step;
	}
	UNIT_MUST(tpar_sort(pool, numbers, n, sizeof *numbers,
			    by_number_counting, &compared, NULL) == TPAR_OK);
	for (i = 1; i < n; i++) {
		UNIT_MUST(numbers[i - 1] <= numbers[i]);
	}
	free(numbers);
	return compared;
}

START_TEST(what_is_in_order_takes_one_comparison_each)
{
	tpar_pool *pool = unit_pool(2, 0);
	size_t n;

	for (n = 2; n < (size_t)unit_scaled(100000); n = 3 * n + 1) {
		ck_assert_int_le(comparisons(pool, n, 5, 3), (long)n);
		ck_assert_int_le(comparisons(pool, n, 5, 0), (long)n);
		ck_assert_int_le(comparisons(pool, n, UINT64_MAX, UINT64_MAX),
				 (long)(n + n / 100));
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- From anywhere --------------------------------------------------------- */

static int
sort_task(void *pool, void *value)
{
	(void)value;
	UNIT_MUST(sorts(pool, MOST, 8, RANDOM));
	UNIT_MUST(sorts(NULL, MOST, 24, TWO_RUNS));
	return 0;
}

START_TEST(inside_a_task)
{
	tpar_pool *pool = unit_pool(2, 0);

	unit_run_in(pool, sort_task, pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(in_another_pool_than_the_tasks)
{
	tpar_pool *pool = unit_pool(2, 0);
	tpar_pool *other = unit_pool(1, 0);

	unit_run_in(other, sort_task, pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
}
END_TEST

START_TEST(in_the_default_pool)
{
	ck_assert(sorts(NULL, MOST, 8, RANDOM));
}
END_TEST

TPAR_TASK_2(long, sort_in_tree, tpar_pool *, pool, int, depth)
{
	long below;

	if (depth == 0) {
		UNIT_MUST(sorts(pool, MOST / 10, 16, RANDOM));
		return 1;
	}
	TPAR_FORK(sort_in_tree, pool, depth - 1);
	UNIT_MUST(sorts(NULL, 1000, 4, SAW));
	below = TPAR_CALL(sort_in_tree, pool, depth - 1);
	return below + TPAR_JOIN(sort_in_tree);
}

START_TEST(inside_fork_join_tasks)
{
	size_t w;

	for (w = 0; w < COUNT(widths); w++) {
		tpar_pool *pool = unit_pool(widths[w], 0);
		long leaves = 0;

		ck_assert_int_eq(TPAR_RUN(sort_in_tree, pool, &leaves, NULL,
					  pool, 5),
				 TPAR_OK);
		ck_assert_int_eq(leaves, 32);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

static void *
sort_on_a_thread(void *pool)
{
	int i;

	for (i = 0; i < 10; i++) {
		UNIT_MUST(sorts(pool, MOST / 4, 8, ORGAN));
	}
	return NULL;
}

START_TEST(from_several_threads)
{
	tpar_pool *pool = unit_pool(2, 0);
	pthread_t threads[3];
	int i;

	for (i = 0; i < 3; i++) {
		threads[i] = unit_start(sort_on_a_thread, pool);
	}
	for (i = 0; i < 3; i++) {
		unit_join(threads[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Where elements lie ---------------------------------------------------- */

static int
by_unaligned(const void *a, const void *b, void *arg)
{
	uint64_t x;
	uint64_t y;

	(void)arg;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

START_TEST(at_any_address)
{
	static char memory[8 * 3000 + 8];
	tpar_pool *pool = unit_pool(2, 0);
	uint64_t last;
	uint64_t number;
	size_t shift;
	size_t i;

	for (shift = 0; shift < 8; shift++) {
		for (i = 0; i < 3000; i++) {
			number = (i * 7919) % 3001;
			memcpy(memory + shift + 8 * i, &number, 8);
		}
		ck_assert_int_eq(tpar_sort(pool, memory + shift, 3000, 8,
					   by_unaligned, NULL, NULL),
				 TPAR_OK);
		for (last = 0, i = 0; i < 3000; i++, last = number) {
			memcpy(&number, memory + shift + 8 * i, 8);
			ck_assert_uint_le(last, number);
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct wide {
	_Alignas(256) unsigned key;
	unsigned number;
};

static int
by_wide(const void *a, const void *b, void *arg)
{
	const struct wide *x = a;
	const struct wide *y = b;

	(void)arg;
	UNIT_MUST((uintptr_t)a % _Alignof(struct wide) == 0);
	UNIT_MUST((uintptr_t)b % _Alignof(struct wide) == 0);
	return x->key < y->key ? -1 : x->key > y->key;
}

START_TEST(aligned_elements_stay_aligned)
{
	static struct wide wide[2000];
	tpar_pool *pool = unit_pool(2, 0);
	unsigned i;

	seed = 3;
	for (i = 0; i < 2000; i++) {
		wide[i].key = dice(500);
		wide[i].number = i;
	}
	ck_assert_int_eq(tpar_sort(pool, wide, 2000, sizeof wide[0], by_wide,
				   NULL, NULL),
			 TPAR_OK);
	for (i = 1; i < 2000; i++) {
		ck_assert(wide[i - 1].key < wide[i].key ||
			  (wide[i - 1].key == wide[i].key &&
			   wide[i - 1].number < wide[i].number));
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		any_size_any_length_any_shape,
		shapes_of_all_lengths,
		numbers_as_qsort,
		what_is_in_order_takes_one_comparison_each,
		inside_a_task,
		in_another_pool_than_the_tasks,
		in_the_default_pool,
		inside_fork_join_tasks,
		from_several_threads,
		at_any_address,
		aligned_elements_stay_aligned,
	};

	return unit_main("sort", tests, sizeof tests / sizeof tests[0]);
}
