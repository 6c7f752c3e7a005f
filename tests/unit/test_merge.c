/* SPDX-License-Identifier: MIT */
/*
 * test_merge.c - merging and sorting of short arrays, by orders and by functions
 * that are none.
 */
#include "config.h"

#include "src/merge.h"

#include "unit.h"

#include <string.h>

/* Elements begin with their key; the rest says which one it is. */
enum { LARGEST = 100, MOST = 300 };

static const size_t sizes[] = { 2, 3, 4, 7, 8, 12, 16, 24, 32, 40, LARGEST };
#define SIZES (sizeof sizes / sizeof sizes[0])

static unsigned seed;
static long compared;

static unsigned
dice(void)
{
	seed = seed * 1103515245u + 12345u;
	return seed >> 16;
}

static int
by_key(const void *a, const void *b, void *arg)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	(void)arg;
	compared++;
	return *x < *y ? -1 : *x > *y;
}

static int
by_dice(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	(void)arg;
	compared++;
	return (int)(dice() % 3) - 1;
}

static int
by_arg(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	compared++;
	return *(int *)arg;
}

static int minus = -1;
static int plus = 1;

static struct tpi_order orders[] = { { by_dice, NULL, 0 },
				     { by_arg, &minus, 0 },
				     { by_arg, &plus, 0 } };
#define ORDERS (sizeof orders / sizeof orders[0])

/* The number of the i-th element, from its bytes after the key. */
static unsigned
number(const unsigned char *element, size_t size)
{
	return size > 2 ? element[1] + 256u * element[2] : element[1];
}

/* Numbers from `first` on; keys by a dice of `faces`. */
static void
fill(unsigned char *at, size_t n, size_t size, size_t first, unsigned faces)
{
	size_t i;

	for (i = 0; i < n; i++) {
		memset(at + i * size, (int)(first + i), size);
		at[i * size] = (unsigned char)(dice() % faces);
		at[i * size + 1] = (unsigned char)(first + i);
		if (size > 2) {
			at[i * size + 2] = (unsigned char)((first + i) >> 8);
		}
	}
}

/* Sorted as it should be, by key and number. */
static bool
is_sorted(const unsigned char *at, size_t n, size_t size)
{
	size_t i;

	for (i = 1; i < n; i++) {
		const unsigned char *x = at + (i - 1) * size;
		const unsigned char *y = at + i * size;

		if (x[0] > y[0] ||
		    (x[0] == y[0] && number(x, size) >= number(y, size))) {
			return false;
		}
	}
	return true;
}

/* Each of n numbers once, and whole. */
static bool
is_complete(const unsigned char *at, size_t n, size_t size)
{
	bool seen[MOST] = { false };
	size_t i;
	size_t k;

	for (i = 0; i < n; i++) {
		const unsigned char *x = at + i * size;
		unsigned which = number(x, size);

		if (which >= n || seen[which]) {
			return false;
		}
		seen[which] = true;
		for (k = 3; k < size; k++) {
			if (x[k] != (unsigned char)which) {
				return false;
			}
		}
	}
	return true;
}

static size_t
most(size_t size)
{
	return size > 2 ? MOST : 256;
}

START_TEST(merges_stably)
{
	unsigned char from[MOST * LARGEST];
	unsigned char to[MOST * LARGEST];
	unsigned char spare[MOST * LARGEST];
	size_t s;
	size_t n;

	seed = 1;
	for (s = 0; s < SIZES; s++) {
		struct tpi_order order = { by_key, NULL, sizes[s] };

		for (n = 0; n <= most(sizes[s]); n += 1 + n / 8) {
			size_t left = n > 0 ? dice() % (n + 1) : 0;
			unsigned char *mid = from + left * sizes[s];

			fill(from, n, sizes[s], 0, 1 + dice() % 40);
			tpi_merge_sort(&order, (char *)from, (char *)spare,
				       left, false);
			tpi_merge_sort(&order, (char *)mid, (char *)spare,
				       n - left, false);
			ck_assert(is_sorted(from, left, sizes[s]));
			ck_assert(is_sorted(mid, n - left, sizes[s]));
			tpi_merge(&order, (char *)to,
				  (struct tpi_sorted) { (char *)from, left },
				  (struct tpi_sorted) { (char *)mid,
							n - left });
			ck_assert(is_sorted(to, n, sizes[s]));
			ck_assert(is_complete(to, n, sizes[s]));
		}
	}
}
END_TEST

START_TEST(sorts_stably_to_where_it_is_told)
{
	unsigned char from[MOST * LARGEST];
	unsigned char to[MOST * LARGEST];
	size_t s;
	size_t n;
	int there;

	seed = 2;
	for (s = 0; s < SIZES; s++) {
		struct tpi_order order = { by_key, NULL, sizes[s] };

		for (n = 0; n <= most(sizes[s]); n += 1 + n / 16) {
			for (there = 0; there < 2; there++) {
				fill(from, n, sizes[s], 0, 1 + dice() % 250);
				tpi_merge_sort(&order, (char *)from, (char *)to,
					       n, there);
				ck_assert(is_sorted(there ? to : from, n,
						    sizes[s]));
				ck_assert(is_complete(there ? to : from, n,
						      sizes[s]));
			}
		}
	}
}
END_TEST

