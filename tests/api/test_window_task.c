/* SPDX-License-Identifier: MIT */
/*
 * test_window_task.c - windows used by tasks: with few threads, and when the
 * task is asked to stop.
 */
#include "windows.h"

/* ---- Few threads -------------------------------------------------------------- */

static int
put_and_take(void *arg, void *value)
{
	tpar_window *w = window_in(NULL, 4);
	intptr_t n = (intptr_t)arg;
	intptr_t put = 0;
	intptr_t taken = 0;
	intptr_t got;

	(void)value;
	while (taken < n) {
		if (put < n && window_put_number(w, put, TPAR_NOW) == TPAR_OK) {
			put++;
			continue;
		}
		UNIT_MUST(put == n || put - taken == 4);
		UNIT_MUST(tpar_window_take(w, &got, TPAR_FOREVER, NULL) ==
			  TPAR_OK);
		UNIT_MUST(got == taken++);
	}
	UNIT_MUST(tpar_window_end(w) == TPAR_OK);
	UNIT_MUST(tpar_window_take(w, &got, TPAR_FOREVER, NULL) == TPAR_EEND);
	tpar_window_close(w);
	return 0;
}

START_TEST(task_puts_and_takes_on_the_only_worker)
{
	tpar_pool *pool = unit_pool(1, 1);
	intptr_t n = unit_scaled(20000);
	tpar_future *f =
		unit_submit(pool, put_and_take, (void *)n, sizeof(intptr_t));

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
put_with_deadline(void *arg, void *value)
{
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	tpar_window *w = window_in(NULL, 2);
	intptr_t got = -1;
	int i;

	(void)arg;
	(void)value;
	for (i = 0; i < 100; i++) {
		UNIT_MUST(window_put_number(w, i, late) == TPAR_OK);
		UNIT_MUST(tpar_window_take(w, &got, late, NULL) == TPAR_OK);
		UNIT_MUST(got == i);
	}
	tpar_window_close(w);
	return 0;
}

START_TEST(deadlines_do_not_starve_the_only_worker)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3];
	int i;

	for (i = 0; i < 3; i++) {
		f[i] = unit_submit(pool, put_with_deadline, NULL, 0);
	}
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct pipe {
	tpar_window *w;
	intptr_t n;
};

static int
produce(void *arg, void *value)
{
	const struct pipe *pipe = arg;
	intptr_t i;

	(void)value;
	for (i = 0; i < pipe->n; i++) {
		UNIT_MUST(window_put_number(pipe->w, i, TPAR_FOREVER) ==
			  TPAR_OK);
	}
	UNIT_MUST(tpar_window_end(pipe->w) == TPAR_OK);
	return 0;
}

static int
consume(void *arg, void *value)
{
	const struct pipe *pipe = arg;
	intptr_t got = -1;
	intptr_t i;

	(void)value;
	for (i = 0; i < pipe->n; i++) {
		UNIT_MUST(tpar_window_take(pipe->w, &got, TPAR_FOREVER, NULL) ==
			  TPAR_OK);
		UNIT_MUST(got == i);
	}
	UNIT_MUST(tpar_window_take(pipe->w, &got, TPAR_FOREVER, NULL) ==
		  TPAR_EEND);
	return 0;
}

START_TEST(producer_and_consumer_are_tasks)
{
	unsigned limit;
	unsigned workers;

	for (workers = 1; workers <= 2; workers++) {
		for (limit = 1; limit <= 2; limit++) {
			tpar_pool *pool = unit_pool(workers, limit);
			struct pipe pipe = { window_in(pool, 8),
					     unit_scaled(5000) };
			tpar_future *f[2];

			f[0] = unit_submit(pool, produce, &pipe, 0);
			f[1] = unit_submit(pool, consume, &pipe, 0);
			ck_assert_int_eq(tpar_gather(f, 2, NULL, NULL),
					 TPAR_OK);
			tpar_future_unref_all(f, 2);
			tpar_window_close(pipe.w);
			ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		}
	}
}
END_TEST

static void *
produce_outside(void *arg)
{
	(void)produce(arg, NULL);
	return NULL;
}

