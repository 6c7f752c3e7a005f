/* SPDX-License-Identifier: MIT */
/*
 * test_group_nested.c - groups within tasks within groups, on one worker, to any
 * depth; and children that wait for the task that closes their group.
 */
#include "groups.h"

static int
nest(void *arg, void *value)
{
	long depth = *(long *)arg;
	long below = depth - 1;
	tpar_group *g;

	(void)value;
	if (depth > 0) {
		g = group_in(NULL);
		group_run(g, nest, &below);
		UNIT_MUST(group_end(g, NULL) == TPAR_OK);
	}
	return 0;
}

START_TEST(groups_nest_to_any_depth_on_one_worker)
{
	tpar_pool *one = unit_pool(1, 64);
	long depth = unit_scaled(2000);

	unit_run_in(one, nest, &depth);
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

struct fib {
	int n;
	long value;
};

static int
fib(void *arg, void *value)
{
	struct fib *self = arg;
	struct fib a = { self->n - 1, 0 };
	struct fib b = { self->n - 2, 0 };
	tpar_group *g;

	(void)value;
	self->value = self->n;
	if (self->n >= 2) {
		g = group_in(NULL);
		group_run(g, fib, &a);
		group_run(g, fib, &b);
		UNIT_MUST(group_end(g, NULL) == TPAR_OK);
		self->value = a.value + b.value;
	}
	return 0;
}

static void
run_fib(unsigned workers)
{
	tpar_pool *pool = unit_pool(workers, 64);
	struct fib root = { 16, 0 };

	unit_run_in(pool, fib, &root);
	ck_assert_int_eq(root.value, 987);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(arguments_of_children_may_live_on_the_stack)
{
	run_fib(1);
	run_fib(2);
	run_fib(8);
}
END_TEST

/* ---- Children that wait for the task that closes --------------------------- */

enum { CHILDREN = 150 };

/* A closing task; its children know its future. */
struct ring {
	struct unit_gate known;
	tpar_future *self;
	tpar_future *other; /* what the waiting child waits for, or self */
	bool gathers;
	_Atomic int ended;
	enum tpar_err child_err;
	enum tpar_err err;
	bool all_ended; /* but for the child that waits, at the return */
	char detail[400];
	struct unit_gate slow;
	_Atomic bool waited; /* the child that waits does so no more */
};

static int
wait_for_closer(void *arg, void *value)
{
	struct ring *ring = arg;
	tpar_future *f = ring->other != NULL ? ring->other : ring->self;

	(void)value;
	if (ring->gathers) {
		ring->child_err = tpar_gather(&f, 1, NULL, NULL);
	} else {
		ring->child_err = tpar_future_wait(f, TPAR_FOREVER);
	}
	atomic_store(&ring->waited, true);
	return 0;
}

/* Not before the cycle is broken, by whoever sees it; and then some. */
static int
end_slowly(void *arg, void *value)
{
	struct ring *ring = arg;
	int i;

	(void)value;
	unit_gate_open(&ring->slow);
	UNIT_AWAIT(tpar_cancelled() || atomic_load(&ring->waited));
	for (i = 0; i < 20; i++) {
		sched_yield();
	}
	atomic_fetch_add(&ring->ended, 1);
	return 0;
}

static int
close_ring(void *arg, void *value)
{
	struct ring *ring = arg;
	tpar_group *g = group_in(NULL);
	tpar_future *f;
	int i;

	(void)value;
	unit_gate_await(&ring->known, 1);
	f = group_submit_flagged(g, end_slowly, ring, TPAR_NO_INLINE);
	tpar_future_unref(f);
	unit_gate_await(&ring->slow, 1);
	for (i = 0; i < CHILDREN / 2; i++) {
		group_run(g, scene_return, NULL);
	}
	f = group_submit_flagged(g, wait_for_closer, ring, TPAR_NO_INLINE);
	tpar_future_unref(f);
	for (i = 0; i < CHILDREN / 2; i++) {
		group_run(g, scene_return, NULL);
	}
	ring->err = tpar_group_close(g, NULL, 0, NULL);
	snprintf(ring->detail, sizeof ring->detail, "%s", tpar_error_detail());
	ring->all_ended = atomic_load(&ring->ended) == 1;
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_ECLOSED);
	tpar_group_destroy(g);
	return 0;
}

static void
run_ring(bool gathers)
{
	struct ring ring = { .known = UNIT_GATE_INIT,
			     .gathers = gathers,
			     .slow = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(3, 8);
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = close_ring;
	task.arg = &ring;
	task.name = "closer";
	ring.self = unit_submit_task(pool, &task);
	unit_gate_open(&ring.known);
	ck_assert_int_eq(tpar_future_wait(ring.self, TPAR_FOREVER), TPAR_OK);
	/* The last of the children may have ended after it. */
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref(ring.self);
	/* Who sees it breaks it; what is complete then has succeeded. */
	if (ring.err == TPAR_EDEADLK) {
		ck_assert_ptr_nonnull(strstr(ring.detail, "'closer'"));
		ck_assert_ptr_nonnull(strstr(ring.detail, "waits for"));
	}
	ck_assert(ring.all_ended);
}

START_TEST(child_that_waits_for_the_closing_task_is_a_cycle)
{
	run_ring(false);
}
END_TEST

/* It is given up, as nothing else ends; all others are waited for. */
START_TEST(child_that_gathers_the_closing_task_is_given_up_alone)
{
	run_ring(true);
}
END_TEST

/* Of two closing tasks each has a child that waits for the other one. */
START_TEST(cycle_through_two_groups_is_found)
{
	struct ring ring[2];
	tpar_pool *pool = unit_pool(4, 16);
	struct tpar_task task = TPAR_TASK_INIT;
	int i;

	task.fn = close_ring;
	for (i = 0; i < 2; i++) {
		ring[i] = (struct ring) { .known = UNIT_GATE_INIT,
					  .gathers = i == 1,
					  .slow = UNIT_GATE_INIT };
		task.arg = &ring[i];
		ring[i].self = unit_submit_task(pool, &task);
	}
	for (i = 0; i < 2; i++) {
		ring[i].other = ring[1 - i].self;
	}
	for (i = 0; i < 2; i++) {
		/* The slow children end only if they are stopped. */
		unit_gate_open(&ring[i].known);
	}
	for (i = 0; i < 2; i++) {
		(void)tpar_future_wait(ring[i].self, TPAR_FOREVER);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < 2; i++) {
		ck_assert(ring[i].all_ended);
		tpar_future_unref(ring[i].self);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		groups_nest_to_any_depth_on_one_worker,
		arguments_of_children_may_live_on_the_stack,
		child_that_waits_for_the_closing_task_is_a_cycle,
		child_that_gathers_the_closing_task_is_given_up_alone,
		cycle_through_two_groups_is_found,
	};

	return unit_main("group_nested", tests, sizeof tests / sizeof tests[0]);
}
