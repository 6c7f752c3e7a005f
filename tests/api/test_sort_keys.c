/* SPDX-License-Identifier: MIT */
/*
 * test_sort_keys.c - tpar_sort_by_key() and those of numbers give what a stable
 * sort by comparing gives.
 */
#include "unit.h"

#include <string.h>

/* So many are split, in chunks and in turn. */
enum { MOST = 300000, LONG = 70000, WIDE = 20000 };

static const unsigned widths[] = { 1, 2, 4 };
static const size_t lengths[] = { 0,   1,   2,	 3,    50,   127,
				  128, 129, 300, 5000, LONG, MOST };
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static _Thread_local uint64_t seed = 1;

static uint64_t
dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- Numbers ---------------------------------------------------------------- */

enum shape {
	RANDOM,
	DENSE,
	FEW,
	ONE,
	TWO_ENDS,
	POWERS,
	SPARSE,
	RISING,
	SHAPES
};

static uint64_t
number(enum shape shape, size_t i)
{
	uint64_t x = dice();

	switch (shape) {
	case RANDOM:
		return x;
	case DENSE:
		return x % MOST;
	case FEW:
		return x % 5 + 1000;
	case ONE:
		return 77;
	case TWO_ENDS:
		return (x % 7) << 60 | (x >> 9) % 100;
	case POWERS:
		return UINT64_C(1) << (x % 64) | (x >> 60);
	case SPARSE:
		return (x % MOST) << 20;
	default:
		return i;
	}
}

static uint64_t numbers[MOST];
static uint64_t expected[MOST];

