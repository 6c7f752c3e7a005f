/* SPDX-License-Identifier: MIT */
/*
 * test_gather_threads.c - nested and overlapping sets on several workers, and
 * what becomes of sets when threads are used up.
 */
#include "config.h"

#include "handmade.h"

#include <taskpar/cancel.h>

static int
fibonacci(void *arg, void *value)
{
	intptr_t n = (intptr_t)arg;
	intptr_t part[2];
	tpar_future *f[2];
	int rc;

	if (n < 2) {
		*(intptr_t *)value = n;
		return 0;
	}
	f[0] = unit_submit(NULL, fibonacci, (void *)(n - 1), sizeof n);
	f[1] = unit_submit(NULL, fibonacci, (void *)(n - 2), sizeof n);
	rc = tpar_gather(f, 2, part, NULL);
	*(intptr_t *)value = part[0] + part[1];
	tpar_future_unref_all(f, 2);
	return rc;
}

START_TEST(nested_sets_add_up)
{
	intptr_t n = unit_scaled(100) < 100 ? 12 : 18;
	intptr_t expected = n == 12 ? 144 : 2584;
	unsigned workers;

	for (workers = 1; workers <= 8; workers *= 2) {
		tpar_pool *pool = unit_pool(workers, 32);
		tpar_future *f =
			unit_submit(pool, fibonacci, (void *)n, sizeof n);
		intptr_t value = 0;

		ck_assert_int_eq(tpar_gather(&f, 1, &value, NULL), TPAR_OK);
		ck_assert_int_eq(value, expected);
		tpar_future_unref(f);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

/* Sets that share members: several tasks gather the same futures. */
enum { SHARED = 40, GATHERERS = 5 };

struct overlap {
	tpar_future *f[SHARED];
	tpar_pool *pool;
};

static int
gather_shared(void *arg, void *value)
{
	struct overlap *overlap = arg;
	intptr_t values[SHARED];
	intptr_t i;
	int rc = tpar_gather(overlap->f, SHARED, values, NULL);

	(void)value;
	for (i = 0; rc == 0 && i < SHARED; i++) {
		rc = values[i] == i ? 0 : 1;
	}
	return rc;
}

static void *
gather_shared_outside(void *arg)
{
	UNIT_MUST(gather_shared(arg, NULL) == 0);
	return NULL;
}

START_TEST(sets_may_overlap)
{
	long rounds = unit_scaled(200);
	tpar_pool *pool = unit_pool(2, 32);
	struct overlap overlap;
	tpar_future *g[GATHERERS];
	pthread_t thread;
	long round;
	intptr_t i;

	overlap.pool = pool;
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < SHARED; i++) {
			overlap.f[i] = unit_submit(pool, unit_number_task,
						   (void *)i, sizeof i);
		}
		for (i = 0; i < GATHERERS; i++) {
			g[i] = unit_submit(pool, gather_shared, &overlap, 0);
		}
		thread = unit_start(gather_shared_outside, &overlap);
		ck_assert_int_eq(tpar_gather(g, GATHERERS, NULL, NULL),
				 TPAR_OK);
		unit_join(thread);
		tpar_future_unref_all(g, GATHERERS);
		tpar_future_unref_all(overlap.f, SHARED);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A failing member somewhere in nested sets, at another place each time. */
struct tree {
	long fails; /* the leaf that fails, or none */
	_Atomic long leaf;
	_Atomic int active;
};

static int grow_tree(struct tree *tree, int depth);

struct branch {
	struct tree *tree;
	int depth;
};

static int
run_branch(void *arg, void *value)
{
	struct branch *branch = arg;
	int rc;

	(void)value;
	atomic_fetch_add(&branch->tree->active, 1);
	rc = grow_tree(branch->tree, branch->depth);
	atomic_fetch_sub(&branch->tree->active, 1);
	return rc;
}

static int
grow_tree(struct tree *tree, int depth)
{
	struct branch branch = { tree, depth - 1 };
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f[3];
	int rc = 0;

	if (depth == 0) {
		return atomic_fetch_add(&tree->leaf, 1) == tree->fails
			       ? tpar_fail(5, "leaf %ld", tree->fails)
			       : 0;
	}
	task.fn = run_branch;
	task.arg = &branch;
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 3, f) == TPAR_OK);
	if (tpar_gather(f, 3, NULL, &why) != TPAR_OK) {
		rc = tpar_fail_from(&why);
	}
	tpar_future_unref_all(f, 3);
	return rc;
}