START_TEST(loses_nothing_if_it_is_no_order)
{
	unsigned char from[MOST * LARGEST];
	unsigned char to[MOST * LARGEST];
	size_t s;
	size_t o;
	size_t n;

	seed = 3;
	for (s = 0; s < SIZES * ORDERS; s++) {
		size_t size = sizes[s % SIZES];
		struct tpi_order order = orders[s / SIZES];

		order.size = size;
		for (n = 0; n <= most(size); n += 1 + n / 16) {
			size_t left = n > 0 ? dice() % (n + 1) : 0;

			fill(from, n, size, 0, 9);
			compared = 0;
			tpi_merge(&order, (char *)to,
				  (struct tpi_sorted) { (char *)from, left },
				  (struct tpi_sorted) { (char *)from +
								left * size,
							n - left });
			ck_assert(is_complete(to, n, size));
			ck_assert_int_le(compared, (long)n);
			for (o = 0; o < 2; o++) {
				fill(from, n, size, 0, 9);
				tpi_merge_sort(&order, (char *)from, (char *)to,
					       n, o);
				ck_assert(is_complete(o ? to : from, n, size));
			}
		}
	}
}
END_TEST

START_TEST(splits_where_the_merge_does)
{
	unsigned char from[MOST * 4];
	unsigned char to[MOST * 4];
	struct tpi_order order = { by_key, NULL, 4 };
	struct tpi_sorted left = { (char *)from, 0 };
	struct tpi_sorted right;
	size_t i;
	size_t k;
	int round;

	seed = 4;
	for (round = 0; round < 60; round++) {
		left.n = dice() % 100;
		right.at = left.at + left.n * 4;
		right.n = dice() % 100;
		fill(from, left.n + right.n, 4, 0, 1 + dice() % 30);
		tpi_merge_sort(&order, (char *)from, (char *)to, left.n, false);
		tpi_merge_sort(&order, (char *)from + left.n * 4, (char *)to,
			       right.n, false);
		tpi_merge(&order, (char *)to, left, right);
		for (i = 0, k = 0; k <= left.n + right.n; k++) {
			ck_assert_uint_eq(
				tpi_merge_split(&order, left, right, k), i);
			i += k < left.n + right.n &&
			     number(to + 4 * k, 4) < left.n;
		}
	}
}
END_TEST

START_TEST(splits_within_bounds_if_it_is_no_order)
{
	unsigned char from[MOST * 4];
	size_t o;
	size_t k;
	size_t n;

	seed = 5;
	fill(from, MOST, 4, 0, 5);
	for (o = 0; o < ORDERS; o++) {
		struct tpi_order order = orders[o];

		order.size = 4;
		for (n = 0; n <= MOST; n += 25) {
			struct tpi_sorted left = { (char *)from, n };
			struct tpi_sorted right = { (char *)from + 4 * n,
						    MOST - n };

			for (k = 0; k <= MOST; k++) {
				size_t i =
					tpi_merge_split(&order, left, right, k);

				ck_assert(i <= left.n && i <= k);
				ck_assert(k - i <= right.n);
			}
		}
	}
}
END_TEST

START_TEST(runs_ascend_weakly_or_descend_strictly)
{
	static const struct {
		const char *keys;
		size_t run;
		bool descending;
	} cases[] = { { "a", 1, false },      { "ab", 2, false },
		      { "ba", 2, true },      { "aa", 2, false },
		      { "aabbca", 5, false }, { "dcbba", 3, true },
		      { "dcba", 4, true },    { "abab", 2, false },
		      { "aaab", 4, false },   { "bab", 2, true } };
	struct tpi_order order = { by_key, NULL, 1 };
	size_t i;
	bool descending;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		descending = !cases[i].descending;
		ck_assert_uint_eq(tpi_merge_run(&order, cases[i].keys,
						strlen(cases[i].keys),
						&descending),
				  cases[i].run);
		ck_assert_int_eq(descending, cases[i].descending);
	}
}
END_TEST

START_TEST(reverses_any_size)
{
	unsigned char at[50 * LARGEST];
	size_t s;
	size_t n;
	size_t i;

	for (s = 0; s < SIZES; s++) {
		for (n = 0; n < 50; n++) {
			fill(at, n, sizes[s], 0, 1);
			tpi_merge_reverse((char *)at, n, sizes[s]);
			ck_assert(is_complete(at, n, sizes[s]));
			for (i = 0; i < n; i++) {
				ck_assert_uint_eq(number(at + i * sizes[s],
							 sizes[s]),
						  n - 1 - i);
			}
		}
	}
}
END_TEST

START_TEST(halves_are_about_even)
{
	size_t n;

	for (n = 5; n < 20000; n++) {
		size_t half = tpi_merge_half(n);

		ck_assert_uint_gt(half, 0);
		ck_assert_uint_lt(half, n);
		ck_assert_uint_ge(half + 1, n - half);
		ck_assert_uint_le(half, n / 2 + 32);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		merges_stably,
		sorts_stably_to_where_it_is_told,
		loses_nothing_if_it_is_no_order,
		splits_where_the_merge_does,
		splits_within_bounds_if_it_is_no_order,
		runs_ascend_weakly_or_descend_strictly,
		reverses_any_size,
		halves_are_about_even,
	};

	return unit_main("merge", tests, sizeof tests / sizeof tests[0]);
}
