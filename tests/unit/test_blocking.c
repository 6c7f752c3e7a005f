/* SPDX-License-Identifier: MIT */
/*
 * test_blocking.c - a part of a task that blocks: when its thread's place is
 * handed over, and when it is taken back.
 */
#include "config.h"

#include "handmade.h"

#include "src/blocking.h"
#include "src/park.h"

#include <taskpar/blocking.h>

static struct tpar_pool *pool;
static struct tpi_worker *w;
static struct tpar_future *task;
static struct tpi_run run;

static void
begin(void)
{
	pool = hand_pool(1);
	w = hand_worker(pool);
	task = hand_future(pool);
	hand_become(w);
	hand_begin(&run, task);
}

static void
end(void)
{
	hand_end(&run, 0);
	hand_drop(task);
	hand_free(pool);
}

static uint32_t
active(void)
{
	return tpi_park_active(atomic_load(&pool->park.word));
}

START_TEST(first_enter_hands_over_and_last_leave_takes_back)
{
	begin();
	tpar_blocking_enter();
	tpar_blocking_enter();
	ck_assert_uint_eq(active(), 0);
	ck_assert_uint_eq(w->blocked, 1);
	tpar_blocking_leave();
	ck_assert_uint_eq(active(), 0);
	tpar_blocking_leave();
	ck_assert_uint_eq(active(), 1);
	ck_assert_uint_eq(w->blocked, 0);
	end();
}
END_TEST

START_TEST(one_leave_too_many_does_nothing)
{
	begin();
	tpar_blocking_leave();
	ck_assert_uint_eq(active(), 1);
	tpar_blocking_enter();
	tpar_blocking_leave();
	tpar_blocking_leave();
	ck_assert_uint_eq(active(), 1);
	end();
}
END_TEST

START_TEST(end_of_the_task_takes_back_what_it_left_open)
{
	begin();
	tpar_blocking_enter();
	tpar_blocking_enter();
	tpi_blocking_end(&run);
	ck_assert_uint_eq(active(), 1);
	ck_assert_uint_eq(w->blocked, 0);
	tpar_blocking_leave();
	ck_assert_uint_eq(active(), 1);
	end();
}
END_TEST

START_TEST(place_that_was_handed_over_is_left_alone)
{
	begin();
	(void)tpi_park_block(w);
	tpar_blocking_enter();
	ck_assert_uint_eq(w->blocked, 1);
	tpar_blocking_leave();
	ck_assert_uint_eq(w->blocked, 1);
	tpi_park_unblock(w);
	ck_assert_uint_eq(active(), 1);
	end();
}
END_TEST

START_TEST(outside_of_a_task_nothing_happens)
{
	tpar_blocking_leave();
	tpar_blocking_enter();
	tpar_blocking_leave();
	ck_assert_ptr_null(tpi_thread_self.run);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		first_enter_hands_over_and_last_leave_takes_back,
		one_leave_too_many_does_nothing,
		end_of_the_task_takes_back_what_it_left_open,
		place_that_was_handed_over_is_left_alone,
		outside_of_a_task_nothing_happens,
	};

	return unit_main("blocking", tests, sizeof tests / sizeof tests[0]);
}
