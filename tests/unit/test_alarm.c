/* SPDX-License-Identifier: MIT */
/*
 * test_alarm.c - whom the alarm wakes.
 */
#include "config.h"

#include "handmade.h"

#include "src/alarm.h"
#include "src/parker.h"

START_TEST(alarm_wakes_all_that_watch_and_nobody_else)
{
	struct tpi_watch watch[3] = { { .parker = tpi_parker_get() },
				      { .parker = tpi_parker_get() },
				      { .parker = tpi_parker_get() } };
	int i;

	for (i = 0; i < 3; i++) {
		tpi_alarm_watch(&watch[i]);
	}
	tpi_alarm_unwatch(&watch[1]);
	tpi_alarm_raise();
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(atomic_load(&watch[i].parker->state),
				  i == 1 ? TPI_PARK_EMPTY : TPI_PARK_TOKEN);
	}
	tpi_alarm_unwatch(&watch[0]);
	tpi_alarm_unwatch(&watch[2]);
	for (i = 0; i < 3; i++) {
		if (i != 1) {
			ck_assert(tpi_parker_park(watch[i].parker, 0));
		}
		tpi_parker_put(watch[i].parker);
	}
	/* Nobody is left. */
	tpi_alarm_raise();
}
END_TEST

START_TEST(child_of_a_fork_has_none_that_watch)
{
	struct tpi_watch watch = { .parker = tpi_parker_get() };

	tpi_alarm_watch(&watch);
	tpi_alarm_fork(TPI_FORK_PREPARE);
	tpi_alarm_fork(TPI_FORK_CHILD);
	tpi_alarm_raise();
	ck_assert_uint_eq(atomic_load(&watch.parker->state), TPI_PARK_EMPTY);
	tpi_parker_put(watch.parker);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		alarm_wakes_all_that_watch_and_nobody_else,
		child_of_a_fork_has_none_that_watch,
	};

	return unit_main("alarm", tests, sizeof tests / sizeof tests[0]);
}
