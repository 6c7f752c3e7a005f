/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_ring.c - forks that wait, by way of another task, for the task
 * that joins them.  Whoever closes the cycle, somebody is told, all ends, and no
 * computation is left before its forks have ended.  Under all schedules that a
 * seed chooses: tests/sys/forks.c.
 */
#include "unit.h"

#include <taskpar/forkjoin.h>

#include <stdatomic.h>
#include <string.h>

#define ROUNDS 40

/* What waits for what, and what the waits have returned. */
struct ring {
	struct unit_gate known;
	bool by_gather;
	int depth;	 /* of the forks below each other */
	tpar_pool *pool; /* the computation's, NULL: that of the root */
	_Atomic int inside;
	tpar_future *root;
	tpar_future *other;
	struct {
		enum tpar_err err;
		char detail[256];
	} root_said, other_said, fork_said;
};

#define SAY(said, call)                                                        \
	((said).err = (call),                                                  \
	 (void)snprintf((said).detail, sizeof(said).detail, "%s",              \
			tpar_error_detail()))

static enum tpar_err
wait_in(const struct ring *ring, tpar_future *f)
{
	return ring->by_gather ? tpar_gather(&f, 1, NULL, NULL)
			       : tpar_future_wait(f, TPAR_FOREVER);
}

static void
others_go_on(void)
{
	enum tpar_err err = tpar_sleep(tpar_in(TPAR_MILLISECOND / 5));

	UNIT_MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
}

TPAR_TASK_2(int, ring_fork, struct ring *, ring, int, depth)
{
	if (depth > 0) {
		TPAR_FORK(ring_fork, ring, depth - 1);
		others_go_on();
		return TPAR_JOIN(ring_fork);
	}
	atomic_fetch_add(&ring->inside, 1);
	SAY(ring->fork_said, wait_in(ring, ring->other));
	atomic_fetch_sub(&ring->inside, 1);
	return 0;
}

static int
ring_other(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	SAY(ring->other_said, wait_in(ring, ring->root));
	return 0;
}

static int
ring_root(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	unit_gate_await(&ring->known, 1);
	SAY(ring->root_said,
	    TPAR_RUN(ring_fork, ring->pool, NULL, NULL, ring, ring->depth));
	UNIT_MUST(atomic_load(&ring->inside) == 0);
	return 0;
}

static void
run_ring(bool by_gather, int depth, unsigned elsewhere)
{
	tpar_pool *pool = unit_pool(3, 3);
	struct ring ring = { .known = UNIT_GATE_INIT };
	int told = 0;

	ring.by_gather = by_gather;
	ring.depth = depth;
	ring.pool = elsewhere > 0 ? unit_pool(elsewhere, 1) : NULL;
	ring.root = unit_submit(pool, ring_root, &ring, 0);
	ring.other = unit_submit(pool, ring_other, &ring, 0);
	unit_gate_open(&ring.known);
	ck_assert_int_ne(tpar_future_wait(ring.root, TPAR_FOREVER),
			 TPAR_ETIMEDOUT);
	ck_assert_int_ne(tpar_future_wait(ring.other, TPAR_FOREVER),
			 TPAR_ETIMEDOUT);
	if (ring.root_said.err == TPAR_EDEADLK) {
		told++;
		ck_assert_str_ne(ring.root_said.detail, "");
	}
	if (ring.other_said.err == TPAR_EDEADLK) {
		told++;
		ck_assert_str_ne(ring.other_said.detail, "");
	}
	if (ring.fork_said.err == TPAR_EDEADLK) {
		told++;
		ck_assert_str_ne(ring.fork_said.detail, "");
	}
	ck_assert_int_gt(told, 0);
	tpar_future_unref(ring.root);
	tpar_future_unref(ring.other);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	if (ring.pool != NULL) {
		ck_assert_int_eq(tpar_pool_destroy(ring.pool), TPAR_OK);
	}
}

START_TEST(plain_waits_and_joins_that_form_a_ring_end)
{
	int i;

	for (i = 0; i < unit_scaled(ROUNDS); i++) {
		run_ring(false, 1 + i % 3, 0);
	}
}
END_TEST

START_TEST(gathers_and_joins_that_form_a_ring_end)
{
	int i;

	for (i = 0; i < unit_scaled(ROUNDS); i++) {
		run_ring(true, 1 + i % 3, 0);
	}
}
END_TEST

START_TEST(ring_through_another_pool_ends_with_its_computation)
{
	int i;

	for (i = 0; i < unit_scaled(ROUNDS); i++) {
		run_ring(i % 4 > 0, i % 3, 1 + (unsigned)i % 2);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		plain_waits_and_joins_that_form_a_ring_end,
		gathers_and_joins_that_form_a_ring_end,
		ring_through_another_pool_ends_with_its_computation,
	};

	return unit_main("forkjoin_ring", tests,
			 sizeof tests / sizeof tests[0]);
}
