/* SPDX-License-Identifier: MIT */
/*
 * test_for_2d.c - loops over a matrix: each item in one tile, tiles cut at
 * multiples of their grains.
 */
#include "unit.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

struct matrix {
	_Atomic unsigned char *times;
	size_t rows;
	size_t columns;
	size_t row_grain;
	size_t column_grain;
};

static bool
is_cut(size_t at, size_t all, size_t grain)
{
	return at == all || grain == 0 || at % grain == 0;
}

static int
count_tile(const struct tpar_tile *tile, void *arg)
{
	struct matrix *m = arg;
	size_t i;
	size_t k;

	UNIT_MUST(tile->row_begin < tile->row_end);
	UNIT_MUST(tile->column_begin < tile->column_end);
	UNIT_MUST(tile->row_end <= m->rows && tile->column_end <= m->columns);
	UNIT_MUST(is_cut(tile->row_begin, m->rows, m->row_grain));
	UNIT_MUST(is_cut(tile->row_end, m->rows, m->row_grain));
	UNIT_MUST(is_cut(tile->column_begin, m->columns, m->column_grain));
	UNIT_MUST(is_cut(tile->column_end, m->columns, m->column_grain));
	for (i = tile->row_begin; i < tile->row_end; i++) {
		for (k = tile->column_begin; k < tile->column_end; k++) {
			atomic_fetch_add(&m->times[i * m->columns + k], 1);
		}
	}
	return 0;
}

static void
check(tpar_pool *pool, size_t rows, size_t columns, size_t row_grain,
      size_t column_grain)
{
	struct matrix m = { calloc(rows * columns + 1, 1), rows, columns,
			    row_grain, column_grain };
	struct tpar_failure why;
	size_t i;

	ck_assert_ptr_nonnull((void *)m.times);
	ck_assert_int_eq(tpar_for_2d(pool, rows, columns, row_grain,
				     column_grain, count_tile, &m, &why),
			 TPAR_OK);
	for (i = 0; i < rows * columns; i++) {
		ck_assert_int_eq(atomic_load(&m.times[i]), 1);
	}
	free((void *)m.times);
}

START_TEST(each_item_is_in_one_tile)
{
	static const size_t sides[] = { 0, 1, 2, 7, 100 };
	static const size_t grains[] = { 0, 1, 3, 50, 1000 };
	const size_t n = sizeof sides / sizeof sides[0];
	unsigned workers;
	size_t r;
	size_t c;
	size_t g;

	for (workers = 1; workers <= 2; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (r = 0; r < n; r++) {
			for (c = 0; c < n; c++) {
				for (g = 0; g < n; g++) {
					check(pool, sides[r], sides[c],
					      grains[g], grains[n - 1 - g]);
				}
			}
		}
		check(pool, 1, 10000, 0, 0);
		check(pool, 10000, 1, 0, 0);
		check(pool, 150, 150, 100, 100);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

static int
expect_rows(const struct tpar_tile *tile, void *arg)
{
	UNIT_MUST(tile->column_begin == 0 &&
		  tile->column_end == *(size_t *)arg);
	return 0;
}

START_TEST(rows_may_stay_whole)
{
	size_t columns = 1000;

	ck_assert_int_eq(tpar_for_2d(NULL, 500, columns, 0, columns,
				     expect_rows, &columns, NULL),
			 TPAR_OK);
	columns = SIZE_MAX;
	ck_assert_int_eq(tpar_for_2d(NULL, 500, columns, 0, columns,
				     expect_rows, &columns, NULL),
			 TPAR_OK);
}
END_TEST

static int
add_rows_and_columns(const struct tpar_tile *tile, void *arg)
{
	_Atomic size_t *sum = arg;

	if (tile->column_begin == 0) {
		atomic_fetch_add(&sum[0], tile->row_end - tile->row_begin);
	}
	if (tile->row_begin == 0) {
		atomic_fetch_add(&sum[1],
				 tile->column_end - tile->column_begin);
	}
	return 0;
}

START_TEST(there_may_be_more_items_than_numbers)
{
	_Atomic size_t sum[2] = { 0, 0 };

	ck_assert_int_eq(tpar_for_2d(NULL, SIZE_MAX, SIZE_MAX, SIZE_MAX / 20,
				     SIZE_MAX / 20, add_rows_and_columns, sum,
				     NULL),
			 TPAR_OK);
	ck_assert(atomic_load(&sum[0]) == SIZE_MAX);
	ck_assert(atomic_load(&sum[1]) == SIZE_MAX);
}
END_TEST

static int
fail_at(const struct tpar_tile *tile, void *arg)
{
	size_t bad = *(size_t *)arg;

	return tile->row_begin <= bad && bad < tile->row_end ? 4 : 0;
}

START_TEST(a_tile_that_fails_is_told_by_its_row)
{
	struct tpar_failure why;
	size_t bad = 33;

	ck_assert_int_eq(tpar_for_2d(NULL, 100, 100, 10, 100, fail_at, &bad,
				     &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 4);
	ck_assert_uint_le(why.index, 30);
	ck_assert_str_eq(why.task, "tpar_for_2d");
	ck_assert_int_eq(tpar_for_2d(NULL, 1, 1, 0, 0, NULL, NULL, &why),
			 TPAR_EINVAL);
	ck_assert_str_ne(why.message, "");
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		each_item_is_in_one_tile,
		rows_may_stay_whole,
		there_may_be_more_items_than_numbers,
		a_tile_that_fails_is_told_by_its_row,
	};

	return unit_main("for_2d", tests, sizeof tests / sizeof tests[0]);
}
