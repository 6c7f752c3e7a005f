/* SPDX-License-Identifier: MIT */
/*
 * test_window_end.c - windows that fail, are cancelled or closed: who is the
 * cause, who is told, what is dropped.
 */
#include "child.h"
#include "windows.h"

static _Atomic int stopped;

/* Runs until it is asked to stop, and takes its time then. */
static int
linger(void *arg, void *value)
{
	struct unit_hold *hold = arg;
	int i;

	(void)value;
	unit_gate_open(&hold->begun);
	UNIT_AWAIT(tpar_cancelled());
	for (i = 0; i < 100; i++) {
		sched_yield();
	}
	atomic_fetch_add(&stopped, 1);
	return hold->code;
}

/* Fails once it is let go. */
static int
fail_later(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	(void)value;
	unit_gate_open(&hold->begun);
	unit_gate_await(&hold->go, 1);
	return tpar_fail(hold->code, "code %d", hold->code);
}

/* Takes and puts say so, whatever the deadline. */
static void
must_be_over(tpar_window *w, enum tpar_err err, const struct tpar_failure *why)
{
	struct tpar_failure again;
	intptr_t value = 77;
	int drops = atomic_load(&scene_arg_drops);

	memset(&again, 0x5a, sizeof again);
	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_NOW, &again), err);
	ck_assert_int_eq(again.code, why->code);
	ck_assert_int_eq(again.state, why->state);
	ck_assert_uint_eq(again.index, why->index);
	ck_assert_str_eq(again.message, why->message);
	ck_assert_str_eq(tpar_error_detail(), why->message);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, NULL), err);
	ck_assert_int_eq(value, 77);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_FOREVER),
			 TPAR_ECLOSED);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_ECLOSED);
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	ck_assert_int_eq(tpar_window_take(w, NULL, tpar_in(1), NULL), err);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), drops);
}

/* ---- Failure -------------------------------------------------------------- */

