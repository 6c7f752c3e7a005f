/* SPDX-License-Identifier: MIT */
/*
 * test_pace.c - how many items come next, from how long some took.
 */
#include "config.h"

#include "unit.h"

#include "src/pace.h"

/* As if `items` had taken `spent` nanoseconds, or more by what happens now. */
static size_t
after(struct tpi_pace *pace, size_t items, int64_t spent, size_t rest)
{
	tpi_pace_begin(pace);
	(void)tpi_pace_end(pace, items);
	pace->stamp = tpi_clock_now() - spent;
	(void)tpi_pace_adapt(pace, rest);
	return tpi_pace_chunk(pace);
}

START_TEST(long_items_come_one_by_one)
{
	struct tpi_pace pace;

	tpi_pace_init(&pace, 1, 1, false);
	ck_assert_uint_eq(after(&pace, 1, TPI_PACE_CALL_NS, 1000), 1);
	ck_assert(pace.sure);
	tpi_pace_init(&pace, 1, 1000, false);
	ck_assert_uint_eq(after(&pace, 10, 100 * TPI_PACE_CALL_NS, SIZE_MAX),
			  1);
}
END_TEST

START_TEST(short_items_become_more_but_not_at_once)
{
	struct tpi_pace pace;
	size_t chunk;

	tpi_pace_init(&pace, 1, 1, false);
	chunk = after(&pace, 10, 0, SIZE_MAX);
	ck_assert_uint_ge(chunk, 1);
	ck_assert_uint_le(chunk, 80);
	/* 600 ns each, so ten take their time. */
	tpi_pace_init(&pace, 1, 4, false);
	chunk = after(&pace, 4, 4 * TPI_PACE_CALL_NS / 10, SIZE_MAX);
	ck_assert_uint_ge(chunk, 1);
	ck_assert_uint_le(chunk, 10);
}
END_TEST

START_TEST(what_was_too_much_becomes_less)
{
	struct tpi_pace pace;

	tpi_pace_init(&pace, 1, 1000, true);
	ck_assert_uint_le(after(&pace, 1000, 10 * TPI_PACE_CALL_NS, SIZE_MAX),
			  1000 / 10);
}
END_TEST

START_TEST(never_fewer_than_the_grain)
{
	struct tpi_pace pace;

	tpi_pace_init(&pace, 7, 1, false);
	ck_assert_uint_eq(tpi_pace_chunk(&pace), 7);
	ck_assert_uint_eq(after(&pace, 7, 100 * TPI_PACE_CALL_NS, 7), 7);
	tpi_pace_init(&pace, SIZE_MAX, 1, false);
	ck_assert_uint_eq(after(&pace, SIZE_MAX, 0, SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST(of_a_short_rest_an_eighth_at_once)
{
	struct tpi_pace pace;

	/* An item takes 60 ns, so 100 would be right, of a long rest. */
	tpi_pace_init(&pace, 1, 50, true);
	ck_assert_uint_le(after(&pace, 50, TPI_PACE_CALL_NS / 2, 480), 60);
	/* What is short is not cut any further. */
	tpi_pace_init(&pace, 1, 50, true);
	ck_assert_uint_le(after(&pace, 50, TPI_PACE_CALL_NS / 2, 0), 50);
}
END_TEST

START_TEST(the_clock_is_read_when_a_chunk_is_done)
{
	struct tpi_pace pace;

	tpi_pace_init(&pace, 1, 10, false);
	tpi_pace_begin(&pace);
	ck_assert(pace.stamp != 0);
	ck_assert(!tpi_pace_end(&pace, 9));
	ck_assert(tpi_pace_end(&pace, 1));
	/* Not as long as all is steady. */
	pace.steady = true;
	pace.items = 0;
	ck_assert(!tpi_pace_end(&pace, 10 * TPI_PACE_STEADY - 1));
	ck_assert(tpi_pace_end(&pace, 1));
	/* Sums do not overflow. */
	ck_assert(tpi_pace_end(&pace, SIZE_MAX));
	ck_assert_uint_eq(pace.items, SIZE_MAX);
	/* A pause does not count. */
	tpi_pace_pause(&pace);
	tpi_pace_begin(&pace);
	ck_assert_uint_eq(pace.items, 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		long_items_come_one_by_one,
		short_items_become_more_but_not_at_once,
		what_was_too_much_becomes_less,
		never_fewer_than_the_grain,
		of_a_short_rest_an_eighth_at_once,
		the_clock_is_read_when_a_chunk_is_done,
	};

	return unit_main("pace", tests, sizeof tests / sizeof tests[0]);
}
