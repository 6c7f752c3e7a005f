/* SPDX-License-Identifier: MIT */
/*
 * test_find_first.c - searches: the lowest of several hits, as if items were
 * looked at one by one; what comes after is not begun.
 */
#include "forks.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* What is looked for: items that are 1; those that are 2 fail. */
struct field {
	const unsigned char *items;
	size_t begin;
	_Atomic size_t looked; /* items */
};

static int
look(size_t begin, size_t end, size_t *hit, void *arg)
{
	struct field *field = arg;
	size_t i;

	UNIT_MUST(begin < end && *hit == end);
	for (i = begin; i < end; i++) {
		atomic_fetch_add(&field->looked, 1);
		if (field->items[i - field->begin] == 1) {
			*hit = i;
			break;
		}
		if (field->items[i - field->begin] == 2) {
			return tpar_fail(5, "item %zu", i);
		}
	}
	return 0;
}

/* A long part ends between cache lines, or where all ends. */
static int
look_at_ends(size_t begin, size_t end, size_t *hit, void *arg)
{
	size_t *longest = arg;

	if (end - begin > 1024) {
		UNIT_MUST(end % 64 == 0 || end == 1000003);
		*longest = end - begin > *longest ? end - begin : *longest;
	}
	UNIT_MUST(*hit == end);
	return 0;
}

#define ITEMS 20000

static unsigned char items[ITEMS];

static size_t
find(tpar_pool *pool, size_t begin, size_t n, size_t grain)
{
	struct field field = { items, begin, 0 };
	size_t index = 77;
	struct tpar_failure why;

	ck_assert_int_eq(tpar_find_first(pool, begin, begin + n, grain, look,
					 &field, &index, &why),
			 TPAR_OK);
	ck_assert_uint_le(atomic_load(&field.looked), n);
	return index - begin;
}

START_TEST(the_lowest_hit_is_found)
{
	static const size_t places[] = { 0, 1, 2, 100, 9999, ITEMS - 1 };
	static const size_t grains[] = { 0, 1, 13, ITEMS, SIZE_MAX };
	unsigned workers;
	size_t k;
	size_t g;

	for (workers = 1; workers <= 3; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (k = 0; k < sizeof places / sizeof places[0]; k++) {
			/* All behind it are hits, too. */
			memset(items, 0, sizeof items);
			memset(items + places[k], 1, ITEMS - places[k]);
			for (g = 0; g < sizeof grains / sizeof grains[0]; g++) {
				ck_assert_uint_eq(find(pool, 0, ITEMS,
						       grains[g]),
						  places[k]);
				ck_assert_uint_eq(find(pool, SIZE_MAX - ITEMS,
						       ITEMS, grains[g]),
						  places[k]);
			}
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(nothing_found_is_the_end)
{
	tpar_pool *pool = unit_pool(2, 1);
	size_t n;

	for (n = 0; n < 5; n++) {
		ck_assert_uint_eq(find(pool, 3, n, 0), n);
		ck_assert_uint_eq(find(pool, SIZE_MAX - n, n, 0), n);
	}
	ck_assert_uint_eq(find(pool, 0, ITEMS, 0), ITEMS);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(long_parts_end_at_a_cache_line)
{
	tpar_pool *pool = unit_pool(1, 1);
	size_t longest = 0;
	size_t index;

	ck_assert_int_eq(tpar_find_first(pool, 5, 1000003, 0, look_at_ends,
					 &longest, &index, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(index, 1000003);
	ck_assert_uint_gt(longest, 1024);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(what_comes_after_a_hit_is_not_begun)
{
	struct field field = { items, 0, 0 };
	tpar_pool *pool = unit_pool(1, 1);
	size_t index;

	items[100] = 1;
	ck_assert_int_eq(tpar_find_first(pool, 0, ITEMS, 10, look, &field,
					 &index, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(index, 100);
	/* One after the other, and the last one up to the hit. */
	ck_assert_uint_eq(atomic_load(&field.looked), 101);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static enum tpar_err
find_or_fail(tpar_pool *pool, size_t *index, struct tpar_failure *why)
{
	struct field field = { items, 0, 0 };

	return tpar_find_first(pool, 0, ITEMS, 100, look, &field, index, why);
}

START_TEST(a_failure_counts_unless_there_is_a_hit_before)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	size_t index = 7;
	int i;

	for (i = 0; i < 20; i++) {
		memset(items, 0, sizeof items);
		items[5000] = 2;
		items[5200] = 2;
		items[5300] = 1;
		index = 7;
		ck_assert_int_eq(find_or_fail(pool, &index, &why),
				 TPAR_EFAILED);
		ck_assert_int_eq(why.code, 5);
		ck_assert_uint_le(why.index, 5000);
		ck_assert_str_eq(why.message, "item 5000");
		ck_assert_uint_eq(index, 7);
		items[4000] = 1;
		ck_assert_int_eq(find_or_fail(pool, &index, &why), TPAR_OK);
		ck_assert_uint_eq(index, 4000);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
miss(size_t begin, size_t end, size_t *hit, void *arg)
{
	(void)begin;
	(void)arg;
	*hit = end + 1;
	return 0;
}

/* The second part fails when the thread that has found something is free again. */
struct race {
	_Atomic int begun;
	struct unit_gate free;
};

static int
open_gate(void *gate, void *value)
{
	(void)value;
	unit_gate_open(gate);
	return 0;
}

static int
find_before_failure(size_t begin, size_t end, size_t *hit, void *arg)
{
	struct race *race = arg;
	tpar_future *f;

	(void)end;
	if (begin == 0) {
		UNIT_MUST(TPAR_RUN(forks_until, NULL, NULL, NULL,
				   &race->begun) == TPAR_OK);
		*hit = 0;
		return 0;
	}
	forks_raise(&race->begun);
	f = unit_submit(NULL, open_gate, &race->free, 0);
	unit_gate_await(&race->free, 1);
	tpar_future_unref(f);
	return 5;
}

START_TEST(a_failure_after_a_hit_was_found_before_it_does_not_count)
{
	struct race race = { .free = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(2, 1);
	size_t index = 7;

	ck_assert_int_eq(tpar_find_first(pool, 0, 2, 1, find_before_failure,
					 &race, &index, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(bad_arguments_are_refused_in_words)
{
	struct tpar_failure why;
	size_t index = 7;

	ck_assert_int_eq(tpar_find_first(NULL, 1, 0, 0, miss, NULL, &index,
					 &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_find_first(NULL, 0, 1, 0, NULL, NULL, &index,
					 &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_find_first(NULL, 0, 1, 0, miss, NULL, NULL, &why),
			 TPAR_EINVAL);
	ck_assert_str_ne(why.message, "");
	/* What test does wrong is found out later. */
	ck_assert_int_eq(tpar_find_first(NULL, 0, 1, 0, miss, NULL, &index,
					 &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "outside"));
	ck_assert_uint_eq(index, 7);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		the_lowest_hit_is_found,
		nothing_found_is_the_end,
		long_parts_end_at_a_cache_line,
		what_comes_after_a_hit_is_not_begun,
		a_failure_counts_unless_there_is_a_hit_before,
		a_failure_after_a_hit_was_found_before_it_does_not_count,
		bad_arguments_are_refused_in_words,
	};

	return unit_main("find_first", tests, sizeof tests / sizeof tests[0]);
}
