/* SPDX-License-Identifier: MIT */
/*
 * test_seen.c - a set of addresses.
 */
#include "config.h"

#include "src/seen.h"

#include "unit.h"

static const void *
address(size_t i)
{
	return (const void *)(uintptr_t)(128 * (i + 1));
}

START_TEST(what_was_added_is_in_there_and_nothing_else)
{
	struct tpi_seen seen;
	size_t n = 1000;
	size_t i;

	tpi_seen_init(&seen);
	for (i = 0; i < n; i++) {
		ck_assert(!tpi_seen_has(&seen, address(i)));
		ck_assert(tpi_seen_add(&seen, address(i)));
		ck_assert(tpi_seen_has(&seen, address(i)));
	}
	for (i = 0; i < n; i++) {
		ck_assert(tpi_seen_has(&seen, address(i)));
		ck_assert(!tpi_seen_has(&seen, address(n + i)));
	}
	tpi_seen_fini(&seen);
}
END_TEST

START_TEST(few_need_no_memory)
{
	struct tpi_seen seen;
	size_t i;

	tpi_seen_init(&seen);
	for (i = 0; i < TPI_SEEN_FEW / 2; i++) {
		ck_assert(tpi_seen_add(&seen, address(i)));
	}
	ck_assert_ptr_eq(seen.slot, seen.few);
	ck_assert(tpi_seen_add(&seen, address(i)));
	ck_assert_ptr_ne(seen.slot, seen.few);
	tpi_seen_fini(&seen);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_was_added_is_in_there_and_nothing_else,
		few_need_no_memory,
	};

	return unit_main("seen", tests, sizeof tests / sizeof tests[0]);
}
