/* SPDX-License-Identifier: MIT */
/*
 * test_group.c - closing a group whose child is known to wait for the task that
 * closes it: no other order of events is left.
 */
#include "config.h"

#include "unit.h"

#include "src/future.h"
#include "src/pool.h"

#include <string.h>
#include <taskpar/cancel.h>
#include <taskpar/gather.h>
#include <taskpar/group.h>

enum { OTHERS = 100 };

struct ring {
	struct unit_gate known;
	struct unit_gate over;
	tpar_future *self;
	bool gathers;
	struct unit_gate slow;
	_Atomic int ended; /* others than the one that waits */
	enum tpar_err child_err;
	enum tpar_err err;
	int ended_before;
	size_t failures;
	char detail[400];
};

static int
wait_for_closer(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	if (ring->gathers) {
		ring->child_err = tpar_gather(&ring->self, 1, NULL, NULL);
	} else {
		ring->child_err = tpar_future_wait(ring->self, TPAR_FOREVER);
	}
	return 0;
}

/* Begins to end when it is stopped, which only the cycle does. */
static int
end_slowly(void *arg, void *value)
{
	struct ring *ring = arg;
	int i;

	(void)value;
	unit_gate_open(&ring->slow);
	UNIT_AWAIT(tpar_cancelled());
	for (i = 0; i < 20; i++) {
		sched_yield();
	}
	atomic_fetch_add(&ring->ended, 1);
	return 5;
}

static int
end_at_once(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	atomic_fetch_add(&ring->ended, 1);
	return 0;
}

static void
submit(struct ring *ring, tpar_group *g, tpar_task_fn fn)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = ring;
	task.name = "child";
	task.flags = TPAR_NO_INLINE;
	UNIT_MUST(tpar_group_submit(g, &task, NULL) == TPAR_OK);
}

static int
close_ring(void *arg, void *value)
{
	struct ring *ring = arg;
	tpar_group *g = NULL;
	int i;

	(void)value;
	unit_gate_await(&ring->known, 1);
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	submit(ring, g, end_slowly);
	unit_gate_await(&ring->slow, 1);
	for (i = 0; i < OTHERS; i++) {
		UNIT_MUST(tpar_group_run(g, end_at_once, ring) == TPAR_OK);
	}
	submit(ring, g, wait_for_closer);
	/* ENDS: the child waits for this task; nobody else does. */
	UNIT_AWAIT(tpi_state_waiters(tpi_state_get(&ring->self->state)) !=
		   NULL);
	/* And has looked for a cycle: it sleeps, only this one and the slow run. */
	UNIT_AWAIT(tpi_park_active(atomic_load(
			   &tpi_pool_of(ring->self->intake)->park.word)) == 2);
	ring->err = tpar_group_close(g, NULL, 0, &ring->failures);
	snprintf(ring->detail, sizeof ring->detail, "%s", tpar_error_detail());
	ring->ended_before = atomic_load(&ring->ended);
	tpar_group_destroy(g);
	unit_gate_open(&ring->over);
	return 0;
}

static void
run_ring(struct ring *ring)
{
	tpar_pool *pool = unit_pool(4, 8);
	struct tpar_task task = TPAR_TASK_INIT;

	ring->known = (struct unit_gate)UNIT_GATE_INIT;
	ring->over = (struct unit_gate)UNIT_GATE_INIT;
	ring->slow = (struct unit_gate)UNIT_GATE_INIT;
	task.fn = close_ring;
	task.arg = ring;
	task.name = "closer";
	ring->self = unit_submit_task(pool, &task);
	unit_gate_open(&ring->known);
	unit_gate_await(&ring->over, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(ring->self), TPAR_DONE);
	tpar_future_unref(ring->self);
	ck_assert_int_eq(ring->err, TPAR_EDEADLK);
	ck_assert_ptr_nonnull(strstr(ring->detail, "'closer'"));
	ck_assert_ptr_nonnull(strstr(ring->detail, "'child'"));
	/* The slow one, and those of the others that had begun. */
	ck_assert_int_ge(ring->ended_before, 1);
	ck_assert_int_eq(ring->ended_before, atomic_load(&ring->ended));
	ck_assert_uint_eq(ring->failures, 1);
}

START_TEST(close_that_finds_a_cycle_stops_the_child_that_waits)
{
	struct ring ring = { .gathers = false };

	run_ring(&ring);
	ck_assert_int_eq(ring.child_err, TPAR_ESTOPPED);
}
END_TEST

/* That one does not end before the closing task does. */
START_TEST(close_gives_a_child_up_that_gathers_it_and_no_other)
{
	struct ring ring = { .gathers = true };

	run_ring(&ring);
	ck_assert(ring.child_err == TPAR_OK || ring.child_err == TPAR_ESTOPPED);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		close_that_finds_a_cycle_stops_the_child_that_waits,
		close_gives_a_child_up_that_gathers_it_and_no_other,
	};

	return unit_main("group", tests, sizeof tests / sizeof tests[0]);
}
