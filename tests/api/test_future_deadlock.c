/* SPDX-License-Identifier: MIT */
/*
 * test_future_deadlock.c - a wait for one future that would never end is told,
 * with the chain of those who wait; and what only looks like one goes on.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

/* A ring or a chain of tasks: each waits for the one that it points to. */
struct link {
	struct unit_gate known; /* opened once `next` and all futures are set */
	struct link *next;
	tpar_future *f;
	int64_t deadline;
	enum tpar_err err;
	char detail[1024];
};

static const struct link init = { .known = UNIT_GATE_INIT, .err = TPAR_EINVAL };

static int
wait_for_next(void *arg, void *value)
{
	struct link *link = arg;

	(void)value;
	unit_gate_await(&link->known, 1);
	if (link->next == NULL) {
		link->err = TPAR_OK;
		return 0;
	}
	link->err = tpar_future_wait(link->next->f, link->deadline);
	snprintf(link->detail, sizeof link->detail, "%s", tpar_error_detail());
	return 0;
}

static void
submit_link(tpar_pool *pool, struct link *link, const char *name,
	    const char *site)
{
	struct tpar_task task = TPAR_TASK_INIT;

	*link = init;
	task.fn = wait_for_next;
	task.arg = link;
	task.name = name;
	task.site = site;
	link->f = unit_submit_task(pool, &task);
}