START_TEST(first_failure_in_time_stops_what_is_in_flight)
{
	struct unit_hold lingers = UNIT_HOLD_INIT;
	struct unit_hold fails = UNIT_HOLD_INIT;
	struct unit_hold pending = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_window *w = window_in(pool, 9);
	struct tpar_failure why;
	intptr_t value = 77;

	fails.code = 12;
	lingers.code = 13; /* later in time */
	ck_assert_int_eq(window_put_number(w, 7, TPAR_NOW), TPAR_OK);
	window_take_number(w, 7);
	ck_assert_int_eq(window_put(w, linger, &lingers, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(window_put(w, fail_later, &fails, TPAR_NOW), TPAR_OK);
	unit_gate_await(&lingers.begun, 1);
	unit_gate_await(&fails.begun, 1);
	ck_assert_int_eq(window_put(w, linger, &pending, TPAR_NOW), TPAR_OK);
	unit_gate_open(&fails.go);
	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_FOREVER, &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(atomic_load(&stopped), 1); /* it was waited for */
	ck_assert_uint_eq(pending.begun.opened, 0);
	ck_assert_uint_eq(why.index, 2);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 12);
	ck_assert_str_eq(why.task, "item");
	ck_assert_ptr_nonnull(strstr(why.message, "code 12"));
	ck_assert_int_eq(value, 77);
	must_be_over(w, TPAR_EFAILED, &why);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct taker {
	tpar_window *w;
	enum tpar_err err;
	struct tpar_failure why;
};

static void *
take_one(void *arg)
{
	struct taker *taker = arg;

	taker->err =
		tpar_window_take(taker->w, NULL, TPAR_FOREVER, &taker->why);
	return NULL;
}

static void *
put_until_closed(void *arg)
{
	enum tpar_err err = TPAR_OK;

	while (err == TPAR_OK) {
		err = window_put_droppable(arg, unit_number_task, NULL,
					   TPAR_FOREVER);
	}
	UNIT_MUST(err == TPAR_ECLOSED);
	return NULL;
}

START_TEST(failure_reaches_all_who_wait)
{
	tpar_pool *pool = unit_pool(2, 1);
	int i;

	for (i = 0; i < unit_scaled(300); i++) {
		struct unit_hold lingers = UNIT_HOLD_INIT;
		struct unit_hold fails = UNIT_HOLD_INIT;
		struct taker taker = { .w = window_in(pool, 2) };
		pthread_t other[3];
		int k;

		fails.code = 1;
		ck_assert_int_eq(window_put(taker.w, linger, &lingers,
					    TPAR_NOW),
				 TPAR_OK);
		ck_assert_int_eq(window_put(taker.w, fail_later, &fails,
					    TPAR_NOW),
				 TPAR_OK);
		other[0] = unit_start(put_until_closed, taker.w);
		other[1] = unit_start(put_until_closed, taker.w);
		other[2] = unit_start(take_one, &taker);
		unit_gate_await(&lingers.begun, 1);
		unit_gate_await(&fails.begun, 1);
		if (i % 2 != 0) {
			sched_yield();
		}
		unit_gate_open(&fails.go);
		for (k = 0; k < 3; k++) {
			unit_join(other[k]);
		}
		ck_assert_int_eq(taker.err, TPAR_EFAILED);
		ck_assert_uint_eq(taker.why.index, 1);
		ck_assert_int_eq(atomic_load(&stopped), i + 1);
		tpar_window_close(taker.w);
	}
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static _Atomic long bodies;

static int
count_until(void *arg, void *value)
{
	long n = atomic_fetch_add(&bodies, 1) + 1;

	(void)value;
	return n == (intptr_t)arg ? 3 : 0;
}

START_TEST(what_was_accepted_is_dropped_once_after_a_failure)
{
	int i;

	for (i = 0; i < unit_scaled(200); i++) {
		tpar_window *w = window_in(NULL, 8);
		struct tpar_task task =
			scene_droppable(count_until,
					(void *)(intptr_t)(i % 50 + 1),
					sizeof(intptr_t));
		int accepted = 0;
		int taken = 0;
		enum tpar_err err = TPAR_OK;

		atomic_store(&bodies, 0);
		atomic_store(&scene_arg_drops, 0);
		atomic_store(&scene_value_drops, 0);
		while (err == TPAR_OK || err == TPAR_EAGAIN) {
			err = tpar_window_put(w, &task, TPAR_NOW);
			accepted += err == TPAR_OK;
			if (err == TPAR_EAGAIN) {
				intptr_t value;

				err = tpar_window_take(w, &value, TPAR_FOREVER,
						       NULL);
				taken += err == TPAR_OK;
			}
		}
		ck_assert(err == TPAR_EFAILED || err == TPAR_ECLOSED);
		ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, NULL),
				 TPAR_EFAILED);
		ck_assert_int_eq(atomic_load(&scene_arg_drops), accepted);
		tpar_window_close(w);
		ck_assert_int_eq(atomic_load(&scene_arg_drops), accepted);
		/* All bodies but that one were done. */
		ck_assert_int_eq(atomic_load(&scene_value_drops) + taken,
				 atomic_load(&bodies) - 1);
	}
}
END_TEST

/* ---- Items that are cancelled by themselves --------------------------------- */

START_TEST(item_that_stops_itself_ends_the_window_in_its_turn)
{
	struct unit_hold lingers = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_window *w = window_in(pool, 9);
	struct tpar_failure why;

	ck_assert_int_eq(window_put_number(w, 7, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(window_put(w, scene_return,
				    (void *)(intptr_t)TPAR_ESTOPPED, TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(window_put(w, linger, &lingers, TPAR_NOW), TPAR_OK);
	unit_gate_await(&lingers.begun, 1);
	window_take_number(w, 7);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ECANCELED);
	ck_assert_int_eq(atomic_load(&stopped), 1);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert(why.message[0] != '\0');
	must_be_over(w, TPAR_ECANCELED, &why);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_of_an_item_is_its_own)
{
	struct tpar_task late =
		scene_droppable(unit_number_task, NULL, sizeof(intptr_t));
	tpar_window *w = window_in(NULL, 4);
	struct tpar_failure why;

	late.deadline_ns = 1;
	ck_assert_int_eq(window_put_number(w, 7, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(tpar_window_put(w, &late, TPAR_NOW), TPAR_OK);
	window_take_number(w, 7);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	must_be_over(w, TPAR_ECANCELED, &why);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	tpar_window_close(w);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
}
END_TEST

START_TEST(window_of_a_pool_that_is_cancelled_ends)
{
	struct unit_hold lingers = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_window *w = window_in(pool, 4);
	struct tpar_failure why;

	lingers.code = TPAR_ESTOPPED;
	ck_assert_int_eq(window_put(w, linger, &lingers, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_OK);
	unit_gate_await(&lingers.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(window_put_number(w, 1, TPAR_NOW), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ECANCELED);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	tpar_window_close(w);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Cancel, deadline ------------------------------------------------------- */

static char reason[64];

static int
keep_reason(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	(void)value;
	unit_gate_open(&hold->begun);
	UNIT_AWAIT(tpar_cancelled());
	snprintf(reason, sizeof reason, "%s", tpar_cancel_reason());
	return TPAR_ESTOPPED;
}

START_TEST(cancel_says_why_to_items_and_takers)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_window *w = window_in(NULL, 4);
	struct tpar_failure why;

	ck_assert_int_eq(window_put(w, keep_reason, &hold, TPAR_NOW), TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_window_cancel(w, "enough"), TPAR_OK);
	ck_assert_int_eq(tpar_window_cancel(w, "more than that"), TPAR_OK);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ECANCELED);
	ck_assert_str_eq(reason, "enough");
	ck_assert_ptr_nonnull(strstr(why.message, "enough"));
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	must_be_over(w, TPAR_ECANCELED, &why);
	ck_assert_int_eq(tpar_window_cancel(w, "late"), TPAR_OK);
	tpar_window_close(w);
}
END_TEST

START_TEST(cancel_comes_before_values_that_are_there)
{
	tpar_window *w = window_in(NULL, 4);
	struct tpar_failure why;

	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_OK);
	window_take_number(w, 0);
	UNIT_AWAIT(atomic_load(&scene_arg_drops) == 2);
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	ck_assert_int_eq(tpar_window_cancel(w, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ECANCELED);
	must_be_over(w, TPAR_ECANCELED, &why);
	tpar_window_close(w);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(cancel_reaches_who_waits_for_nothing_or_room)
{
	int i;

	for (i = 0; i < unit_scaled(300); i++) {
		struct taker taker = { .w = window_in(NULL, 1) };
		pthread_t other[2];

		other[0] = unit_start(take_one, &taker);
		if (i % 2 != 0) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_window_cancel(taker.w, "x"), TPAR_OK);
		unit_join(other[0]);
		ck_assert_int_eq(taker.err, TPAR_ECANCELED);
		tpar_window_close(taker.w);

		taker.w = window_in(NULL, 1);
		ck_assert_int_eq(window_put_number(taker.w, 1, TPAR_NOW),
				 TPAR_OK);
		other[0] = unit_start(put_until_closed, taker.w);
		other[1] = unit_start(put_until_closed, taker.w);
		if (i % 2 != 0) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_window_cancel(taker.w, "x"), TPAR_OK);
		unit_join(other[0]);
		unit_join(other[1]);
		tpar_window_close(taker.w);
	}
}
END_TEST

static tpar_window *
window_until(tpar_pool *pool, int64_t deadline_ns)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *w = NULL;

	config.pool = pool;
	config.width = 2;
	config.value_size = sizeof(intptr_t);
	config.deadline_ns = deadline_ns;
	UNIT_MUST(tpar_window_open(&w, &config) == TPAR_OK);
	return w;
}

START_TEST(deadline_of_the_window_cancels_it)
{
	struct unit_hold lingers = UNIT_HOLD_INIT;
	tpar_window *w = window_until(NULL, tpar_in(2 * TPAR_MILLISECOND));
	struct tpar_failure why;
	enum tpar_err err;

	err = window_put(w, linger, &lingers, TPAR_NOW);
	ck_assert(err == TPAR_OK || err == TPAR_ECLOSED); /* late already */
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ETIMEDOUT);
	must_be_over(w, TPAR_ETIMEDOUT, &why);
	tpar_window_close(w);

	/* Nothing was put at all. */
	w = window_until(NULL, tpar_in(TPAR_MILLISECOND));
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ETIMEDOUT);
	must_be_over(w, TPAR_ETIMEDOUT, &why);
	tpar_window_close(w);

	w = window_until(NULL, TPAR_NOW);
	ck_assert_int_eq(window_put_number(w, 1, TPAR_FOREVER), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, &why),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	tpar_window_close(w);

	/* It is closed before. */
	w = window_until(NULL, tpar_in(3600 * TPAR_SECOND));
	ck_assert_int_eq(window_put_number(w, 1, TPAR_FOREVER), TPAR_OK);
	window_take_number(w, 1);
	tpar_window_close(w);
}
END_TEST

/* ---- Close ------------------------------------------------------------------ */

START_TEST(close_ends_items_in_every_state)
{
	struct unit_hold lingers = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_window *w = window_in(pool, 9);

	/* Taken, done, running, pending. */
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_OK);
	window_take_number(w, 0);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, linger, &lingers, TPAR_NOW),
			 TPAR_OK);
	unit_gate_await(&lingers.begun, 1);
	ck_assert_int_eq(window_put_droppable(w, linger, &lingers, TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, linger, &lingers, TPAR_NOW),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 2);
	tpar_window_close(w);
	ck_assert_int_eq(atomic_load(&stopped), 1);
	ck_assert_uint_eq(lingers.begun.opened, 1);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 5);
	/* The one that was done, and the one that ran on to its end. */
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(window_can_be_closed_at_once)
{
	int i;

	for (i = 0; i < unit_scaled(1000); i++) {
		tpar_window *w = window_in(NULL, 3);
		int k;

		for (k = 0; k < i % 4; k++) {
			ck_assert_int_eq(window_put_droppable(w,
							      unit_number_task,
							      NULL, TPAR_NOW),
					 TPAR_OK);
		}
		if (i % 5 == 0) {
			ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
		}
		tpar_window_close(w);
		ck_assert_int_eq(atomic_load(&scene_arg_drops),
				 i / 4 * 6 + i % 4 * (i % 4 + 1) / 2);
	}
	ck_assert_int_le(atomic_load(&scene_value_drops),
			 atomic_load(&scene_arg_drops));
}
END_TEST

