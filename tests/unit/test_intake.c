/* SPDX-License-Identifier: MIT */
/*
 * test_intake.c - opening and closing a pool's intake, and its limit.
 */
#include "config.h"

#include "steps.h"

#include "src/intake.h"

#include "unit.h"

#include <string.h>

static struct tpi_intake intake;

static void
start(size_t limit)
{
	memset(&intake, 0, sizeof intake);
	intake.limit = limit;
}

START_TEST(closing_only_goes_forwards)
{
	start(0);
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_OPEN);
	tpi_intake_close(&intake, TPI_DRAINING);
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_DRAINING);
	tpi_intake_close(&intake, TPI_CANCELLING);
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_CANCELLING);
	tpi_intake_close(&intake, TPI_DRAINING);
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_CANCELLING);
	tpi_intake_close(&intake, TPI_CANCELLING);
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_CANCELLING);
}
END_TEST

static void
cancel_meanwhile(void *arg)
{
	tpi_intake_close(arg, TPI_CANCELLING);
}

static void
drain_meanwhile(void *arg)
{
	tpi_intake_close(arg, TPI_DRAINING);
}

START_TEST(gentler_close_does_not_undo_a_concurrent_one)
{
	start(0);
	steps_at(0, cancel_meanwhile, &intake);
	tpi_intake_close(&intake, TPI_DRAINING);
	ck_assert(steps_end());
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_CANCELLING);
}
END_TEST

START_TEST(harder_close_follows_a_concurrent_one)
{
	start(0);
	steps_at(0, drain_meanwhile, &intake);
	tpi_intake_close(&intake, TPI_CANCELLING);
	ck_assert(steps_end());
	ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_CANCELLING);
}
END_TEST

START_TEST(many_enter_and_leave)
{
	start(0);
	ck_assert(tpi_intake_empty(&intake));
	ck_assert(tpi_intake_enter(&intake, false));
	ck_assert(tpi_intake_enter(&intake, false));
	ck_assert(!tpi_intake_empty(&intake));
	tpi_intake_leave(&intake);
	ck_assert(!tpi_intake_empty(&intake));
	tpi_intake_leave(&intake);
	ck_assert(tpi_intake_empty(&intake));
}
END_TEST

START_TEST(draining_lets_its_own_tasks_in)
{
	start(0);
	tpi_intake_close(&intake, TPI_DRAINING);
	ck_assert(!tpi_intake_enter(&intake, false));
	ck_assert(tpi_intake_empty(&intake));
	ck_assert(tpi_intake_enter(&intake, true));
	tpi_intake_leave(&intake);
	ck_assert(tpi_intake_empty(&intake));
}
END_TEST

START_TEST(cancelling_lets_nobody_in)
{
	start(0);
	tpi_intake_close(&intake, TPI_CANCELLING);
	ck_assert(!tpi_intake_enter(&intake, false));
	ck_assert(!tpi_intake_enter(&intake, true));
	ck_assert(tpi_intake_empty(&intake));
}
END_TEST

START_TEST(who_enters_before_the_close_is_waited_for)
{
	unsigned at;

	for (at = 0; at < 2; at++) {
		start(0);
		steps_at(at, drain_meanwhile, &intake);
		/* In or out, but the closer knows. */
		if (tpi_intake_enter(&intake, false)) {
			ck_assert(!tpi_intake_empty(&intake));
			tpi_intake_leave(&intake);
		}
		ck_assert(steps_end());
		ck_assert(tpi_intake_empty(&intake));
		ck_assert_uint_eq(tpi_intake_closed(&intake), TPI_DRAINING);
	}
}
END_TEST

START_TEST(limit_is_kept)
{
	start(3);
	ck_assert(tpi_intake_reserve(&intake, 2));
	ck_assert(!tpi_intake_reserve(&intake, 2));
	ck_assert(tpi_intake_reserve(&intake, 1));
	ck_assert(!tpi_intake_reserve(&intake, 1));
	ck_assert(tpi_intake_reserve(&intake, 0));
	tpi_intake_return(&intake, 1);
	ck_assert(tpi_intake_reserve(&intake, 1));
	tpi_intake_return(&intake, 3);
	ck_assert(tpi_intake_reserve(&intake, 3));
}
END_TEST

START_TEST(more_than_the_limit_never_fits)
{
	start(3);
	ck_assert(!tpi_intake_reserve(&intake, 4));
	ck_assert(!tpi_intake_reserve(&intake, SIZE_MAX));
	ck_assert(tpi_intake_reserve(&intake, 3));
}
END_TEST

START_TEST(largest_limit_does_not_overflow)
{
	start(SIZE_MAX);
	ck_assert(tpi_intake_reserve(&intake, SIZE_MAX - 1));
	ck_assert(!tpi_intake_reserve(&intake, 2));
	ck_assert(tpi_intake_reserve(&intake, 1));
	ck_assert(!tpi_intake_reserve(&intake, 1));
}
END_TEST

enum { THREADS = 4, LIMIT = 5 };

static _Atomic long most;
static _Atomic long inside;

static void *
reserve_and_return(void *arg)
{
	long n = *(long *)arg;
	long seen;
	long i;

	for (i = 0; i < n; i++) {
		if (!tpi_intake_reserve(&intake, 2)) {
			continue;
		}
		seen = atomic_fetch_add(&inside, 2) + 2;
		if (seen > atomic_load(&most)) {
			atomic_store(&most, seen);
		}
		atomic_fetch_sub(&inside, 2);
		tpi_intake_return(&intake, 2);
	}
	return NULL;
}

START_TEST(many_threads_keep_the_limit)
{
	long n = unit_scaled(50000);
	pthread_t thread[THREADS];
	int i;

	start(LIMIT);
	for (i = 0; i < THREADS; i++) {
		thread[i] = unit_start(reserve_and_return, &n);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_le(atomic_load(&most), LIMIT);
	ck_assert_uint_eq(atomic_load(&intake.queued), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		closing_only_goes_forwards,
		gentler_close_does_not_undo_a_concurrent_one,
		harder_close_follows_a_concurrent_one,
		many_enter_and_leave,
		draining_lets_its_own_tasks_in,
		cancelling_lets_nobody_in,
		who_enters_before_the_close_is_waited_for,
		limit_is_kept,
		more_than_the_limit_never_fits,
		largest_limit_does_not_overflow,
		many_threads_keep_the_limit,
	};

	return unit_main("intake", tests, sizeof tests / sizeof tests[0]);
}
