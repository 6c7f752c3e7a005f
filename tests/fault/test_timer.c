/* SPDX-License-Identifier: MIT */
/*
 * test_timer.c - timers without memory, without a thread, without what the
 * thread sleeps on.
 */
#include "config.h"

#include "fault.h"

#include "src/service.h"
#include "src/timer.h"

/* More than the heap has room for at first. */
enum { MANY = 70 };

static _Atomic int calls;

static void
count(struct tpi_timer *timer)
{
	(void)timer;
	atomic_fetch_add(&calls, 1);
}

/* What cannot be added leaves nothing behind and can be added afterwards. */
static void
add_many(void)
{
	struct tpi_timer timer[MANY];
	int added = 0;
	int i;

	/* As in a process that has not used one yet. */
	tpi_timer_fork(TPI_FORK_PREPARE);
	tpi_timer_fork(TPI_FORK_CHILD);
	tpi_service_hold();
	atomic_store(&calls, 0);
	for (i = 0; i < MANY; i++) {
		tpi_timer_init(&timer[i], count);
	}
	fault_begin();
	for (i = 0; i < MANY; i++) {
		if (tpi_timer_add(&timer[i], tpar_in(3600 * TPAR_SECOND))) {
			added++;
			continue;
		}
		EXPECT(fault_any());
		EXPECT(!tpi_timer_remove(&timer[i]));
		fault_end();
		EXPECT(tpi_timer_add(&timer[i], 1));
		fault_begin();
	}
	fault_end();
	UNIT_AWAIT(atomic_load(&calls) == MANY - added);
	for (i = 0; i < MANY; i++) {
		added -= tpi_timer_remove(&timer[i]);
	}
	EXPECT(added == 0);
	tpi_service_release();
}

START_TEST(timer_is_added_or_nothing_is)
{
	ck_assert_int_ge(fault_sweep(add_many), 15);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { timer_is_added_or_nothing_is };

	return fault_main("fault_timer", tests, sizeof tests / sizeof tests[0],
			  15);
}
