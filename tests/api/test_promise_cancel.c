/* SPDX-License-Identifier: MIT */
/*
 * test_promise_cancel.c - promises that are told when nobody wants their value
 * any more, and then end as they are completed.
 */
#include "promised.h"

#include <taskpar/cancel.h>

/* What is told, and what it does about it. */
struct told {
	_Atomic int calls;
	pthread_t thread;
	struct unit_gate begun;
	struct unit_gate go; /* if `holds` */
	bool holds;
	void (*then)(tpar_promise *p); /* or NULL */
};

#define TOLD_INIT(then)                                                        \
	{                                                                      \
		0, pthread_self(), UNIT_GATE_INIT, UNIT_GATE_INIT, false,      \
			(then)                                                 \
	}

static void
be_told(tpar_promise *p, void *arg)
{
	struct told *told = arg;

	atomic_fetch_add(&told->calls, 1);
	told->thread = pthread_self();
	UNIT_MUST(tpar_promise_cancelled(p));
	UNIT_MUST(!tpar_cancelled() && tpar_context() == NULL);
	unit_gate_open(&told->begun);
	if (told->holds) {
		unit_gate_await(&told->go, 1);
	}
	if (told->then != NULL) {
		told->then(p);
	}
}

static struct promised
make(struct told *told)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct promised made = { NULL, NULL };

	config.value_size = sizeof(intptr_t);
	config.drop_value = scene_drop_value;
	config.name = "told";
	config.on_cancel = be_told;
	config.arg = told;
	UNIT_MUST(tpar_promise_create_with(&config, &made.p, &made.f) ==
		  TPAR_OK);
	return made;
}

static void
give_way(tpar_promise *p)
{
	UNIT_MUST(tpar_promise_set_cancelled(p) == TPAR_OK);
}

static void
succeed(tpar_promise *p)
{
	intptr_t number = 3;

	UNIT_MUST(tpar_promise_set(p, &number) == TPAR_OK);
}

static void
say_no(tpar_promise *p)
{
	UNIT_MUST(tpar_promise_fail(p, 8, "not now") == TPAR_OK);
}

START_TEST(promise_that_is_told_runs_from_the_beginning)
{
	struct told told = TOLD_INIT(give_way);
	struct promised made = make(&told);

	ck_assert_int_eq(tpar_future_state(made.f), TPAR_RUNNING);
	ck_assert(!tpar_promise_cancelled(made.p));
	ck_assert_int_eq(tpar_future_wait(made.f, TPAR_NOW), TPAR_ETIMEDOUT);
	promised_set(made, 5);
	ck_assert_int_eq(promised_value(made.f), 5);
	/* It was completed before: there is nothing to be told. */
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_EALREADY);
	ck_assert_int_eq(tpar_promise_set_cancelled(made.p), TPAR_EALREADY);
	promised_free(made);
	ck_assert_int_eq(atomic_load(&told.calls), 0);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

static void
cancel_it(void (*then)(tpar_promise *p), enum tpar_state state, int code)
{
	struct told told = TOLD_INIT(then);
	struct promised made = make(&told);
	int i;

	told.holds = true;
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	}
	unit_gate_await(&told.begun, 1);
	ck_assert(!pthread_equal(told.thread, pthread_self()));
	/* Only asked: how it is completed decides. */
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	unit_gate_open(&told.go);
	(void)tpar_future_wait(made.f, TPAR_FOREVER);
	ck_assert_int_eq(tpar_future_state(made.f), state);
	ck_assert_int_eq(tpar_future_code(made.f), code);
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_EALREADY);
	promised_free(made);
	ck_assert_int_eq(atomic_load(&told.calls), 1);
}

START_TEST(cancel_is_told_once_and_the_completion_decides)
{
	cancel_it(give_way, TPAR_CANCELLED, TPAR_ESTOPPED);
	cancel_it(say_no, TPAR_FAILED, 8);
	cancel_it(succeed, TPAR_DONE, 0);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(one_that_is_told_may_be_completed_later_by_anybody)
{
	struct told told = TOLD_INIT(NULL);
	struct promised made = make(&told);

	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	unit_gate_await(&told.begun, 1);
	ck_assert(tpar_promise_cancelled(made.p));
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_RUNNING);
	promised_set(made, 7);
	ck_assert_int_eq(promised_value(made.f), 7);
	promised_free(made);
}
END_TEST

