/* SPDX-License-Identifier: MIT */
/*
 * test_for_fail.c - loops that end early: as a body fails, as the calling task is
 * asked to stop, as their pool goes.
 */
#include "unit.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define ITEMS 1000

struct plan {
	size_t bad;	      /* item at which to fail */
	int code;	      /* with that */
	_Atomic size_t after; /* items begun after that */
	_Atomic bool failed;
};

static int
fail_at(size_t begin, size_t end, void *arg)
{
	struct plan *plan = arg;

	if (atomic_load(&plan->failed)) {
		atomic_fetch_add(&plan->after, end - begin);
	}
	if (begin <= plan->bad && plan->bad < end) {
		atomic_store(&plan->failed, true);
		return tpar_fail(plan->code, "item %zu is bad", plan->bad);
	}
	return 0;
}

START_TEST(a_body_that_fails_is_the_outcome)
{
	static const size_t places[] = { 0, 1, ITEMS / 2, ITEMS - 1 };
	unsigned workers;
	size_t i;

	for (workers = 1; workers <= 2; workers++) {
		tpar_pool *pool = unit_pool(workers, 1);

		for (i = 0; i < sizeof places / sizeof places[0]; i++) {
			struct plan plan = { places[i], 42, 0, false };
			struct tpar_failure why;
			char text[50];

			ck_assert_int_eq(tpar_for(pool, 0, ITEMS, 10, fail_at,
						  &plan, &why),
					 TPAR_EFAILED);
			ck_assert_int_eq(why.code, 42);
			ck_assert_int_eq(why.state, TPAR_FAILED);
			ck_assert_uint_le(why.index, plan.bad);
			ck_assert_str_eq(why.task, "tpar_for");
			snprintf(text, sizeof text, "item %zu is bad",
				 plan.bad);
			ck_assert_str_eq(why.message, text);
			ck_assert_str_eq(tpar_error_detail(), text);
			ck_assert(workers > 1 || atomic_load(&plan.after) == 0);
		}
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

static int
fail_silently(size_t begin, size_t end, void *arg)
{
	(void)end;
	(void)arg;
	return begin == 3 ? -7 : 0;
}

START_TEST(a_failure_without_words_gets_some)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_for(NULL, 3, 4, 0, fail_silently, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, -7);
	ck_assert_uint_eq(why.index, 3);
	ck_assert_str_eq(why.message, "tpar_for failed with code -7 at 3");
	ck_assert_int_eq(tpar_for(NULL, 3, 4, 0, fail_silently, NULL, NULL),
			 TPAR_EFAILED);
}
END_TEST

static int
run_fail(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	(void)arg;
	UNIT_MUST(!tpar_cancelled());
	tpar_run_fail(8, "by %s", "itself");
	UNIT_MUST(tpar_cancelled()); /* as all that run see it */
	return 9;
}

START_TEST(a_body_may_call_run_fail)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_for(NULL, 0, 1, 0, run_fail, NULL, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 8);
	ck_assert(why.index == SIZE_MAX);
	ck_assert_str_eq(why.message, "by itself");
}
END_TEST

/* A loop in a task that is to be cancelled while an item runs. */
struct stopped {
	struct unit_gate begun;
	_Atomic size_t items;
	bool last; /* wait in the last item, else in the first */
	enum tpar_err err;
	struct tpar_failure why;
};

static int
await_stop(size_t begin, size_t end, void *arg)
{
	struct stopped *s = arg;

	atomic_fetch_add(&s->items, end - begin);
	if (s->last ? end == ITEMS : begin == 0) {
		unit_gate_open(&s->begun);
		UNIT_AWAIT(tpar_cancelled());
	}
	return 0;
}

static int
run_stopped(void *arg, void *value)
{
	struct stopped *s = arg;

	(void)value;
	s->err = tpar_for(NULL, 0, ITEMS, 0, await_stop, s, &s->why);
	return 0;
}