static void
use_in_child(void *arg)
{
	tpar_window *w = arg;
	struct tpar_failure why;

	UNIT_MUST(window_put_number(w, 1, TPAR_FOREVER) == TPAR_ECLOSED);
	UNIT_MUST(tpar_window_take(w, NULL, TPAR_FOREVER, &why) ==
		  TPAR_ECLOSED);
	UNIT_MUST(why.code == TPAR_ECLOSED);
	UNIT_MUST(strstr(why.message, "fork") != NULL);
	UNIT_MUST(tpar_window_end(w) == TPAR_OK);
	UNIT_MUST(tpar_window_cancel(w, "x") == TPAR_OK);
	tpar_window_close(w);
}

START_TEST(window_belongs_to_the_process_that_opened_it)
{
	struct taker taker = { .w = window_in(NULL, 1) };
	pthread_t other;
	int i;

	/* One uses it all the time. */
	other = unit_start(put_until_closed, taker.w);
	for (i = 0; i < unit_scaled(50); i++) {
		ck_assert(child_runs(use_in_child, taker.w));
		window_take_number(taker.w, 0);
	}
	ck_assert_int_eq(tpar_window_end(taker.w), TPAR_OK);
	unit_join(other);
	tpar_window_close(taker.w);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		first_failure_in_time_stops_what_is_in_flight,
		failure_reaches_all_who_wait,
		what_was_accepted_is_dropped_once_after_a_failure,
		item_that_stops_itself_ends_the_window_in_its_turn,
		deadline_of_an_item_is_its_own,
		window_of_a_pool_that_is_cancelled_ends,
		cancel_says_why_to_items_and_takers,
		cancel_comes_before_values_that_are_there,
		cancel_reaches_who_waits_for_nothing_or_room,
		deadline_of_the_window_cancels_it,
		close_ends_items_in_every_state,
		window_can_be_closed_at_once,
		window_belongs_to_the_process_that_opened_it,
	};

	return unit_main("window_end", tests, sizeof tests / sizeof tests[0]);
}
