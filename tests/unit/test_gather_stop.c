/* SPDX-License-Identifier: MIT */
/*
 * test_gather_stop.c - sets that are stopped while tasks run: by a failure, a
 * deadline, the caller's own cancel, a cycle, or for want of threads.
 */
#include "config.h"

#include "handmade.h"

#include "src/frame.h"
#include "src/parker.h"

#include <taskpar/cancel.h>

static _Atomic int stopped;

/* Runs until it is asked to stop. */
static int
run_until_stopped(void *arg, void *value)
{
	(void)value;
	if (arg != NULL) {
		unit_gate_open(arg);
	}
	UNIT_AWAIT(tpar_cancelled());
	atomic_fetch_add(&stopped, 1);
	return TPAR_ESTOPPED;
}

static int
fail_after(void *arg, void *value)
{
	(void)value;
	unit_gate_await(arg, 1);
	return tpar_fail(77, "gave up");
}

START_TEST(running_siblings_are_asked_and_waited_for)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = unit_submit(pool, run_until_stopped, &begun, 0);
	f[1] = unit_submit(pool, fail_after, &begun, 0);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.code, 77);
	ck_assert_str_eq(why.message, "gave up");
	ck_assert_int_eq(atomic_load(&stopped), 1);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_cancels_the_set)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = unit_submit(pool, run_until_stopped, &begun, 0);
	f[1] = unit_submit(pool, run_until_stopped, NULL, 0);
	unit_gate_await(&begun, 1);
	ck_assert_int_eq(tpar_gather_until(f, 2, NULL,
					   tpar_in(TPAR_MILLISECOND), &why),
			 TPAR_ETIMEDOUT);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert_int_eq(why.code, TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	ck_assert_int_eq(atomic_load(&stopped), 1);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
ignore_the_request(void *arg, void *value)
{
	unit_gate_open(arg);
	UNIT_AWAIT(tpar_cancelled());
	*(int *)value = 5;
	return 0;
}

START_TEST(complete_set_wins_over_its_deadline)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;
	int value = 0;

	f = unit_submit(pool, ignore_the_request, &begun, sizeof value);
	unit_gate_await(&begun, 1);
	ck_assert_int_eq(tpar_gather_until(&f, 1, &value, TPAR_NOW, NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, 5);
	/* Also at once, if it is complete. */
	ck_assert_int_eq(tpar_gather_until(&f, 1, &value, TPAR_NOW, NULL),
			 TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A task whose gather is stopped with it. */
struct parent {
	struct unit_gate begun;
	bool settled;
	enum tpar_err err;
	struct tpar_outcome outcome;
	struct tpar_failure why;
};

static int
gather_children(void *arg, void *value)
{
	struct parent *parent = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	int rc = 0;

	(void)value;
	task.fn = run_until_stopped;
	task.arg = &parent->begun;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	if (parent->settled) {
		parent->err =
			tpar_gather_settled(&f, 1, NULL, &parent->outcome);
	} else {
		parent->err = tpar_gather(&f, 1, NULL, &parent->why);
		rc = tpar_fail_from(&parent->why);
	}
	tpar_future_unref(f);
	return rc;
}

START_TEST(stopped_task_stops_its_set)
{
	struct parent parent = { .begun = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, gather_children, &parent, 0);

	unit_gate_await(&parent.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(parent.err, TPAR_ESTOPPED);
	ck_assert_uint_eq(parent.why.index, SIZE_MAX);
	ck_assert_int_eq(parent.why.code, TPAR_ESTOPPED);
	ck_assert_int_eq(atomic_load(&stopped), 1);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(stopped_task_settles_its_set)
{
	struct parent parent = { .begun = UNIT_GATE_INIT, .settled = true };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, gather_children, &parent, 0);

	unit_gate_await(&parent.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(parent.err, TPAR_ESTOPPED);
	ck_assert_int_eq(parent.outcome.state, TPAR_CANCELLED);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/*
 * The root gathers: a member that waits for the root, one that runs until it
 * is stopped, and one that has not begun.  The first is told by the cancel, and
 * its wait ends, so all are waited for.
 */
struct ring {
	tpar_pool *pool;
	struct unit_gate told;
	struct unit_gate begun;
	bool settled;
	tpar_future *root;
	tpar_future *f[3];
	enum tpar_err err;
	struct tpar_failure why;
};

static int
wait_for_root(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	unit_gate_open(&ring->begun);
	return tpar_future_wait(ring->root, TPAR_FOREVER) == TPAR_ESTOPPED
		       ? TPAR_ESTOPPED
		       : 0;
}

/* Of a task whose next wait does not end as yet. */
static bool
is_asleep(tpar_future *f)
{
	struct tpi_frame *frame = atomic_load(&f->cur);

	return frame != NULL &&
	       atomic_load(&frame->parker->state) == TPI_PARK_PARKED;
}

static int
gather_ring(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct ring *ring = arg;

	(void)value;
	unit_gate_await(&ring->told, 1);
	task.flags = TPAR_NO_INLINE;
	task.fn = wait_for_root;
	task.arg = arg;
	ring->f[0] = unit_submit_task(NULL, &task);
	task.fn = run_until_stopped;
	task.arg = &ring->begun;
	ring->f[1] = unit_submit_task(NULL, &task);
	unit_gate_await(&ring->begun, 2);
	/* Asleep, it has looked for a cycle when there was none. */
	UNIT_AWAIT(is_asleep(ring->f[0]));
	/* Nobody is free to begin the third. */
	task.fn = hand_nothing;
	task.arg = arg;
	ring->f[2] = unit_submit_task(ring->pool, &task);
	ring->err = ring->settled ? tpar_gather_settled(ring->f, 3, NULL, NULL)
				  : tpar_gather(ring->f, 3, NULL, &ring->why);
	return 0;
}

static void
run_ring(struct ring *ring)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(3, 1);
	tpar_future *held;

	ring->pool = unit_pool(1, 1);
	held = unit_submit(ring->pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	ring->root = unit_submit(pool, gather_ring, ring, 0);
	unit_gate_open(&ring->told);
	ck_assert_int_eq(tpar_future_wait(ring->root, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(ring->f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(ring->f[1]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(ring->f[2]), TPAR_CANCELLED);
	unit_gate_open(&hold.go);
	tpar_future_unref(held);
	tpar_future_unref_all(ring->f, 3);
	tpar_future_unref(ring->root);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(ring->pool), TPAR_OK);
}

START_TEST(cycle_that_the_cancel_breaks_is_reported)
{
	struct ring ring = { .told = UNIT_GATE_INIT, .begun = UNIT_GATE_INIT };

	run_ring(&ring);
	ck_assert_int_eq(ring.err, TPAR_EDEADLK);
	ck_assert_uint_eq(ring.why.index, SIZE_MAX);
	ck_assert_int_eq(ring.why.code, TPAR_EDEADLK);
	ck_assert_ptr_nonnull(strstr(ring.why.message, "waits for"));
}
END_TEST

START_TEST(cycle_is_reported_by_a_settled_set_too)
{
	struct ring ring = { .told = UNIT_GATE_INIT,
			     .begun = UNIT_GATE_INIT,
			     .settled = true };

	run_ring(&ring);
	ck_assert_int_eq(ring.err, TPAR_EDEADLK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		running_siblings_are_asked_and_waited_for,
		deadline_cancels_the_set,
		complete_set_wins_over_its_deadline,
		stopped_task_stops_its_set,
		stopped_task_settles_its_set,
		cycle_that_the_cancel_breaks_is_reported,
		cycle_is_reported_by_a_settled_set_too,
	};

	return unit_main("gather_stop", tests, sizeof tests / sizeof tests[0]);
}