static int
by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
by_i32(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a;
	int32_t y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

enum type { U64, I64, U32, I32, TYPES };

static enum tpar_err
sort_type(tpar_pool *pool, enum type type, size_t n)
{
	switch (type) {
	case U64:
		return tpar_sort_u64(pool, numbers, n, NULL);
	case I64:
		return tpar_sort_i64(pool, (int64_t *)numbers, n, NULL);
	case U32:
		return tpar_sort_u32(pool, (uint32_t *)(void *)numbers, n,
				     NULL);
	default:
		return tpar_sort_i32(pool, (int32_t *)(void *)numbers, n, NULL);
	}
}

/* As qsort() does; the bytes behind stay as they are. */
static bool
sorts(tpar_pool *pool, enum type type, size_t n, enum shape shape)
{
	static int (*const compare[])(const void *a,
				      const void *b) = { by_u64, by_i64, by_u32,
							 by_i32 };
	size_t i;

	for (i = 0; i < MOST; i++) {
		numbers[i] = number(shape, i);
	}
	memcpy(expected, numbers, sizeof numbers);
	qsort(expected, n, type < U32 ? 8 : 4, compare[type]);
	return sort_type(pool, type, n) == TPAR_OK &&
	       memcmp(numbers, expected, sizeof numbers) == 0;
}

START_TEST(numbers_as_qsort)
{
	size_t w;
	size_t l;
	int type;

	for (w = 0; w < COUNT(widths); w++) {
		tpar_pool *pool = unit_pool(widths[w], 0);

		for (type = 0; type < TYPES; type++) {
			for (l = 0; l < COUNT(lengths) - 1; l++) {
				ck_assert(sorts(pool, (enum type)type,
						lengths[l],
						(enum shape)(dice() % SHAPES)));
			}
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(long_arrays_of_all_shapes)
{
	tpar_pool *pool = unit_pool(2, 0);
	int shape;

	for (shape = 0; shape < SHAPES; shape++) {
		ck_assert(sorts(pool, U64, MOST, (enum shape)shape));
	}
	ck_assert(sorts(pool, I64, MOST, RANDOM));
	ck_assert(sorts(pool, I32, MOST, RANDOM));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Records ---------------------------------------------------------------- */

enum { LARGEST = 40 };

static unsigned char records[WIDE * LARGEST];

struct key {
	size_t size; /* of a record */
	unsigned bytes;
	unsigned shift;
};

/* Of the first bytes. */
static uint64_t
key_of(const void *element, void *arg)
{
	const struct key *key = arg;
	uint64_t value = 0;

	memcpy(&value, element, key->bytes);
	return value << key->shift;
}

/* Key bytes, then which one it is, as far as there is room. */
static void
fill(size_t n, const struct key *key, uint64_t faces)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char *record = records + i * key->size;
		uint64_t value = dice() % faces;
		uint32_t which = (uint32_t)i;
		size_t room = key->size - key->bytes;

		memset(record, (int)i, key->size);
		memcpy(record, &value, key->bytes);
		memcpy(record + key->bytes, &which,
		       room < sizeof which ? room : sizeof which);
	}
}

static bool
is_sorted(size_t n, struct key *key)
{
	size_t i;

	for (i = 1; i < n; i++) {
		const unsigned char *b = records + i * key->size;
		const unsigned char *a = b - key->size;
		uint32_t x = 0;
		uint32_t y = 0;

		if (key_of(a, key) != key_of(b, key)) {
			if (key_of(a, key) > key_of(b, key)) {
				return false;
			}
			continue;
		}
		if (key->size < key->bytes + sizeof x) {
			continue;
		}
		memcpy(&x, a + key->bytes, sizeof x);
		memcpy(&y, b + key->bytes, sizeof y);
		/* Behind that number, if anything, the record is full of it. */
		if (x >= y || (key->size > key->bytes + sizeof y &&
			       b[key->size - 1] != (uint8_t)y)) {
			return false;
		}
	}
	return true;
}

START_TEST(records_are_sorted_stably)
{
	static struct key keys[] = {
		{ 1, 1, 0 },  { 3, 2, 0 },  { 4, 2, 7 },   { 7, 3, 0 },
		{ 8, 4, 0 },  { 8, 8, 0 },  { 12, 4, 32 }, { 16, 8, 0 },
		{ 24, 4, 9 }, { 32, 8, 0 }, { 40, 8, 0 },  { 40, 1, 63 },
	};
	static const uint64_t faces[] = { 3, 200, 1 << 20, UINT64_MAX };
	tpar_pool *pool = unit_pool(2, 0);
	size_t k;
	size_t l;

	for (k = 0; k < COUNT(keys); k++) {
		for (l = 0; l < COUNT(lengths) + 1; l++) {
			size_t n = l < COUNT(lengths) - 2 ? lengths[l] : WIDE;

			fill(n, &keys[k], faces[dice() % COUNT(faces)]);
			ck_assert_int_eq(tpar_sort_by_key(pool, records, n,
							  keys[k].size, key_of,
							  &keys[k], NULL),
					 TPAR_OK);
			ck_assert(is_sorted(n, &keys[k]));
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- From anywhere ---------------------------------------------------------- */

static int
sort_task(void *pool, void *value)
{
	(void)value;
	UNIT_MUST(sorts(pool, U64, MOST, RANDOM));
	UNIT_MUST(sorts(NULL, U32, LONG, DENSE));
	return 0;
}

START_TEST(inside_a_task_and_by_default)
{
	tpar_pool *pool = unit_pool(2, 0);

	unit_run_in(pool, sort_task, pool);
	ck_assert(sorts(NULL, I64, MOST, POWERS));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Halves of one array. */
TPAR_TASK_2(int, sort_halves, size_t, first, size_t, n)
{
	int right;

	if (n < MOST / 2) {
		return tpar_sort_u64(NULL, numbers + first, n, NULL) == TPAR_OK;
	}
	TPAR_FORK(sort_halves, first, n / 2);
	right = TPAR_CALL(sort_halves, first + n / 2, n - n / 2);
	return TPAR_JOIN(sort_halves) + right;
}

START_TEST(inside_fork_join_tasks)
{
	tpar_pool *pool = unit_pool(2, 0);
	int done = 0;
	size_t i;

	for (i = 0; i < MOST; i++) {
		numbers[i] = dice();
	}
	ck_assert_int_eq(TPAR_RUN(sort_halves, pool, &done, NULL, 0, MOST),
			 TPAR_OK);
	ck_assert_int_eq(done, 4);
	for (i = 1; i < MOST; i++) {
		if (i % (MOST / 4) != 0 && numbers[i - 1] > numbers[i]) {
			break;
		}
	}
	ck_assert_uint_eq(i, MOST);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		numbers_as_qsort,	   long_arrays_of_all_shapes,
		records_are_sorted_stably, inside_a_task_and_by_default,
		inside_fork_join_tasks,
	};

	return unit_main("sort_keys", tests, sizeof tests / sizeof tests[0]);
}
