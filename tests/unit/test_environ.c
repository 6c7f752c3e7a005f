/* SPDX-License-Identifier: MIT */
/*
 * test_environ.c - reading the environment, and numbers that stand in it.  What a
 * setuid program does not read is in tests/hard.
 */
#include "config.h"

#include "src/environ.h"

#include "unit.h"

#include <limits.h>

START_TEST(what_is_set_is_read)
{
	ck_assert_int_eq(setenv("TASKPAR_WORKERS", "some text", 1), 0);
	ck_assert_str_eq(tpi_environ_get("TASKPAR_WORKERS"), "some text");
	ck_assert_int_eq(setenv("TASKPAR_WORKERS", "", 1), 0);
	ck_assert_str_eq(tpi_environ_get("TASKPAR_WORKERS"), "");
	ck_assert_int_eq(unsetenv("TASKPAR_WORKERS"), 0);
	ck_assert_ptr_null(tpi_environ_get("TASKPAR_WORKERS"));
}
END_TEST

static void
expect_number(const char *text, unsigned most, unsigned expected)
{
	unsigned number = expected + 1;

	ck_assert_msg(tpi_environ_number(text, most, &number), "%s", text);
	ck_assert_uint_eq(number, expected);
}

START_TEST(digits_are_a_number)
{
	expect_number("0", 0, 0);
	expect_number("7", 7, 7);
	expect_number("007", 7, 7);
	expect_number("10", 10, 10);
	expect_number("4096", 4096, 4096);
	expect_number("4294967295", UINT_MAX, UINT_MAX);
	expect_number("0000000000000000000000000000001", 1, 1);
}
END_TEST

static void
expect_none(const char *text, unsigned most)
{
	unsigned number = 12345;

	ck_assert_msg(!tpi_environ_number(text, most, &number), "%s", text);
	ck_assert_uint_eq(number, 12345);
}

START_TEST(beyond_the_range_is_none)
{
	expect_none("1", 0);
	expect_none("8", 7);
	expect_none("11", 10);
	expect_none("4097", 4096);
	expect_none("4294967296", UINT_MAX);
	expect_none("4294967300", UINT_MAX);
	expect_none("18446744073709551615", UINT_MAX);
	expect_none("18446744073709551617", UINT_MAX);
	expect_none("99999999999999999999999999", UINT_MAX);
}
END_TEST

START_TEST(other_characters_are_none)
{
	static const char *const bad[] = {
		"",    " ",    "-1",  "+1",    " 1",  "1 ",   "1\n",
		"0x1", "1e3",  "1.0", "1,000", "one", "/",    ":",
		"1:",  "\xb2", "1u",  "--1",   "\t1", "1\xff"
	};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		expect_none(bad[i], UINT_MAX);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_is_set_is_read,
		digits_are_a_number,
		beyond_the_range_is_none,
		other_characters_are_none,
	};

	return unit_main("environ", tests, sizeof tests / sizeof tests[0]);
}
