/* SPDX-License-Identifier: MIT */
/*
 * test_pthread_exit.c - tasks that call pthread_exit() while memory or threads are
 * short: nothing is left behind, and the pool goes on.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

enum { MEMBERS = 3 };

/* What a task that may be unwound has to release. */
struct set {
	tpar_future *f[MEMBERS];
	size_t n;
};

static void
release(void *arg)
{
	struct set *set = arg;

	tpar_future_unref_all(set->f, set->n);
}

/* A tree of sets with a task that exits at the end of each branch. */
static int
grow_and_exit(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	struct set set = { .n = 0 };

	(void)value;
	if (depth == 0) {
		pthread_exit(NULL);
	}
	pthread_cleanup_push(release, &set);
	while (set.n < MEMBERS &&
	       tpar_submit(NULL, grow_and_exit, (void *)(depth - 1), 0,
			   &set.f[set.n]) == TPAR_OK) {
		set.n++;
	}
	/* The same one twice: that takes a node. */
	if (set.n > 1) {
		tpar_future_unref(set.f[set.n - 1]);
		set.f[set.n - 1] = tpar_future_ref(set.f[0]);
	}
	if (depth % 2 == 0) {
		(void)tpar_gather(set.f, set.n, NULL, NULL);
	} else {
		(void)tpar_wait_all(set.f, set.n, TPAR_FOREVER);
	}
	pthread_cleanup_pop(1);
	return 0;
}

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static void
run(tpar_pool *pool, intptr_t depth)
{
	enum tpar_err err;
	tpar_future *f;

	fault_begin();
	if (tpar_submit(pool, grow_and_exit, (void *)depth, 0, &f) != TPAR_OK) {
		EXPECT(fault_any());
		fault_end();
		return;
	}
	/* Without threads nothing goes on until some can be started. */
	UNIT_AWAIT(tpar_future_state(f) >= TPAR_DONE || fault_any());
	fault_end();
	/* It goes on if its members ran elsewhere. */
	err = tpar_future_wait(f, TPAR_FOREVER);
	EXPECT(err == TPAR_EFAILED || (err == TPAR_OK && depth > 0));
	tpar_future_unref(f);
}

static void
run_exits(void)
{
	tpar_pool *pool = unit_pool(2, 4);
	intptr_t depth;

	for (depth = 0; depth < 3; depth++) {
		run(pool, depth);
	}
	unit_run_in(pool, nothing, NULL);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(exits_leave_nothing_behind)
{
	ck_assert_int_ge(fault_sweep(run_exits), 10);
}
END_TEST

/* ---- Computations, below one that exits ------------------------------------- */

enum { VALUES = 200, VALUE_SIZE = 200 };

static tpar_future *exits;
static char values[VALUES * VALUE_SIZE];

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	pthread_exit(arg);
	return 0;
}

/* Once for each computation. */
static int
wait_for_exit(void)
{
	if (exits == NULL &&
	    tpar_submit(NULL, exit_thread, NULL, 0, &exits) == TPAR_OK) {
		(void)tpar_future_wait(exits, TPAR_FOREVER);
	}
	return 0;
}

TPAR_VOID_TASK_0(exit_in_a_fork)
{
	(void)wait_for_exit();
}

static int
run_there(void *other, void *value)
{
	(void)value;
	return TPAR_RUN(exit_in_a_fork, other, NULL, NULL) == TPAR_OK ? 0 : 1;
}

static int
fold_values(size_t begin, size_t end, void *value, void *arg)
{
	(void)end;
	(void)value;
	(void)arg;
	return begin == VALUES / 2 ? wait_for_exit() : 0;
}

static int
combine_values(void *left, const void *right, void *arg)
{
	(void)left;
	(void)right;
	(void)arg;
	return wait_for_exit();
}

static int
reduce_here(void *arg, void *value)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;

	(void)arg;
	(void)value;
	how.value_size = VALUE_SIZE;
	how.fold = fold_values;
	how.combine = combine_values;
	return (int)tpar_reduce(NULL, 0, VALUES, 1, &how, values, NULL);
}

static int
scan_here(void *arg, void *value)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;

	(void)arg;
	(void)value;
	how.value_size = VALUE_SIZE;
	how.combine = combine_values;
	return (int)tpar_scan(NULL, values, values, VALUES, 1, &how, NULL);
}

static int
compare_values(const void *a, const void *b, void *arg)
{
	(void)arg;
	(void)wait_for_exit();
	return *(const char *)a - *(const char *)b;
}

static int
sort_here(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_sort(NULL, values, VALUES, VALUE_SIZE, compare_values,
			      NULL, NULL);
}

/* After so many calls. */
static uint64_t
key_of_value(const void *element, void *calls)
{
	if ((*(int *)calls)-- == 0) {
		(void)wait_for_exit();
	}
	return *(const unsigned char *)element;
}

/* So many that they are split into buckets. */
static int
sort_by_key(int calls)
{
	static char many[1 << 20];

	return (int)tpar_sort_by_key(NULL, many, sizeof many / VALUE_SIZE,
				     VALUE_SIZE, key_of_value, &calls, NULL);
}

static int
sort_by_key_here(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return sort_by_key(0);
}

static int
sort_by_key_later(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return sort_by_key(100);
}

static void
run_computation(tpar_task_fn fn)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_pool *other = unit_pool(1, 1);
	tpar_future *held = unit_submit(other, unit_hold_task, &hold, 0);
	tpar_future *f;

	/* Only those who wait for them run tasks of the other pool. */
	unit_gate_await(&hold.begun, 1);
	fault_begin();
	f = NULL;
	if (tpar_submit(pool, fn, other, 0, &f) == TPAR_OK) {
		UNIT_AWAIT(tpar_future_state(f) >= TPAR_DONE || fault_any());
	}
	fault_end();
	unit_gate_open(&hold.go);
	if (f != NULL) {
		(void)tpar_future_wait(f, TPAR_FOREVER);
	}
	tpar_future_unref(f);
	tpar_future_unref(held);
	tpar_future_unref(exits);
	exits = NULL;
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
}

static void
run_computations(void)
{
	run_computation(run_there);
	run_computation(reduce_here);
	run_computation(scan_here);
	run_computation(sort_here);
	run_computation(sort_by_key_here);
	run_computation(sort_by_key_later);
}

START_TEST(exits_below_computations_leave_nothing_behind)
{
	ck_assert_int_ge(fault_sweep(run_computations), 10);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		exits_leave_nothing_behind,
		exits_below_computations_leave_nothing_behind,
	};

	return fault_main("fault_pthread_exit", tests,
			  sizeof tests / sizeof tests[0], 10);
}
