/* SPDX-License-Identifier: MIT */
/*
 * test_pthread_exit.c - tasks that call pthread_exit() while memory or threads are
 * short: nothing is left behind, and the pool goes on.
 */
#include "config.h"

#include "fault.h"

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

int
main(void)
{
	const TTest *tests[] = { exits_leave_nothing_behind };

	return fault_main("fault_pthread_exit", tests,
			  sizeof tests / sizeof tests[0], 10);
}