/* ---- Who cancels --------------------------------------------------------- */

START_TEST(all_that_cancels_tells)
{
	struct told told[4] = { TOLD_INIT(give_way), TOLD_INIT(give_way),
				TOLD_INIT(give_way), TOLD_INIT(give_way) };
	struct promised made[4];
	tpar_future *f[2];
	tpar_future *all = NULL;
	int i;

	for (i = 0; i < 4; i++) {
		made[i] = make(&told[i]);
	}
	/* A failure beside it; the set waits for what it does then. */
	f[0] = made[0].f;
	f[1] = promised_failed(2, "two");
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_state(made[0].f), TPAR_CANCELLED);
	/* A gather in the background that is cancelled; a deadline; a race. */
	ck_assert_int_eq(tpar_gather_async(&made[1].f, 1, &all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(all), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_cancel_at(made[2].f,
					       tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(made[2].f, TPAR_FOREVER),
			 TPAR_ECANCELED);
	tpar_future_unref(f[1]);
	f[0] = made[3].f;
	f[1] = promised_ended(1);
	ck_assert_int_eq(tpar_race(f, 2, NULL, NULL, NULL), TPAR_OK);
	tpar_future_unref(f[1]);
	tpar_future_unref(all);
	promised_free_many(made, 4);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(atomic_load(&told[i].calls), 1);
	}
}
END_TEST

/* ---- What it may do ------------------------------------------------------ */

static int
return_seven(void *arg, void *value)
{
	(void)arg;
	*(intptr_t *)value = 7;
	return 0;
}

static void
wait_and_set(tpar_promise *p)
{
	tpar_future *f =
		unit_submit(NULL, return_seven, NULL, sizeof(intptr_t));
	intptr_t number;

	UNIT_MUST(tpar_gather(&f, 1, &number, NULL) == TPAR_OK);
	UNIT_MUST(tpar_promise_set(p, &number) == TPAR_OK);
	tpar_future_unref(f);
}

