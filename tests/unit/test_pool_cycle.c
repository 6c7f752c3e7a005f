/* SPDX-License-Identifier: MIT */
/*
 * test_pool_cycle.c - a task that waits for the end of a pool waits for all of
 * that pool's tasks: cycles through it are told, whoever closes them.
 */
#include "config.h"

#include "unit.h"

#include "src/future.h"
#include "src/pool.h"

#include <stdatomic.h>
#include <string.h>

enum deed { WAIT, DRAIN, CANCEL, DRAIN_UNTIL, DESTROY };

/* What a task does once it is let go, and what came of it. */
struct actor {
	struct unit_hold hold;
	enum deed deed;
	tpar_future *other; /* waited for */
	tpar_pool *pool;    /* shut down */
	tpar_future *f;
	enum tpar_err err;
	char detail[1024];
};

static enum tpar_err
do_deed(struct actor *actor)
{
	switch (actor->deed) {
	case WAIT:
		return tpar_future_wait(actor->other, TPAR_FOREVER);
	case DRAIN:
		return tpar_pool_shutdown(actor->pool, TPAR_DRAIN,
					  TPAR_FOREVER);
	case CANCEL:
		return tpar_pool_shutdown(actor->pool, TPAR_CANCEL,
					  TPAR_FOREVER);
	case DRAIN_UNTIL:
		return tpar_pool_shutdown(actor->pool, TPAR_DRAIN,
					  tpar_in(20 * TPAR_MILLISECOND));
	default:
		return tpar_pool_destroy(actor->pool);
	}
}

static int
act(void *arg, void *value)
{
	struct actor *actor = arg;

	(void)unit_hold_task(&actor->hold, value);
	actor->err = do_deed(actor);
	snprintf(actor->detail, sizeof actor->detail, "%s",
		 tpar_error_detail());
	return 0;
}

static void
submit(tpar_pool *pool, struct actor *actor, enum deed deed, const char *name)
{
	const struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = TPAR_TASK_INIT;

	actor->hold = hold;
	actor->deed = deed;
	task.fn = act;
	task.arg = actor;
	task.name = name;
	task.site = "here.c:1";
	actor->f = unit_submit_task(pool, &task);
}

static void
await_begin(struct actor *actor)
{
	unit_gate_await(&actor->hold.begun, 1);
}

/* Lets it go, and waits until it waits. */
static void
let_wait(struct actor *actor)
{
	unit_gate_open(&actor->hold.go);
	UNIT_AWAIT(atomic_load(&actor->f->cur) != NULL);
	/* And has looked for a cycle: it sleeps, the one worker of its pool. */
	UNIT_AWAIT(tpi_park_active(atomic_load(
			   &tpi_pool_of(actor->f->intake)->park.word)) == 0);
}

/* An actor of pool a that ends pool b, and one of b that waits for it. */
struct pair {
	tpar_pool *a;
	tpar_pool *b;
	struct actor ender;
	struct actor waiter;
};

static void
start(struct pair *pair, enum deed deed)
{
	pair->a = unit_pool(1, 1);
	pair->b = unit_pool(1, 1);
	submit(pair->a, &pair->ender, deed, "ender");
	submit(pair->b, &pair->waiter, WAIT, "waiter");
	pair->ender.pool = pair->b;
	pair->waiter.other = pair->ender.f;
	await_begin(&pair->ender);
	await_begin(&pair->waiter);
}

