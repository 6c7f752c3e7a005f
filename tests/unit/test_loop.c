/* SPDX-License-Identifier: MIT */
/*
 * test_loop.c - a loop as part of an algorithm: where parts are cut, how long
 * they are.
 */
#include "config.h"

#include "unit.h"

#include "src/loop.h"

#include <stdint.h>

struct walk {
	struct tpi_algo algo;
	struct tpi_loop loop;
	size_t first; /* row of the loop */
	size_t next;  /* row that comes next, on one worker */
	size_t calls; /* of the body */
	size_t longest;
};

static int
walk_rows(const struct tpar_tile *tile, void *arg)
{
	struct walk *walk = arg;
	size_t rows = tile->row_end - tile->row_begin;

	UNIT_MUST(tile->row_begin == walk->next);
	if (rows > TPI_ALGO_LONG && walk->loop.row_grain == 1) {
		UNIT_MUST(tile->row_begin == walk->first ||
			  tile->row_begin % TPI_ALGO_EVEN == 0);
	}
	walk->next = tile->row_end;
	walk->calls++;
	walk->longest = rows > walk->longest ? rows : walk->longest;
	return 0;
}

TPAR_VOID_TASK_1(run_walk, struct walk *, walk)
{
	tpi_algo_begin(&walk->algo, tpar_head);
	tpi_loop_run(tpar_head, &walk->loop);
	tpi_algo_end(&walk->algo, tpar_head);
}

static void
walk_over(struct walk *walk, size_t rows, size_t grain)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_tile all = { walk->first, walk->first + rows, 0, 1 };
	union {
		struct tpar_slot slot;
		struct tpar_slot_run_walk_ typed;
	} root;

	walk->next = walk->first;
	walk->algo.name = "walk";
	walk->loop.algo = &walk->algo;
	walk->loop.body = walk_rows;
	walk->loop.arg = walk;
	walk->loop.all = all;
	walk->loop.row_grain = grain;
	walk->loop.column_grain = 1;
	root.typed.data.arg.walk = walk;
	ck_assert_int_eq(tpi_algo_run(&walk->algo, pool, tpar_wrap_run_walk_,
				      &root.slot, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(walk->next, all.row_end);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(one_worker_goes_from_left_to_right)
{
	size_t rows;

	for (rows = 1; rows < 40; rows++) {
		struct walk walk = { .first = 0 };

		walk_over(&walk, rows, 1);
		ck_assert_uint_le(walk.calls, rows);
	}
}
END_TEST

START_TEST(parts_grow_while_they_take_no_time)
{
	struct walk walk = { .first = 0 };

	walk_over(&walk, 1000000, 1);
	ck_assert_uint_ge(walk.longest, 8);
	ck_assert_uint_le(walk.calls, 1000000 / 8);
}
END_TEST

START_TEST(long_parts_begin_at_a_cache_line)
{
	size_t first;

	for (first = 0; first < 200; first += 7) {
		struct walk walk = { .first = first };

		walk_over(&walk, 1000003, 1);
		ck_assert_uint_gt(walk.longest, TPI_ALGO_LONG);
	}
}
END_TEST

START_TEST(what_is_one_grain_is_one_call)
{
	struct walk walk = { .first = 0 };

	walk_over(&walk, 1000, 1000);
	ck_assert_uint_eq(walk.calls, 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		one_worker_goes_from_left_to_right,
		parts_grow_while_they_take_no_time,
		long_parts_begin_at_a_cache_line,
		what_is_one_grain_is_one_call,
	};

	return unit_main("loop", tests, sizeof tests / sizeof tests[0]);
}