START_TEST(consumer_is_the_only_worker)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct pipe pipe = { window_in(pool, 8), unit_scaled(20000) };
	pthread_t producer = unit_start(produce_outside, &pipe);

	unit_run_in(pool, consume, &pipe);
	unit_join(producer);
	tpar_window_close(pipe.w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(producer_is_the_only_worker)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct pipe pipe = { window_in(pool, 8), unit_scaled(20000) };
	tpar_future *f = unit_submit(pool, produce, &pipe, 0);

	ck_assert_int_eq(consume(&pipe, NULL), 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	tpar_window_close(pipe.w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* An item of one window uses another one. */
static int
use_inner(void *arg, void *value)
{
	(void)put_and_take((void *)(intptr_t)20, NULL);
	*(intptr_t *)value = (intptr_t)arg;
	return 0;
}

START_TEST(windows_nest)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_window *w = window_in(pool, 3);
	intptr_t n = unit_scaled(200);
	intptr_t i;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(window_put(w, use_inner, (void *)i, TPAR_NOW),
				 TPAR_OK);
		window_take_number(w, i);
	}
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- The task is asked to stop ------------------------------------------------- */

struct stopping {
	struct unit_hold hold; /* of an item that runs until it is stopped */
	tpar_window *w;	       /* of others, or NULL: its own */
	bool puts;
};

static int
use_until_stopped(void *arg, void *value)
{
	struct stopping *s = arg;
	tpar_window *w = s->w != NULL ? s->w : window_in(NULL, 1);
	struct tpar_failure why;
	enum tpar_err err;

	(void)value;
	if (s->w == NULL) {
		UNIT_MUST(window_put(w, scene_until_stopped, &s->hold,
				     TPAR_NOW) == TPAR_OK);
	}
	if (s->puts) {
		err = window_put_droppable(w, unit_number_task, NULL,
					   TPAR_FOREVER);
		UNIT_MUST(err == TPAR_ESTOPPED || err == TPAR_ECLOSED);
		UNIT_MUST(err == TPAR_ESTOPPED || s->w == NULL);
	}
	UNIT_MUST(tpar_window_take(w, NULL, TPAR_FOREVER, &why) ==
		  TPAR_ESTOPPED);
	UNIT_MUST(why.code == TPAR_ESTOPPED);
	if (s->w == NULL) {
		tpar_window_close(w);
	}
	return tpar_checkpoint();
}

static void
stop_user(bool own, bool puts)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct stopping s = { hold, NULL, puts };
	tpar_pool *pool = unit_pool(2, 4);
	tpar_future *f;

	s.hold.code = TPAR_ESTOPPED;
	if (!own) {
		s.w = window_in(pool, 1);
		ck_assert_int_eq(window_put(s.w, unit_hold_task, &s.hold,
					    TPAR_NOW),
				 TPAR_OK);
		/* Else the one who takes may run it, and must outlast it. */
		unit_gate_await(&s.hold.begun, 1);
	}
	f = unit_submit(pool, use_until_stopped, &s, 0);
	unit_gate_await(&s.hold.begun, 1);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	if (!own) { /* it goes on */
		struct tpar_failure why;

		ck_assert_int_eq(tpar_window_take(s.w, NULL, TPAR_NOW, &why),
				 TPAR_ETIMEDOUT);
		ck_assert_int_eq(why.state, TPAR_PENDING);
		s.hold.code = 0;
		unit_gate_open(&s.hold.go);
		window_take_number(s.w, 0);
		tpar_window_close(s.w);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(stop_of_the_task_that_opened_it_cancels_the_window)
{
	stop_user(true, false);
	stop_user(true, true);
}
END_TEST

START_TEST(stop_of_a_task_that_uses_it_ends_its_call_alone)
{
	stop_user(false, false);
	stop_user(false, true);
}
END_TEST

static int
open_when_stopped(void *arg, void *value)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *const none = arg;
	tpar_window *w = none;

	(void)value;
	config.width = 1;
	unit_gate_open(&((struct unit_hold *)arg)->begun);
	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_window_open(&w, &config) == TPAR_ESTOPPED);
	UNIT_MUST(w == none);
	return TPAR_ESTOPPED;
}

START_TEST(stopped_task_opens_no_window)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = unit_submit(NULL, open_when_stopped, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
}
END_TEST

/* ---- A cycle ------------------------------------------------------------------- */

struct cycle {
	tpar_window *w;
	tpar_future *consumer;
	struct unit_gate known;
	struct unit_gate begun;
};

static int
wait_for_the_consumer(void *arg, void *value)
{
	struct cycle *cycle = arg;

	(void)value;
	unit_gate_open(&cycle->begun);
	unit_gate_await(&cycle->known, 1);
	return (int)tpar_future_wait(cycle->consumer, TPAR_FOREVER);
}

static int
take_from_it(void *arg, void *value)
{
	struct cycle *cycle = arg;
	enum tpar_err err;

	(void)value;
	unit_gate_await(&cycle->begun, 1);
	err = tpar_window_take(cycle->w, NULL, TPAR_FOREVER, NULL);
	return err == TPAR_OK ? 5 : 0;
}

START_TEST(item_that_waits_for_its_taker_is_found)
{
	int i;

	for (i = 0; i < unit_scaled(100); i++) {
		struct cycle cycle = { NULL, NULL, UNIT_GATE_INIT,
				       UNIT_GATE_INIT };
		tpar_pool *pool = unit_pool(2, 2);

		cycle.w = window_in(pool, 2);
		ck_assert_int_eq(window_put(cycle.w, wait_for_the_consumer,
					    &cycle, TPAR_NOW),
				 TPAR_OK);
		cycle.consumer = unit_submit(pool, take_from_it, &cycle, 0);
		unit_gate_open(&cycle.known);
		/* One of the two is told. */
		ck_assert_int_eq(tpar_future_wait(cycle.consumer, TPAR_FOREVER),
				 TPAR_OK);
		tpar_window_close(cycle.w);
		tpar_future_unref(cycle.consumer);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_puts_and_takes_on_the_only_worker,
		deadlines_do_not_starve_the_only_worker,
		producer_and_consumer_are_tasks,
		consumer_is_the_only_worker,
		producer_is_the_only_worker,
		windows_nest,
		stop_of_the_task_that_opened_it_cancels_the_window,
		stop_of_a_task_that_uses_it_ends_its_call_alone,
		stopped_task_opens_no_window,
		item_that_waits_for_its_taker_is_found,
	};

	return unit_main("window_task", tests, sizeof tests / sizeof tests[0]);
}
