/* SPDX-License-Identifier: MIT */
/*
 * test_wait_on_top.c - what a waiting task has run on top of itself, for want of
 * threads, may wait, too, and so take the wake-up that was meant for the wait
 * below: that one looks around by itself when it goes on.
 */
#include "promised.h"

#include <taskpar/cancel.h>

/* A pool whose threads are all blocked, and a task that nobody there begins. */
struct crowd {
	tpar_pool *pool;
	struct promised end;
	tpar_future *blocked[2];
	tpar_future *stranded;
	struct promised never;
	struct unit_gate begun;
	struct unit_gate go;
};

static int
wait_for(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

/* Sleeps on its thread until a time, whoever wakes that thread. */
static int
sleep_on_top(void *arg, void *value)
{
	struct crowd *crowd = arg;

	(void)value;
	unit_gate_open(&crowd->begun);
	unit_gate_await(&crowd->go, 1);
	tpar_shield_enter();
	UNIT_MUST(tpar_future_wait(crowd->never.f, tpar_in(1000000)) ==
		  TPAR_ETIMEDOUT);
	tpar_shield_leave();
	return 0;
}

static void
crowd_make(struct crowd *crowd)
{
	struct unit_gate gate = UNIT_GATE_INIT;
	int i;

	crowd->begun = gate;
	crowd->go = gate;
	crowd->pool = unit_pool(1, 1);
	crowd->end = promised_make(0, NULL);
	crowd->never = promised_make(0, NULL);
	for (i = 0; i < 2; i++) {
		crowd->blocked[i] =
			unit_submit(crowd->pool, wait_for, crowd->end.f, 0);
		UNIT_AWAIT(tpar_future_state(crowd->blocked[i]) ==
			   TPAR_RUNNING);
	}
	crowd->stranded = unit_submit(crowd->pool, sleep_on_top, crowd, 0);
}

static void
crowd_end(struct crowd *crowd)
{
	UNIT_MUST(tpar_promise_set(crowd->end.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(crowd->pool), TPAR_OK);
	tpar_future_unref_all(crowd->blocked, 2);
	tpar_future_unref(crowd->stranded);
	promised_free(crowd->end);
	promised_free(crowd->never);
}

/* What waits: for the stranded task or what gathers that, and something else. */
struct waiting {
	tpar_future *f[2];
	enum tpar_err err;
	size_t index;
};

static int
wait_all(void *arg, void *value)
{
	struct waiting *waiting = arg;

	(void)value;
	waiting->err = tpar_wait_all(waiting->f, 2, tpar_in(TPAR_SECOND * 60));
	return 0;
}

static int
wait_any(void *arg, void *value)
{
	struct waiting *waiting = arg;

	(void)value;
	waiting->err =
		tpar_wait_any(waiting->f, 2, TPAR_FOREVER, &waiting->index);
	return 0;
}

static int
gather(void *arg, void *value)
{
	struct waiting *waiting = arg;

	(void)value;
	waiting->err = tpar_gather_until(waiting->f, 2, NULL,
					 tpar_in(TPAR_SECOND * 60), NULL);
	return 0;
}

static int
next_of_stream(void *arg, void *value)
{
	struct waiting *waiting = arg;
	tpar_stream *s = NULL;

	(void)value;
	UNIT_MUST(tpar_as_completed(waiting->f, 2, &s) == TPAR_OK);
	waiting->err = tpar_stream_next(s, TPAR_FOREVER, &waiting->index);
	tpar_stream_close(s);
	return 0;
}

/* Runs it, with the stranded task on top, to where it may be disturbed. */
static tpar_future *
begin(tpar_pool *pool, tpar_task_fn fn, struct waiting *waiting,
      struct crowd *crowd)
{
	tpar_future *f = unit_submit(pool, fn, waiting, 0);

	unit_gate_await(&crowd->begun, 1);
	return f;
}

static void
finish(tpar_future *f, struct crowd *crowd)
{
	unit_gate_open(&crowd->go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
}

START_TEST(stop_of_a_plain_wait_is_seen)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct waiting waiting;
	struct crowd crowd;
	tpar_future *f;

	crowd_make(&crowd);
	waiting.f[0] = crowd.stranded;
	waiting.f[1] = crowd.never.f;
	f = begin(pool, wait_all, &waiting, &crowd);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	finish(f, &crowd);
	ck_assert_int_eq(waiting.err, TPAR_ESTOPPED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	crowd_end(&crowd);
}
END_TEST

/* Both in the background, with what will not end. */
static tpar_future *
gather_stranded(struct crowd *crowd)
{
	tpar_future *f[2] = { crowd->stranded, crowd->never.f };
	tpar_future *all = NULL;

	UNIT_MUST(tpar_gather_async(f, 2, &all) == TPAR_OK);
	return all;
}

START_TEST(end_of_a_member_is_seen_by_a_wait_for_any)
{
	struct promised other = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	struct waiting waiting;
	struct crowd crowd;
	tpar_future *f;

	crowd_make(&crowd);
	waiting.f[0] = gather_stranded(&crowd);
	waiting.f[1] = other.f;
	f = begin(pool, wait_any, &waiting, &crowd);
	ck_assert_int_eq(tpar_promise_set(other.p, NULL), TPAR_OK);
	finish(f, &crowd);
	ck_assert_int_eq(waiting.err, TPAR_OK);
	ck_assert_uint_eq(waiting.index, 1);
	tpar_future_unref(waiting.f[0]);
	promised_free(other);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	crowd_end(&crowd);
}
END_TEST

START_TEST(stop_is_seen_by_who_waits_at_a_stream)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct waiting waiting;
	struct crowd crowd;
	tpar_future *f;

	crowd_make(&crowd);
	waiting.f[0] = gather_stranded(&crowd);
	waiting.f[1] = crowd.never.f;
	f = begin(pool, next_of_stream, &waiting, &crowd);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	finish(f, &crowd);
	ck_assert_int_eq(waiting.err, TPAR_ESTOPPED);
	tpar_future_unref(waiting.f[0]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	crowd_end(&crowd);
}
END_TEST

/* Its task has to look for that itself, and then cancels the set. */
START_TEST(cancel_of_the_pool_is_seen_by_a_gather)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct waiting waiting;
	struct crowd crowd;
	tpar_future *f;

	hold.code = TPAR_ESTOPPED;
	crowd_make(&crowd);
	waiting.f[0] = crowd.stranded;
	waiting.f[1] = unit_submit(NULL, scene_until_stopped, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f = begin(pool, gather, &waiting, &crowd);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	finish(f, &crowd);
	ck_assert_int_eq(waiting.err, TPAR_ESTOPPED);
	tpar_future_unref(waiting.f[1]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	crowd_end(&crowd);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stop_of_a_plain_wait_is_seen,
		end_of_a_member_is_seen_by_a_wait_for_any,
		stop_is_seen_by_who_waits_at_a_stream,
		cancel_of_the_pool_is_seen_by_a_gather,
	};

	return unit_main("wait_on_top", tests, sizeof tests / sizeof tests[0]);
}
