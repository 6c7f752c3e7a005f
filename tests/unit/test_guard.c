/* SPDX-License-Identifier: MIT */
/*
 * test_guard.c - who of those that sleep wakes now and then to ask for forks.
 */
#include "handmade.h"

#include "src/guard.h"

static struct tpar_pool *pool;
static struct tpi_worker *one;
static struct tpi_worker *other;

static void
begin(void)
{
	pool = hand_pool(3);
	one = hand_worker(pool);
	other = hand_worker(pool);
}

START_TEST(without_computations_all_sleep_until_woken)
{
	struct tpi_guard guard = { .is_sentinel = false };

	begin();
	ck_assert(!tpi_guard_missing(pool));
	ck_assert_int_eq(tpi_guard_until(&guard, one, 0), 0);
	ck_assert_int_eq(tpi_guard_until(&guard, one, 77), 77);
	hand_free(pool);
}
END_TEST

START_TEST(one_of_several_is_the_sentinel)
{
	struct tpi_guard guard = { .is_sentinel = false };
	struct tpi_guard beside = { .is_sentinel = false };

	begin();
	tpi_guard_enter(pool);
	ck_assert(tpi_guard_missing(pool));
	ck_assert_int_ne(tpi_guard_until(&guard, one, 0), 0);
	ck_assert_int_eq(tpi_guard_until(&guard, one, 77), 77);
	ck_assert(!tpi_guard_missing(pool));
	ck_assert_int_eq(tpi_guard_until(&beside, other, 0), 0);
	tpi_guard_end(&beside, pool);
	ck_assert(!tpi_guard_missing(pool));
	tpi_guard_end(&guard, pool);
	ck_assert(tpi_guard_missing(pool));
	tpi_guard_leave(pool);
	hand_free(pool);
}
END_TEST

START_TEST(sentinel_without_computations_leaves_it_to_others)
{
	struct tpi_guard guard = { .is_sentinel = false };
	struct tpi_guard beside = { .is_sentinel = false };

	begin();
	tpi_guard_enter(pool);
	ck_assert_int_ne(tpi_guard_until(&guard, one, 0), 0);
	tpi_guard_leave(pool);
	ck_assert_int_eq(tpi_guard_until(&guard, one, 0), 0);
	tpi_guard_enter(pool);
	ck_assert_int_ne(tpi_guard_until(&beside, other, 0), 0);
	ck_assert_int_eq(tpi_guard_until(&guard, one, 0), 0);
	tpi_guard_end(&beside, pool);
	tpi_guard_leave(pool);
	hand_free(pool);
}
END_TEST

START_TEST(sentinel_is_needed_until_the_last_computation_has_ended)
{
	struct tpi_guard guard = { .is_sentinel = false };

	begin();
	tpi_guard_enter(pool);
	tpi_guard_enter(pool);
	ck_assert_int_ne(tpi_guard_until(&guard, one, 0), 0);
	tpi_guard_leave(pool);
	ck_assert(tpi_guard_needed(pool));
	ck_assert(!tpi_guard_missing(pool));
	tpi_guard_leave(pool);
	ck_assert(!tpi_guard_needed(pool));
	tpi_guard_end(&guard, pool);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		without_computations_all_sleep_until_woken,
		one_of_several_is_the_sentinel,
		sentinel_without_computations_leaves_it_to_others,
		sentinel_is_needed_until_the_last_computation_has_ended
	};

	return unit_main("guard", tests, sizeof tests / sizeof tests[0]);
}