START_TEST(waiting_for_oneself_is_told_at_once_whatever_the_deadline)
{
	static const int64_t deadlines[] = { TPAR_FOREVER, TPAR_NOW, 1,
					     INT64_MAX };
	struct link self;
	size_t i;

	for (i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
		submit_link(NULL, &self, "self", "one.c:1");
		self.next = &self;
		self.deadline = deadlines[i];
		unit_gate_open(&self.known);
		ck_assert_int_eq(tpar_future_wait(self.f, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(self.err, TPAR_EDEADLK);
		ck_assert_str_eq(self.detail,
				 "'self' (one.c:1) waits for itself");
		tpar_future_unref(self.f);
	}
}
END_TEST

/* Submits its successor itself and waits for it; the last one for the first. */
struct descent {
	tpar_future *first;
	int left;
	enum tpar_err last; /* what the last one's wait gave */
	char detail[1024];
};

static int
descend(void *arg, void *value)
{
	static const char *const names[] = { "child", "father", "grandfather" };
	struct tpar_task task = TPAR_TASK_INIT;
	struct descent *descent = arg;
	tpar_future *f;

	(void)value;
	if (descent->left-- == 0) {
		descent->last = tpar_future_wait(descent->first, TPAR_FOREVER);
		snprintf(descent->detail, sizeof descent->detail, "%s",
			 tpar_error_detail());
		return 0;
	}
	task.fn = descend;
	task.arg = descent;
	task.name = names[descent->left];
	task.site = NULL;
	f = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

/* On one worker, so that each runs on top of its ancestor. */
static void
descend_from(int generations, struct descent *descent)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);

	memset(descent, 0, sizeof *descent);
	descent->left = generations;
	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	task.fn = descend;
	task.arg = descent;
	task.name = "ancestor";
	task.site = "then.c:1";
	descent->first = unit_submit_task(pool, &task);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(descent->first, TPAR_FOREVER),
			 TPAR_OK);
	tpar_future_unref(descent->first);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(waiting_for_an_ancestor_that_waits_is_told)
{
	struct descent descent;

	descend_from(1, &descent);
	ck_assert_int_eq(descent.last, TPAR_EDEADLK);
	ck_assert_str_eq(descent.detail,
			 "'child' waits for 'ancestor' (then.c:1) waits for "
			 "'child'");
	descend_from(3, &descent);
	ck_assert_int_eq(descent.last, TPAR_EDEADLK);
	ck_assert_str_eq(descent.detail,
			 "'child' waits for 'ancestor' (then.c:1) waits for "
			 "'grandfather' waits for 'father' waits for 'child'");
}
END_TEST

/* A task that submits another one, which waits for it, and goes its way. */
struct parent {
	struct unit_gate known;
	tpar_future *own;
	tpar_future *child;
};

static int
wait_for_parent(void *arg, void *value)
{
	struct parent *parent = arg;

	(void)value;
	return (int)tpar_future_wait(parent->own, TPAR_FOREVER);
}

static int
leave_child_alone(void *arg, void *value)
{
	struct parent *parent = arg;

	(void)value;
	unit_gate_await(&parent->known, 1);
	parent->child = unit_submit(NULL, wait_for_parent, parent, 0);
	return 0;
}

START_TEST(waiting_for_an_ancestor_that_does_not_wait_ends_with_it)
{
	struct parent parent = { UNIT_GATE_INIT, NULL, NULL };
	tpar_pool *pool = unit_pool(2, 1);
	long round;

	for (round = 0; round < unit_scaled(200); round++) {
		parent = (struct parent) { UNIT_GATE_INIT, NULL, NULL };
		parent.own = unit_submit(pool, leave_child_alone, &parent, 0);
		unit_gate_open(&parent.known);
		ck_assert_int_eq(tpar_future_wait(parent.own, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(parent.child, TPAR_FOREVER),
				 TPAR_OK);
		tpar_future_unref(parent.child);
		tpar_future_unref(parent.own);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { RING = 4 };

/* All are known to all, then all wait at once. */
static void
close_ring(tpar_pool *const pool[RING], struct link link[RING],
	   int64_t deadline)
{
	static const char *const names[] = { "north", "east", "south", "west" };
	static const char *const sites[] = { "n.c:1", "e.c:2", "s.c:3",
					     "w.c:4" };
	int i;

	for (i = 0; i < RING; i++) {
		submit_link(pool[i], &link[i], names[i], sites[i]);
	}
	for (i = 0; i < RING; i++) {
		link[i].next = &link[(i + 1) % RING];
		link[i].deadline = i == 0 ? deadline : TPAR_FOREVER;
	}
	for (i = 0; i < RING; i++) {
		UNIT_AWAIT(tpar_future_state(link[i].f) == TPAR_RUNNING);
	}
	for (i = 0; i < RING; i++) {
		unit_gate_open(&link[i].known);
	}
	for (i = 0; i < RING; i++) {
		ck_assert_int_eq(tpar_future_wait(link[i].f, TPAR_FOREVER),
				 TPAR_OK);
	}
	for (i = 0; i < RING; i++) {
		tpar_future_unref(link[i].f);
	}
}

static void
expect_chain(const struct link *link, int first)
{
	static const char *const who[] = { "'north' (n.c:1)", "'east' (e.c:2)",
					   "'south' (s.c:3)",
					   "'west' (w.c:4)" };
	char chain[256];

	snprintf(chain, sizeof chain,
		 "%s waits for %s waits for %s waits for %s waits for %s",
		 who[first], who[(first + 1) % RING], who[(first + 2) % RING],
		 who[(first + 3) % RING], who[first]);
	ck_assert_str_eq(link->detail, chain);
}

START_TEST(ring_across_pools_is_told_to_whoever_closes_it)
{
	tpar_pool *pool[RING];
	struct link link[RING];
	long round;
	int told;
	int i;

	/* Two of one pool, two of another. */
	pool[0] = pool[2] = unit_pool(2, 1);
	pool[1] = pool[3] = unit_pool(2, 1);
	for (round = 0; round < unit_scaled(100); round++) {
		close_ring(pool, link, TPAR_FOREVER);
		told = 0;
		for (i = 0; i < RING; i++) {
			ck_assert(link[i].err == TPAR_OK ||
				  link[i].err == TPAR_EDEADLK);
			if (link[i].err == TPAR_EDEADLK) {
				expect_chain(&link[i], i);
				told++;
			}
		}
		/* Several may have come at the same time. */
		ck_assert_int_ge(told, 1);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool[0]), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool[1]), TPAR_OK);
}
END_TEST

START_TEST(wait_with_a_deadline_closes_no_ring)
{
	tpar_pool *one = unit_pool(RING, 1);
	tpar_pool *const pool[RING] = { one, one, one, one };
	struct link link[RING];
	int i;

	close_ring(pool, link, tpar_in(5 * TPAR_MILLISECOND));
	ck_assert_int_eq(link[0].err, TPAR_ETIMEDOUT);
	for (i = 1; i < RING; i++) {
		ck_assert_int_eq(link[i].err, TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
}
END_TEST

START_TEST(long_chain_without_a_way_back_is_none)
{
	enum { LENGTH = 50 };
	static struct link link[LENGTH];
	tpar_pool *pool = unit_pool(2, LENGTH);
	int i;

	/* The last one to begin is waited for by all, one after the other. */
	for (i = 0; i < LENGTH; i++) {
		submit_link(pool, &link[i], NULL, NULL);
		link[i].next = i > 0 ? &link[i - 1] : NULL;
	}
	for (i = LENGTH - 1; i >= 0; i--) {
		unit_gate_open(&link[i].known);
	}
	for (i = 0; i < LENGTH; i++) {
		ck_assert_int_eq(tpar_future_wait(link[i].f, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(link[i].err, TPAR_OK);
	}
	/* Not before: the one after it may still be looking how it ended. */
	for (i = 0; i < LENGTH; i++) {
		tpar_future_unref(link[i].f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		waiting_for_oneself_is_told_at_once_whatever_the_deadline,
		waiting_for_an_ancestor_that_waits_is_told,
		waiting_for_an_ancestor_that_does_not_wait_ends_with_it,
		ring_across_pools_is_told_to_whoever_closes_it,
		wait_with_a_deadline_closes_no_ring,
		long_chain_without_a_way_back_is_none,
	};

	return unit_main("future_deadlock", tests,
			 sizeof tests / sizeof tests[0]);
}
