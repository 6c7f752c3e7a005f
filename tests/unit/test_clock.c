/* SPDX-License-Identifier: MIT */
/*
 * test_clock.c - the monotonic clock, deadlines, and when they have passed.
 */
#include "config.h"

#include "src/clock.h"

#include <taskpar/base.h>

#include <check.h>
#include <stdlib.h>
#include <time.h>

#define HOUR (3600 * TPAR_SECOND)

START_TEST(clock_is_monotonic_and_in_nanoseconds)
{
	struct timespec now;
	int64_t before = tpi_clock_now();
	int64_t after;
	int64_t ns;
	int i;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	ns = (int64_t)now.tv_sec * TPAR_SECOND + now.tv_nsec;
	ck_assert_int_gt(before, 0);
	ck_assert_int_le(before, ns);
	for (i = 0; i < 1000; i++) {
		after = tpi_clock_now();
		ck_assert_int_le(ns, after);
		ns = after;
	}
}
END_TEST

START_TEST(deadline_is_that_far_from_now)
{
	static const int64_t spans[] = { 1,	      999,  TPAR_MILLISECOND,
					 TPAR_SECOND, HOUR, INT64_MAX / 2 };
	size_t i;

	for (i = 0; i < sizeof spans / sizeof spans[0]; i++) {
		int64_t before = tpi_clock_now();
		int64_t deadline = tpar_in(spans[i]);
		int64_t after = tpi_clock_now();

		ck_assert_int_ge(deadline, before + spans[i]);
		ck_assert_int_le(deadline, after + spans[i]);
	}
}
END_TEST

START_TEST(deadline_of_nothing_or_less_has_passed)
{
	static const int64_t spans[] = { 0, -1, -TPAR_SECOND, INT64_MIN + 1,
					 INT64_MIN };
	size_t i;

	for (i = 0; i < sizeof spans / sizeof spans[0]; i++) {
		int64_t before = tpi_clock_now();
		int64_t deadline = tpar_in(spans[i]);

		ck_assert_int_ne(deadline, TPAR_FOREVER);
		ck_assert_int_ge(deadline, before);
		ck_assert(tpi_clock_passed(deadline));
	}
}
END_TEST

START_TEST(deadline_never_overflows)
{
	int64_t now = tpi_clock_now();
	int64_t back;

	ck_assert_int_eq(tpar_in(INT64_MAX), INT64_MAX);
	ck_assert_int_eq(tpar_in(INT64_MAX - 1), INT64_MAX);
	/* The clock moves on: these are at the limit or beyond. */
	ck_assert_int_eq(tpar_in(INT64_MAX - now), INT64_MAX);
	ck_assert_int_eq(tpar_in(INT64_MAX - now + 1), INT64_MAX);
	for (back = 1; back < HOUR; back *= 10) {
		now = tpi_clock_now();
		ck_assert_int_ge(tpar_in(INT64_MAX - now - back),
				 INT64_MAX - back);
	}
}
END_TEST

START_TEST(passed_tells_special_deadlines)
{
	ck_assert(!tpi_clock_passed(TPAR_FOREVER));
	ck_assert(tpi_clock_passed(TPAR_NOW));
	ck_assert(tpi_clock_passed(INT64_MIN));
	ck_assert(!tpi_clock_passed(INT64_MAX));
}
END_TEST

START_TEST(passed_compares_with_now)
{
	int64_t deadline;

	ck_assert(tpi_clock_passed(1));
	ck_assert(tpi_clock_passed(tpi_clock_now()));
	ck_assert(!tpi_clock_passed(tpi_clock_now() + HOUR));
	deadline = tpar_in(TPAR_MILLISECOND);
	/* ENDS: the clock gets there. */
	while (!tpi_clock_passed(deadline)) {
	}
	ck_assert_int_ge(tpi_clock_now(), deadline);
	ck_assert(tpi_clock_passed(deadline));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = tcase_create("clock");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, clock_is_monotonic_and_in_nanoseconds);
	tcase_add_test(tests, deadline_is_that_far_from_now);
	tcase_add_test(tests, deadline_of_nothing_or_less_has_passed);
	tcase_add_test(tests, deadline_never_overflows);
	tcase_add_test(tests, passed_tells_special_deadlines);
	tcase_add_test(tests, passed_compares_with_now);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