START_TEST(what_is_told_may_wait_for_tasks)
{
	struct told told = TOLD_INIT(wait_and_set);
	struct promised made = make(&told);

	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(made.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(promised_value(made.f), 7);
	promised_free(made);
}
END_TEST

static void
destroy(tpar_promise *p)
{
	tpar_promise_destroy(p);
}

static void
give_way_and_destroy(tpar_promise *p)
{
	give_way(p);
	tpar_promise_destroy(p);
}

START_TEST(what_is_told_may_destroy_its_promise)
{
	struct told told[2] = { TOLD_INIT(destroy),
				TOLD_INIT(give_way_and_destroy) };
	struct promised made[2] = { make(&told[0]), make(&told[1]) };

	ck_assert_int_eq(tpar_future_cancel(made[0].f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(made[0].f, TPAR_FOREVER),
			 TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(made[0].f),
			 "the promise was destroyed without being completed");
	ck_assert_int_eq(tpar_future_cancel(made[1].f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(made[1].f, TPAR_FOREVER),
			 TPAR_ECANCELED);
	tpar_future_unref(made[0].f);
	tpar_future_unref(made[1].f);
}
END_TEST

/* ---- The end of a promise ------------------------------------------------ */

struct ending {
	struct promised made;
	struct told *told;
	_Atomic bool destroyed;
};

static void *
destroy_it(void *arg)
{
	struct ending *ending = arg;

	tpar_promise_destroy(ending->made.p);
	atomic_store(&ending->destroyed, true);
	UNIT_MUST(ending->told->go.opened == 1);
	return NULL;
}

START_TEST(destroying_waits_for_what_is_being_told)
{
	struct told told = TOLD_INIT(NULL);
	struct ending ending = { .made = make(&told), .told = &told };
	pthread_t thread;

	told.holds = true;
	ck_assert_int_eq(tpar_future_cancel(ending.made.f), TPAR_OK);
	unit_gate_await(&told.begun, 1);
	thread = unit_start(destroy_it, &ending);
	/* Its future has ended by then. */
	ck_assert_int_eq(tpar_future_wait(ending.made.f, TPAR_FOREVER),
			 TPAR_EFAILED);
	ck_assert(!atomic_load(&ending.destroyed));
	unit_gate_open(&told.go);
	unit_join(thread);
	tpar_future_unref(ending.made.f);
}
END_TEST

static int
destroy_in_task(void *arg, void *value)
{
	(void)value;
	tpar_promise_destroy(arg);
	return 0;
}

static int
open_go(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	return 0;
}

START_TEST(pool_goes_on_while_a_task_destroys)
{
	struct told told = TOLD_INIT(NULL);
	struct promised made = make(&told);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[2];

	told.holds = true;
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	unit_gate_await(&told.begun, 1);
	/* The only worker waits for what another task of its pool lets go. */
	f[0] = unit_submit(pool, destroy_in_task, made.p, 0);
	UNIT_AWAIT(tpar_future_state(f[0]) == TPAR_RUNNING);
	f[1] = unit_submit(pool, open_go, &told.go, 0);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 2);
	tpar_future_unref(made.f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- At once ------------------------------------------------------------- */

struct storm {
	struct promised made;
	pthread_barrier_t start;
	_Atomic int completed;
};

static void *
cancel_stormily(void *arg)
{
	struct storm *storm = arg;

	(void)pthread_barrier_wait(&storm->start);
	(void)tpar_future_cancel(storm->made.f);
	return NULL;
}

static void *
set_stormily(void *arg)
{
	struct storm *storm = arg;
	intptr_t number = 1;

	(void)pthread_barrier_wait(&storm->start);
	if (tpar_promise_set(storm->made.p, &number) == TPAR_OK) {
		atomic_fetch_add(&storm->completed, 1);
	}
	return NULL;
}

static struct storm *the_storm;

static void
give_way_or_not(tpar_promise *p)
{
	if (tpar_promise_set_cancelled(p) == TPAR_OK) {
		atomic_fetch_add(&the_storm->completed, 1);
	}
}

START_TEST(cancel_may_meet_completion_and_end)
{
	long round;

	for (round = 0; round < unit_scaled(500); round++) {
		struct told told = TOLD_INIT(give_way_or_not);
		struct storm storm = { .made = make(&told) };
		pthread_t thread[3];
		int i;

		the_storm = &storm;
		UNIT_MUST(pthread_barrier_init(&storm.start, NULL, 3) == 0);
		for (i = 0; i < 3; i++) {
			thread[i] = unit_start(
				i < 2 ? cancel_stormily : set_stormily, &storm);
		}
		for (i = 0; i < 3; i++) {
			unit_join(thread[i]);
		}
		/* What is still to be told is taken back, or waited for. */
		tpar_promise_destroy(storm.made.p);
		ck_assert_int_eq(atomic_load(&storm.completed), 1);
		ck_assert_int_le(atomic_load(&told.calls), 1);
		ck_assert(tpar_future_state(storm.made.f) == TPAR_DONE ||
			  tpar_future_state(storm.made.f) == TPAR_CANCELLED);
		tpar_future_unref(storm.made.f);
		UNIT_MUST(pthread_barrier_destroy(&storm.start) == 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		promise_that_is_told_runs_from_the_beginning,
		cancel_is_told_once_and_the_completion_decides,
		one_that_is_told_may_be_completed_later_by_anybody,
		all_that_cancels_tells,
		what_is_told_may_wait_for_tasks,
		what_is_told_may_destroy_its_promise,
		destroying_waits_for_what_is_being_told,
		pool_goes_on_while_a_task_destroys,
		cancel_may_meet_completion_and_end,
	};

	return unit_main("promise_cancel", tests,
			 sizeof tests / sizeof tests[0]);
}