START_TEST(failure_comes_up_through_all_sets)
{
	long rounds = unit_scaled(300);
	tpar_pool *pool = unit_pool(3, 64);
	struct tpar_failure why;
	long round;

	for (round = 0; round < rounds; round++) {
		struct tree tree = { .fails = round % 90 };
		struct branch root = { &tree, 4 };
		tpar_future *f = unit_submit(pool, run_branch, &root, 0);
		enum tpar_err err = tpar_gather(&f, 1, NULL, &why);

		/* There are 81 leaves. */
		if (tree.fails >= 81) {
			ck_assert_int_eq(err, TPAR_OK);
		} else {
			ck_assert_int_eq(err, TPAR_EFAILED);
			ck_assert_int_eq(why.code, 5);
			ck_assert_ptr_nonnull(strstr(why.message, "leaf"));
		}
		/* Nothing of the set runs on. */
		ck_assert_int_eq(atomic_load(&tree.active), 0);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(cancel_reaches_all_levels)
{
	long rounds = unit_scaled(200);
	tpar_pool *pool = unit_pool(3, 64);
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		struct tree tree = { .fails = -1 };
		struct branch root = { &tree, 5 };
		tpar_future *f = unit_submit(pool, run_branch, &root, 0);

		for (i = 0; i < round % 20; i++) {
			sched_yield();
		}
		(void)tpar_future_cancel(f);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		ck_assert_int_eq(atomic_load(&tree.active), 0);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* All threads wait for tasks that none of them may run in place. */
static int
gather_elsewhere(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f[2];
	enum tpar_err err;

	(void)value;
	if (depth == 0) {
		return 0;
	}
	task.fn = gather_elsewhere;
	task.arg = (void *)(depth - 1);
	task.flags = TPAR_NO_INLINE;
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 2, f) == TPAR_OK);
	err = tpar_gather(f, 2, NULL, &why);
	tpar_future_unref_all(f, 2);
	return err == TPAR_OK ? 0 : why.code;
}

START_TEST(sets_end_though_threads_are_used_up)
{
	long rounds = unit_scaled(30);
	tpar_pool *pool = unit_pool(2, 2);
	long round;

	for (round = 0; round < rounds; round++) {
		tpar_future *f = unit_submit(pool, gather_elsewhere,
					     (void *)(intptr_t)8, 0);

		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_EFAILED);
		ck_assert_int_eq(tpar_future_code(f), TPAR_EAGAIN);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/*
 * One member of the set was cancelled for want of a thread; the other one runs
 * elsewhere for as long as the test likes.
 */
struct stuck {
	tpar_pool *other;
	struct unit_hold hold;
	int64_t deadline;
	enum tpar_err err;
	_Atomic(tpar_future *) pending;
	_Atomic(tpar_future *) inner;
};

static int
wait_for_both(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct stuck *stuck = arg;
	tpar_future *f[2];

	(void)value;
	task.fn = hand_nothing;
	task.flags = TPAR_NO_INLINE;
	f[0] = unit_submit(stuck->other, unit_hold_task, &stuck->hold, 0);
	unit_gate_await(&stuck->hold.begun, 1);
	f[1] = unit_submit_task(NULL, &task);
	atomic_store(&stuck->pending, tpar_future_ref(f[1]));
	stuck->err = tpar_wait_all(f, 2, stuck->deadline);
	tpar_future_unref_all(f, 2);
	return 0;
}

/* Takes the pool's other thread and waits. */
static int
use_both_threads(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct stuck *stuck = arg;
	tpar_future *f;
	int rc;

	(void)value;
	task.fn = wait_for_both;
	task.arg = arg;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	atomic_store(&stuck->inner, tpar_future_ref(f));
	rc = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return rc;
}

static void
run_stuck(struct stuck *stuck, bool cancel)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	stuck->other = unit_pool(1, 1);
	f = unit_submit(pool, use_both_threads, stuck, 0);
	if (cancel) {
		UNIT_AWAIT(atomic_load(&stuck->pending) != NULL);
		UNIT_AWAIT(tpar_future_state(stuck->pending) == TPAR_CANCELLED);
		(void)tpar_future_cancel(stuck->inner);
	}
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	unit_gate_open(&stuck->hold.go);
	tpar_future_unref(stuck->pending);
	tpar_future_unref(stuck->inner);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(stuck->other), TPAR_OK);
}

START_TEST(deadline_counts_though_threads_are_used_up)
{
	struct stuck stuck = { .hold = UNIT_HOLD_INIT,
			       .deadline = tpar_in(20 * TPAR_MILLISECOND) };

	run_stuck(&stuck, false);
	ck_assert_int_eq(stuck.err, TPAR_ETIMEDOUT);
}
END_TEST

START_TEST(stop_counts_though_threads_are_used_up)
{
	struct stuck stuck = { .hold = UNIT_HOLD_INIT,
			       .deadline = TPAR_FOREVER };

	run_stuck(&stuck, true);
	ck_assert_int_eq(stuck.err, TPAR_ESTOPPED);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		nested_sets_add_up,
		sets_may_overlap,
		failure_comes_up_through_all_sets,
		cancel_reaches_all_levels,
		sets_end_though_threads_are_used_up,
		deadline_counts_though_threads_are_used_up,
		stop_counts_though_threads_are_used_up,
	};

	return unit_main("gather_threads", tests,
			 sizeof tests / sizeof tests[0]);
}