static void
finish(struct pair *pair, bool b_is_gone)
{
	ck_assert_int_eq(tpar_future_wait(pair->ender.f, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(pair->waiter.f, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pair->a), TPAR_OK);
	if (!b_is_gone) {
		ck_assert_int_eq(tpar_pool_destroy(pair->b), TPAR_OK);
	}
	tpar_future_unref(pair->ender.f);
	tpar_future_unref(pair->waiter.f);
}

START_TEST(task_that_closes_the_cycle_is_told)
{
	static const enum deed deeds[] = { DRAIN, DESTROY };
	struct pair pair;
	int i;

	for (i = 0; i < 2; i++) {
		start(&pair, deeds[i]);
		let_wait(&pair.ender);
		unit_gate_open(&pair.waiter.hold.go);
		ck_assert_int_eq(tpar_future_wait(pair.waiter.f, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(pair.ender.f, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(pair.waiter.err, TPAR_EDEADLK);
		ck_assert_str_eq(pair.waiter.detail,
				 "'waiter' (here.c:1) waits for 'ender' "
				 "(here.c:1) waits for pool 'taskpar' and its "
				 "'waiter' (here.c:1)");
		ck_assert_int_eq(pair.ender.err, TPAR_OK);
		finish(&pair, deeds[i] == DESTROY);
	}
}
END_TEST

START_TEST(shutdown_that_closes_the_cycle_is_told)
{
	static const enum deed deeds[] = { DRAIN, CANCEL, DESTROY };
	struct pair pair;
	int i;

	for (i = 0; i < 3; i++) {
		start(&pair, deeds[i]);
		let_wait(&pair.waiter);
		unit_gate_open(&pair.ender.hold.go);
		ck_assert_int_eq(tpar_future_wait(pair.ender.f, TPAR_FOREVER),
				 TPAR_OK);
		if (deeds[i] == CANCEL && pair.ender.err == TPAR_OK) {
			/* The stop was seen before. */
			ck_assert_int_eq(pair.waiter.err, TPAR_ESTOPPED);
			finish(&pair, false);
			continue;
		}
		ck_assert_int_eq(pair.ender.err, TPAR_EDEADLK);
		ck_assert_str_eq(pair.ender.detail,
				 "'ender' (here.c:1) waits for pool 'taskpar' "
				 "and its 'waiter' (here.c:1) waits for "
				 "'ender' (here.c:1)");
		/* It stays closed, and can be ended by somebody else. */
		ck_assert_int_eq(tpar_submit(pair.b, act, NULL, 0, NULL),
				 TPAR_ECLOSED);
		finish(&pair, false);
		if (deeds[i] != CANCEL) {
			ck_assert_int_eq(pair.waiter.err, TPAR_OK);
		}
	}
}
END_TEST

START_TEST(destroy_by_a_task_that_was_stopped_is_told_too)
{
	struct pair pair;

	start(&pair, DESTROY);
	let_wait(&pair.ender);
	ck_assert_int_eq(tpar_future_cancel(pair.ender.f), TPAR_OK);
	unit_gate_open(&pair.waiter.hold.go);
	ck_assert_int_eq(tpar_future_wait(pair.waiter.f, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(pair.waiter.err, TPAR_EDEADLK);
	finish(&pair, true);
	start(&pair, DESTROY);
	let_wait(&pair.waiter);
	ck_assert_int_eq(tpar_future_cancel(pair.ender.f), TPAR_OK);
	unit_gate_open(&pair.ender.hold.go);
	ck_assert_int_eq(tpar_future_wait(pair.ender.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(pair.ender.err, TPAR_EDEADLK);
	finish(&pair, false);
}
END_TEST

START_TEST(shutdown_with_a_deadline_is_no_cycle)
{
	struct pair pair;

	start(&pair, DRAIN_UNTIL);
	let_wait(&pair.waiter);
	unit_gate_open(&pair.ender.hold.go);
	ck_assert_int_eq(tpar_future_wait(pair.ender.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(pair.ender.err, TPAR_ETIMEDOUT);
	ck_assert_str_eq(pair.ender.detail, "1 task runs: 'waiter' (here.c:1)");
	finish(&pair, false);
	ck_assert_int_eq(pair.waiter.err, TPAR_OK);
}
END_TEST

START_TEST(two_that_end_each_others_pool_are_told)
{
	struct pair pair;

	start(&pair, DRAIN);
	pair.waiter.deed = DRAIN;
	pair.waiter.pool = pair.a;
	let_wait(&pair.ender);
	unit_gate_open(&pair.waiter.hold.go);
	ck_assert_int_eq(tpar_future_wait(pair.waiter.f, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(pair.waiter.err, TPAR_EDEADLK);
	ck_assert_str_eq(pair.waiter.detail,
			 "'waiter' (here.c:1) waits for pool 'taskpar' and its "
			 "'ender' (here.c:1) waits for pool 'taskpar' and its "
			 "'waiter' (here.c:1)");
	finish(&pair, false);
	ck_assert_int_eq(pair.ender.err, TPAR_OK);
}
END_TEST

START_TEST(tasks_on_other_pools_threads_count)
{
	const struct unit_hold init = UNIT_HOLD_INIT;
	tpar_pool *c = unit_pool(1, 1);
	struct unit_hold hold = init;
	struct actor runner;
	struct pair pair;

	/* The only worker of b is held; its waiter is run by a task of c. */
	pair.a = unit_pool(1, 1);
	pair.b = unit_pool(1, 1);
	ck_assert_int_eq(tpar_submit(pair.b, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	submit(pair.a, &pair.ender, DRAIN, "ender");
	submit(pair.b, &pair.waiter, WAIT, "waiter");
	submit(c, &runner, WAIT, "runner");
	pair.ender.pool = pair.b;
	pair.waiter.other = pair.ender.f;
	runner.other = pair.waiter.f;
	unit_gate_open(&runner.hold.go);
	await_begin(&pair.waiter);
	await_begin(&pair.ender);
	unit_gate_open(&hold.go);
	let_wait(&pair.ender);
	unit_gate_open(&pair.waiter.hold.go);
	ck_assert_int_eq(tpar_future_wait(pair.waiter.f, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(pair.waiter.err, TPAR_EDEADLK);
	/* It has no handle of its own to what finish() releases. */
	ck_assert_int_eq(tpar_future_wait(runner.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(runner.err, TPAR_OK);
	finish(&pair, false);
	tpar_future_unref(runner.f);
	ck_assert_int_eq(tpar_pool_destroy(c), TPAR_OK);
}
END_TEST

START_TEST(default_pool_that_was_not_destroyed_stays_the_default)
{
	struct actor waiter;
	struct actor ender;
	tpar_pool *a = unit_pool(1, 1);

	submit(a, &ender, DESTROY, "ender");
	submit(NULL, &waiter, WAIT, "waiter");
	ender.pool = NULL;
	waiter.other = ender.f;
	await_begin(&ender);
	await_begin(&waiter);
	let_wait(&waiter);
	unit_gate_open(&ender.hold.go);
	ck_assert_int_eq(tpar_future_wait(ender.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(ender.err, TPAR_EDEADLK);
	ck_assert_int_eq(tpar_submit(NULL, act, NULL, 0, NULL), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_future_wait(waiter.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(waiter.err, TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(a), TPAR_OK);
	tpar_future_unref(ender.f);
	tpar_future_unref(waiter.f);
}
END_TEST

START_TEST(whoever_comes_last_is_told)
{
	long round;

	for (round = 0; round < unit_scaled(100); round++) {
		struct pair pair;

		start(&pair, round % 2 == 0 ? DRAIN : DESTROY);
		unit_gate_open(&pair.ender.hold.go);
		unit_gate_open(&pair.waiter.hold.go);
		ck_assert_int_eq(tpar_future_wait(pair.ender.f, TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(pair.waiter.f, TPAR_FOREVER),
				 TPAR_OK);
		/* One of them, and only one. */
		ck_assert(pair.ender.err == TPAR_OK ||
			  pair.ender.err == TPAR_EDEADLK);
		ck_assert(pair.waiter.err == TPAR_OK ||
			  pair.waiter.err == TPAR_EDEADLK);
		ck_assert(pair.ender.err != pair.waiter.err);
		finish(&pair, round % 2 != 0 && pair.ender.err == TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_that_closes_the_cycle_is_told,
		shutdown_that_closes_the_cycle_is_told,
		destroy_by_a_task_that_was_stopped_is_told_too,
		shutdown_with_a_deadline_is_no_cycle,
		two_that_end_each_others_pool_are_told,
		tasks_on_other_pools_threads_count,
		default_pool_that_was_not_destroyed_stays_the_default,
		whoever_comes_last_is_told,
	};

	return unit_main("pool_cycle", tests, sizeof tests / sizeof tests[0]);
}
