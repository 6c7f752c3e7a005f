/* SPDX-License-Identifier: MIT */
/*
 * test_race_cycles.c - losers that gather the very task that races them: once
 * the race is decided or stopped, it waits for them like any other set.
 */
#include "promised.h"

#include <taskpar/cancel.h>

struct ring {
	struct unit_gate known;
	tpar_pool *pool;
	tpar_future *racer;
	struct promised other;
	struct unit_gate begun;
	enum tpar_err err;
	enum tpar_err loser_err;
	size_t index;
	char detail[400];
};

static int
gather_racer(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	unit_gate_open(&ring->begun);
	ring->loser_err = tpar_gather(&ring->racer, 1, NULL, NULL);
	return ring->loser_err;
}

static int
race(void *arg, void *value)
{
	struct ring *ring = arg;
	tpar_future *f[2];

	(void)value;
	unit_gate_await(&ring->known, 1);
	f[0] = unit_submit(ring->pool, gather_racer, ring, 0);
	f[1] = ring->other.f;
	ring->index = 77;
	ring->err = tpar_race(f, 2, NULL, &ring->index, NULL);
	snprintf(ring->detail, sizeof ring->detail, "%s", tpar_error_detail());
	tpar_future_unref(f[0]);
	return ring->err;
}

static void
begin(struct ring *ring)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct ring fresh = { .known = UNIT_GATE_INIT,
			      .begun = UNIT_GATE_INIT };

	*ring = fresh;
	ring->pool = unit_pool(2, 4);
	ring->other = promised_make(0, NULL);
	task.fn = race;
	task.arg = ring;
	task.name = "racer";
	ring->racer = unit_submit_task(ring->pool, &task);
	unit_gate_open(&ring->known);
	unit_gate_await(&ring->begun, 1);
}

/* Which of the two gives the other up is up to them. */
static void
end(struct ring *ring)
{
	(void)tpar_future_wait(ring->racer, TPAR_FOREVER);
	ck_assert_int_eq(tpar_pool_destroy(ring->pool), TPAR_OK);
	if (ring->err == TPAR_EDEADLK) {
		ck_assert_uint_eq(ring->index, 77);
		ck_assert_ptr_nonnull(strstr(ring->detail, "'racer'"));
		ck_assert_ptr_nonnull(strstr(ring->detail, "waits for"));
	} else {
		ck_assert_int_eq(ring->loser_err, TPAR_EDEADLK);
	}
	tpar_future_unref(ring->racer);
	promised_free(ring->other);
}

START_TEST(loser_that_gathers_the_racing_task_is_given_up)
{
	long round;

	for (round = 0; round < unit_scaled(100); round++) {
		struct ring ring;

		begin(&ring);
		UNIT_MUST(tpar_promise_set(ring.other.p, NULL) == TPAR_OK);
		end(&ring);
		ck_assert(ring.err == TPAR_EDEADLK || ring.err == TPAR_OK);
	}
}
END_TEST

START_TEST(stop_of_a_race_that_leads_back_ends_it)
{
	long round;

	for (round = 0; round < unit_scaled(100); round++) {
		struct ring ring;

		begin(&ring);
		ck_assert_int_eq(tpar_future_cancel(ring.racer), TPAR_OK);
		end(&ring);
		ck_assert(ring.err == TPAR_EDEADLK ||
			  ring.err == TPAR_ESTOPPED);
	}
}
END_TEST

/* The wake-up for that finds nothing, where there is no cycle. */
START_TEST(loser_that_takes_its_time_is_waited_for)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct promised other = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[2];
	size_t index = 77;

	f[0] = unit_submit(pool, scene_until_stopped, &hold, 0);
	f[1] = other.f;
	unit_gate_await(&hold.begun, 1);
	UNIT_MUST(tpar_promise_set(other.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_race(f, 2, NULL, &index, NULL), TPAR_OK);
	ck_assert_uint_eq(index, 1);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_DONE);
	tpar_future_unref(f[0]);
	promised_free(other);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		loser_that_gathers_the_racing_task_is_given_up,
		stop_of_a_race_that_leads_back_ends_it,
		loser_that_takes_its_time_is_waited_for,
	};

	return unit_main("race_cycles", tests, sizeof tests / sizeof tests[0]);
}
