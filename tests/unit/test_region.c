/* SPDX-License-Identifier: MIT */
/*
 * test_region.c - one computation: its first failure, what it sees of stops, and
 * what its thread is told in the end.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/region.h"

#include <taskpar/cancel.h>

static struct tpar_pool *pool;
static struct tpar_future *task;
static struct tpi_run run;
static struct tpi_region region;

static void
begin(void)
{
	pool = hand_pool(1);
	hand_become(hand_worker(pool));
	task = hand_future(pool);
	hand_begin(&run, task);
	tpi_region_begin(&region, "name");
}

static void
end(void)
{
	tpi_region_end(&region);
	ck_assert_ptr_null(run.region);
	hand_end(&run, 0);
	hand_drop(task);
	hand_free(pool);
}

static bool
let_fail(struct tpi_region *r, enum tpar_err err, int code, const char *fmt,
	 ...)
{
	va_list args;
	bool first;

	va_start(args, fmt);
	first = tpi_region_fail(r, err, code, fmt, args);
	va_end(args);
	return first;
}

START_TEST(region_that_has_not_failed_is_fine)
{
	struct tpar_failure why = { .code = 5 };

	begin();
	ck_assert_ptr_eq(run.region, &region);
	ck_assert(!tpi_region_failed(&region));
	ck_assert(!tpi_region_stopped(&region));
	ck_assert_ptr_null(tpi_region_reason(&region));
	ck_assert_int_eq(tpi_region_outcome(&region, &why), TPAR_OK);
	ck_assert_int_eq(why.code, 5);
	end();
}
END_TEST

START_TEST(first_failure_counts)
{
	struct tpar_failure why;

	begin();
	ck_assert(let_fail(&region, TPAR_EFAILED, 3, "three"));
	ck_assert(!let_fail(&region, TPAR_ESTOPPED, 4, "four"));
	ck_assert(tpi_region_failed(&region));
	ck_assert(tpi_region_stopped(&region));
	ck_assert(tpar_cancelled());
	ck_assert_ptr_nonnull(tpar_cancel_reason());
	ck_assert_int_eq(tpi_region_outcome(&region, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 3);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_str_eq(why.message, "three");
	ck_assert_str_eq(why.task, "name");
	ck_assert_int_eq(tpi_region_outcome(&region, NULL), TPAR_EFAILED);
	end();
}
END_TEST

START_TEST(other_errors_are_the_calls_own)
{
	struct tpar_failure why;

	begin();
	ck_assert(let_fail(&region, TPAR_ENOMEM, TPAR_ENOMEM, NULL));
	ck_assert_int_eq(tpi_region_outcome(&region, &why), TPAR_ENOMEM);
	ck_assert_int_eq(why.code, TPAR_ENOMEM);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert_str_ne(why.message, "");
	end();
}
END_TEST

START_TEST(failure_without_a_message_has_name_and_code)
{
	struct tpar_failure why;

	begin();
	ck_assert(let_fail(&region, TPAR_EFAILED, 7, NULL));
	ck_assert_int_eq(tpi_region_outcome(&region, &why), TPAR_EFAILED);
	ck_assert_str_eq(why.message, "name failed with code 7");
	end();
}
END_TEST

START_TEST(failure_reaches_inner_regions_and_not_outer_ones)
{
	struct tpi_region inner;

	begin();
	tpi_region_begin(&inner, NULL);
	ck_assert_ptr_eq(run.region, &inner);
	ck_assert(let_fail(&inner, TPAR_EFAILED, 1, NULL));
	ck_assert(tpi_region_failed(&inner));
	ck_assert(!tpi_region_failed(&region));
	tpi_region_end(&inner);
	ck_assert_ptr_eq(run.region, &region);
	ck_assert(!tpar_cancelled());
	tpi_region_begin(&inner, NULL);
	ck_assert(let_fail(&region, TPAR_EFAILED, 1, NULL));
	ck_assert(tpi_region_failed(&inner));
	ck_assert(tpi_region_stopped(&inner));
	ck_assert_ptr_nonnull(tpi_region_reason(&inner));
	/* Nothing was skipped: its result is one. */
	ck_assert_int_eq(tpi_region_outcome(&inner, NULL), TPAR_OK);
	atomic_store(&inner.skipped, 1);
	ck_assert_int_eq(tpi_region_outcome(&inner, NULL), TPAR_ESTOPPED);
	tpi_region_end(&inner);
	end();
}
END_TEST

START_TEST(stop_of_the_task_is_seen_by_the_region)
{
	begin();
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert(tpi_region_stopped(&region));
	ck_assert_str_eq(tpi_region_reason(&region), "it was asked to stop");
	ck_assert(!tpi_region_failed(&region));
	ck_assert_int_eq(tpi_region_outcome(&region, NULL), TPAR_OK);
	end();
}
END_TEST

START_TEST(region_begun_in_a_shield_does_not_see_it)
{
	struct tpi_region shielded;

	begin();
	tpar_shield_enter();
	tpi_region_begin(&shielded, NULL);
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert(!tpi_region_stopped(&shielded));
	ck_assert(let_fail(&shielded, TPAR_EFAILED, 1, NULL));
	ck_assert(tpi_region_stopped(&shielded));
	tpi_region_end(&shielded);
	tpar_shield_leave();
	ck_assert(tpar_cancelled());
	end();
}
END_TEST

/* A run on top of another pool's, whose stop is meant for it. */
START_TEST(stop_of_what_it_runs_for_is_seen_by_the_region)
{
	struct tpi_region above;
	struct tpar_future *second;
	struct tpi_run on_top;

	begin();
	second = hand_future(pool);
	hand_begin(&on_top, second);
	on_top.stopper = &run;
	tpi_region_begin(&above, NULL);
	ck_assert(!tpi_region_stopped(&above));
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert(tpi_region_stopped(&above));
	ck_assert_ptr_nonnull(tpi_region_reason(&above));
	tpi_region_end(&above);
	hand_end(&on_top, 0);
	hand_drop(second);
	end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		region_that_has_not_failed_is_fine,
		first_failure_counts,
		other_errors_are_the_calls_own,
		failure_without_a_message_has_name_and_code,
		failure_reaches_inner_regions_and_not_outer_ones,
		stop_of_the_task_is_seen_by_the_region,
		region_begun_in_a_shield_does_not_see_it,
		stop_of_what_it_runs_for_is_seen_by_the_region
	};

	return unit_main("region", tests, sizeof tests / sizeof tests[0]);
}
