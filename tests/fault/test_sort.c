/* SPDX-License-Identifier: MIT */
/*
 * test_sort.c - sorting without memory or threads: the array keeps its elements,
 * and is untouched where the call says so.
 */
#include "config.h"

#include "fault.h"

#include "src/slots.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

/* By keys so many that they are split. */
enum { BY_ORDER = 5000, BY_KEYS = 66000 };

static uint64_t array[BY_KEYS];
static size_t items;
static tpar_pool *pool;

static int
by_number(const void *a, const void *b, void *arg)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	(void)arg;
	return *x < *y ? -1 : *x > *y;
}

static uint64_t
number(size_t i)
{
	return i * 7919 % items;
}

static bool
is_untouched(void)
{
	size_t i;

	for (i = 0; i < items && array[i] == number(i); i++) {
	}
	return i == items;
}

static bool
is_sorted(void)
{
	size_t i;

	for (i = 0; i < items && array[i] == i; i++) {
	}
	return i == items;
}

static void
sort_array(tpar_pool *where)
{
	struct tpar_failure why;
	enum tpar_err err;
	size_t i;

	for (i = 0; i < items; i++) {
		array[i] = number(i);
	}
	err = items == BY_KEYS ? tpar_sort_u64(where, array, items, &why)
			       : tpar_sort(where, array, items, sizeof array[0],
					   by_number, NULL, &why);
	if (err == TPAR_OK) {
		EXPECT(is_sorted());
		return;
	}
	EXPECT(fault_any());
	EXPECT(err == TPAR_ENOMEM || err == TPAR_EAGAIN);
	EXPECT(why.code == (int)err);
	EXPECT(why.message[0] != '\0');
	EXPECT(is_untouched());
}

static void
sort_outside(void)
{
	pool = unit_pool(3, 1);
	fault_begin();
	sort_array(pool);
	fault_end();
	sort_array(pool);
	EXPECT(is_sorted());
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static int
sort_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	fault_begin();
	sort_array(NULL);
	fault_end();
	sort_array(NULL);
	EXPECT(is_sorted());
	return 0;
}

static void
sort_inside(void)
{
	pool = unit_pool(3, 1);
	unit_run_in(pool, sort_task, NULL);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

/* The pool is made and destroyed by each sort. */
static void
sort_by_default(void)
{
	fault_begin();
	sort_array(NULL);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
	fault_end();
	sort_array(NULL);
	EXPECT(is_sorted());
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* ---- Below a task that has used up the slots for forks -------------------------- */

/* Of what is there, in any order. */
static uint64_t
fingerprint(void)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < items; i++) {
		sum += (array[i] ^ array[i] >> 29) * 0x9e3779b97f4a7c15;
	}
	return sum;
}

/*
 * 256 buckets of some 256; in each of them those that differ in low bits alone are
 * the wrong way round, two by two, which is mended in the end.
 */
static void
fill_with_pairs(void)
{
	size_t i;

	for (i = 0; i < items; i++) {
		uint64_t in_bucket = i / 256;

		array[i] = (uint64_t)(i % 256) << 56 | in_bucket / 2 << 32 |
			   (2 - in_bucket % 2);
	}
}

static size_t spare; /* slots that are left */

TPAR_VOID_TASK_0(nothing)
{
}

TPAR_VOID_TASK_0(sort_beyond)
{
	struct tpar_slot *end = tpi_slots_of(tpar_head)->end - spare;
	struct tpar_failure why;
	uint64_t before;
	size_t n = 0;
	enum tpar_err err;

	for (; tpar_head < end; n++) {
		TPAR_FORK(nothing);
	}
	fill_with_pairs();
	before = fingerprint();
	fault_begin();
	err = items == BY_KEYS ? tpar_sort_u64(NULL, array, items, &why)
			       : tpar_sort(NULL, array, items, sizeof array[0],
					   by_number, NULL, &why);
	fault_end();
	EXPECT(fingerprint() == before);
	if (err != TPAR_OK) {
		EXPECT(fault_any());
		EXPECT(err == TPAR_ENOMEM);
		EXPECT(why.code == TPAR_ENOMEM);
	}
	for (; n > 0; n--) {
		TPAR_JOIN(nothing);
	}
}

static void
sort_without_slots(void)
{
	pool = unit_pool(1, 1);
	EXPECT(TPAR_RUN(sort_beyond, pool, NULL, NULL) == TPAR_OK);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

/* By comparing, and by keys. */
static long
sweep(fault_scenario scenario)
{
	long injections;

	items = BY_ORDER;
	injections = fault_sweep(scenario);
	items = BY_KEYS;
	return injections + fault_sweep(scenario);
}

START_TEST(from_outside)
{
	ck_assert_int_ge(sweep(sort_outside), 3);
}
END_TEST

START_TEST(in_a_task)
{
	ck_assert_int_ge(sweep(sort_inside), 2);
}
END_TEST

START_TEST(in_the_default_pool)
{
	ck_assert_int_ge(sweep(sort_by_default), 20);
}
END_TEST

START_TEST(without_slots)
{
	for (spare = 0; spare < 4; spare++) {
		ck_assert_int_ge(sweep(sort_without_slots), 6);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { from_outside, in_a_task, in_the_default_pool,
				 without_slots };

	return fault_main("sort without memory", tests,
			  sizeof tests / sizeof tests[0], 30);
}