static void
stop_loop(struct stopped *s)
{
	struct unit_gate gate = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	s->begun = gate;
	atomic_store(&s->items, 0);
	f = unit_submit(pool, run_stopped, s, 0);
	unit_gate_await(&s->begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(a_cancel_of_the_calling_task_stops_it)
{
	struct stopped s = { .last = false };

	stop_loop(&s);
	ck_assert_int_eq(s.err, TPAR_ESTOPPED);
	ck_assert_int_eq(s.why.code, TPAR_ESTOPPED);
	ck_assert(s.why.index == SIZE_MAX);
	ck_assert_uint_lt(atomic_load(&s.items), ITEMS);
}
END_TEST

START_TEST(a_loop_that_is_complete_is_a_success_whoever_was_stopped)
{
	struct stopped s = { .last = true };

	stop_loop(&s);
	ck_assert_int_eq(s.err, TPAR_OK);
	ck_assert_uint_eq(atomic_load(&s.items), ITEMS);
}
END_TEST

static int
return_stopped(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	(void)arg;
	return TPAR_ESTOPPED;
}

START_TEST(a_body_may_say_that_it_was_stopped)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_for(NULL, 0, 9, 0, return_stopped, NULL, &why),
			 TPAR_ESTOPPED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
}
END_TEST

static int
say_and_loop(void *arg, void *value)
{
	int code = tpar_fail(12, "said before");

	(void)arg;
	(void)value;
	if (tpar_for(NULL, 3, 4, 0, fail_silently, NULL, NULL) !=
	    TPAR_EFAILED) {
		return 1;
	}
	return code;
}

START_TEST(what_the_task_has_said_stays_its_own)
{
	tpar_future *f = unit_submit(NULL, say_and_loop, NULL, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), 12);
	ck_assert_str_eq(tpar_future_message(f), "said before");
	tpar_future_unref(f);
}
END_TEST

/* A loop from outside, in a pool that is cancelled meanwhile. */
struct outside {
	tpar_pool *pool;
	struct stopped stopped;
};

static void *
loop_from_outside(void *arg)
{
	struct outside *outside = arg;
	struct stopped *s = &outside->stopped;

	s->err = tpar_for(outside->pool, 0, ITEMS, 0, await_stop, s, &s->why);
	return NULL;
}

START_TEST(a_cancel_of_its_pool_stops_it)
{
	struct outside outside = { .stopped = { .begun = UNIT_GATE_INIT } };
	struct stopped *s = &outside.stopped;
	pthread_t thread;

	outside.pool = unit_pool(2, 1);
	thread = unit_start(loop_from_outside, &outside);
	unit_gate_await(&s->begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(outside.pool, TPAR_CANCEL,
					    TPAR_FOREVER),
			 TPAR_OK);
	unit_join(thread);
	/* The other worker may have done all the others. */
	if (s->err != TPAR_OK) {
		ck_assert_int_eq(s->err, TPAR_ESTOPPED);
		ck_assert_uint_eq(s->why.index, SIZE_MAX);
		ck_assert_int_eq(s->why.code, TPAR_ESTOPPED);
		ck_assert_str_ne(s->why.message, "");
	}
	ck_assert_int_eq(tpar_pool_destroy(outside.pool), TPAR_OK);
}
END_TEST

START_TEST(a_pool_that_is_shut_down_takes_no_loop)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct plan plan = { 0, 1, 0, false };
	struct tpar_failure why;

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_for(pool, 0, 9, 0, fail_at, &plan, &why),
			 TPAR_ECLOSED);
	ck_assert_int_eq(why.code, TPAR_ECLOSED);
	ck_assert(!atomic_load(&plan.failed));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		a_body_that_fails_is_the_outcome,
		a_failure_without_words_gets_some,
		a_body_may_call_run_fail,
		a_cancel_of_the_calling_task_stops_it,
		a_loop_that_is_complete_is_a_success_whoever_was_stopped,
		a_body_may_say_that_it_was_stopped,
		what_the_task_has_said_stays_its_own,
		a_cancel_of_its_pool_stops_it,
		a_pool_that_is_shut_down_takes_no_loop,
	};

	return unit_main("for_fail", tests, sizeof tests / sizeof tests[0]);
}
