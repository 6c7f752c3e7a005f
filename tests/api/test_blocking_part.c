/* SPDX-License-Identifier: MIT */
/*
 * test_blocking_part.c - parts of tasks that block hand their place over.
 */
#include "blocking.h"

#include <taskpar/forkjoin.h>

#include <stdatomic.h>

enum { FEW = 4 };

/* What is waited for here only another thread can open. */
struct part {
	struct unit_gate gate;
	unsigned enters;
	unsigned leaves;
	bool waits; /* for the task in between, as well */
};

static int
block_in_part(void *arg, void *value)
{
	struct part *part = arg;
	tpar_future *f;
	unsigned i;

	(void)value;
	for (i = 0; i < part->enters; i++) {
		tpar_blocking_enter();
	}
	f = unit_submit(NULL, blocking_open, &part->gate, 0);
	unit_gate_await(&part->gate, 1);
	if (part->waits) {
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	}
	for (i = 0; i < part->leaves; i++) {
		tpar_blocking_leave();
	}
	tpar_future_unref(f);
	return 0;
}

static void
run_part(unsigned enters, unsigned leaves, bool waits)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct part part[2] = {
		{ UNIT_GATE_INIT, enters, leaves, waits },
		{ UNIT_GATE_INIT, enters, leaves, waits },
	};

	/* Twice: what the first one has left does not concern the second. */
	unit_run_in(pool, block_in_part, &part[0]);
	unit_run_in(pool, block_in_part, &part[1]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(what_blocks_in_part_lets_another_thread_in)
{
	run_part(1, 1, false);
	run_part(1, 1, true);
}
END_TEST

START_TEST(parts_nest)
{
	run_part(3, 3, true);
}
END_TEST

START_TEST(end_of_the_task_ends_what_it_has_not_left)
{
	run_part(1, 0, false);
	run_part(3, 1, true);
}
END_TEST

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static void
drop_in_part(void *arg)
{
	(void)arg;
	tpar_blocking_enter();
	tpar_blocking_enter();
}

START_TEST(end_of_a_drop_function_ends_what_it_has_not_left)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct part part = { UNIT_GATE_INIT, 1, 1, true };
	long rounds = unit_scaled(200);
	long i;

	/* Some find the thread asleep. */
	for (i = 0; i < rounds; i++) {
		struct tpar_task task = TPAR_TASK_INIT;
		tpar_future *f;

		task.fn = do_nothing;
		task.arg = &part;
		task.drop_arg = drop_in_part;
		f = unit_submit_task(pool, &task);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref(f);
	}
	unit_run_in(pool, block_in_part, &part);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(leaves_without_an_enter_do_nothing)
{
	run_part(1, 5, false);
	tpar_blocking_leave();
	tpar_blocking_enter();
	tpar_blocking_enter();
	tpar_blocking_leave();
}
END_TEST

/* Queued first, by the thread that blocks then. */
static int
block_over_own_queue(void *arg, void *value)
{
	struct part *part = arg;
	tpar_future *f[FEW];
	int i;

	(void)value;
	for (i = 0; i < FEW; i++) {
		f[i] = unit_submit(NULL, blocking_open, &part->gate, 0);
	}
	tpar_blocking_enter();
	unit_gate_await(&part->gate, FEW);
	tpar_blocking_leave();
	blocking_end(f, FEW);
	return 0;
}

START_TEST(what_the_task_has_queued_before_goes_to_others)
{
	struct part part = { UNIT_GATE_INIT, 0, 0, false };
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, block_over_own_queue, &part);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* In a task that blocks as a whole. */
static int
part_of_blocking(void *arg, void *value)
{
	tpar_future *f;

	tpar_blocking_enter();
	(void)block_in_part(arg, value);
	tpar_blocking_leave();
	f = blocking_submit(NULL, blocking_nothing, NULL);
	blocking_end(&f, 1);
	return 0;
}

START_TEST(part_of_a_blocking_task_is_nothing_special)
{
	struct part part = { UNIT_GATE_INIT, 2, 0, true };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = blocking_submit(pool, part_of_blocking, &part);

	blocking_end(&f, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Waits, handed over, for what waits, handed over, on top of it. */
static int
nested_parts(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	tpar_future *f;

	(void)value;
	tpar_blocking_enter();
	if (depth > 0) {
		f = unit_submit(NULL, nested_parts, (void *)(depth - 1), 0);
		blocking_end(&f, 1);
		f = blocking_submit(NULL, nested_parts, (void *)(depth - 1));
		blocking_end(&f, 1);
	}
	if (depth % 2 == 0) {
		tpar_blocking_leave();
	}
	return 0;
}

START_TEST(waits_in_parts_end_at_any_limit)
{
	unsigned limit;

	for (limit = 1; limit <= 2; limit++) {
		tpar_pool *pool = unit_pool(1, limit);

		unit_run_in(pool, nested_parts, (void *)(intptr_t)6);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

static int
exit_in_part(void *arg, void *value)
{
	tpar_future **child = arg;

	(void)value;
	tpar_blocking_enter();
	if (child != NULL) {
		*child = unit_submit(NULL, exit_in_part, NULL, 0);
		/* It may run on top, and take this one along. */
		(void)tpar_future_wait(*child, TPAR_FOREVER);
	}
	pthread_exit(NULL);
}

START_TEST(thread_that_exits_in_one_leaves_its_place_in_order)
{
	struct part part = { UNIT_GATE_INIT, 1, 1, false };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3];
	int i;

	for (i = 0; i < FEW; i++) {
		f[0] = unit_submit(pool, exit_in_part, &f[2], 0);
		f[1] = unit_submit(pool, exit_in_part, NULL, 0);
		ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER),
				 TPAR_EFAILED);
		ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER),
				 TPAR_EFAILED);
		tpar_future_unref_all(f, 3);
	}
	unit_run_in(pool, block_in_part, &part);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_blocks_in_part_lets_another_thread_in,
		parts_nest,
		end_of_the_task_ends_what_it_has_not_left,
		end_of_a_drop_function_ends_what_it_has_not_left,
		leaves_without_an_enter_do_nothing,
		what_the_task_has_queued_before_goes_to_others,
		part_of_a_blocking_task_is_nothing_special,
		waits_in_parts_end_at_any_limit,
		thread_that_exits_in_one_leaves_its_place_in_order,
	};

	return unit_main("blocking_part", tests,
			 sizeof tests / sizeof tests[0]);
}
