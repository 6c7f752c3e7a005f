/* SPDX-License-Identifier: MIT */
/*
 * test_rng.c - the generator that chooses victims.
 */
#include "config.h"

#include "src/rng.h"

#include "unit.h"

START_TEST(known_sequence)
{
	static const uint32_t expected[] = { 270369u, 67634689u, 2647435461u,
					     307599695u, 2398689233u };
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		ck_assert_uint_eq(tpi_rng_next(&state), expected[i]);
		ck_assert_uint_eq(state, expected[i]);
	}
}
END_TEST

START_TEST(state_is_never_zero)
{
	uint32_t state = 0x80000000u;
	long i;

	for (i = 0; i < 100000; i++) {
		if (tpi_rng_next(&state) == 0) {
			break;
		}
	}
	ck_assert_int_eq(i, 100000);
}
END_TEST

START_TEST(below_stays_below)
{
	static const uint32_t limits[] = { 1, 2, 3, 7, 4096, UINT32_MAX };
	uint32_t state = 12345;
	size_t l;
	int i;

	for (l = 0; l < sizeof limits / sizeof limits[0]; l++) {
		for (i = 0; i < 1000; i++) {
			ck_assert_uint_lt(tpi_rng_below(&state, limits[l]),
					  limits[l]);
		}
	}
}
END_TEST

START_TEST(below_reaches_every_number)
{
	uint32_t state = 1;
	unsigned seen = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		seen |= 1u << tpi_rng_below(&state, 7);
	}
	ck_assert_uint_eq(seen, 0x7f);
}
END_TEST

START_TEST(below_is_about_even)
{
	uint32_t state = 99;
	int count[4] = { 0, 0, 0, 0 };
	int i;

	for (i = 0; i < 40000; i++) {
		count[tpi_rng_below(&state, 4)]++;
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_gt(count[i], 9000);
		ck_assert_int_lt(count[i], 11000);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { known_sequence, state_is_never_zero,
				 below_stays_below, below_reaches_every_number,
				 below_is_about_even };

	return unit_main("rng", tests, sizeof tests / sizeof tests[0]);
}
