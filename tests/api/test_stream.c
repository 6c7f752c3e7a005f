/* SPDX-License-Identifier: MIT */
/*
 * test_stream.c - futures in the order in which they end: each once, to one of
 * those that ask.
 */
#include "promised.h"

#include <taskpar/cancel.h>

static tpar_stream *
open_stream(tpar_future *const *f, size_t n)
{
	tpar_stream *s = NULL;

	UNIT_MUST(tpar_as_completed(f, n, &s) == TPAR_OK);
	UNIT_MUST(s != NULL);
	return s;
}

static size_t
next(tpar_stream *s)
{
	size_t index = SIZE_MAX;

	UNIT_MUST(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_OK);
	return index;
}

/* Nothing more comes, however long one waits. */
static void
expect_end(tpar_stream *s)
{
	size_t index = 77;

	ck_assert_int_eq(tpar_stream_next(s, TPAR_NOW, &index), TPAR_EEND);
	ck_assert_int_eq(tpar_stream_next(s, TPAR_FOREVER, &index), TPAR_EEND);
	ck_assert_int_eq(tpar_stream_next(s, tpar_in(TPAR_SECOND), &index),
			 TPAR_EEND);
	ck_assert_uint_eq(index, 77);
}

/* And nothing comes now. */
static void
expect_none_yet(tpar_stream *s)
{
	size_t index = 77;

	ck_assert_int_eq(tpar_stream_next(s, TPAR_NOW, &index), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_stream_next(s, tpar_in(TPAR_MILLISECOND), &index),
			 TPAR_ETIMEDOUT);
	ck_assert_uint_eq(index, 77);
}

START_TEST(stream_of_nobody_is_at_its_end)
{
	tpar_stream *s = open_stream(NULL, 0);

	expect_end(s);
	tpar_stream_close(s);
	tpar_stream_close(NULL);
}
END_TEST

START_TEST(bad_stream_is_refused)
{
	struct promised made = promised_number();
	tpar_future *f[2] = { made.f, NULL };
	tpar_stream *s = (tpar_stream *)&s;
	size_t index;

	ck_assert_int_eq(tpar_as_completed(f, 2, &s), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f[1] is NULL");
	ck_assert_int_eq(tpar_as_completed(f, 1, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_as_completed(NULL, 1, &s), TPAR_EINVAL);
	ck_assert_ptr_eq(s, (tpar_stream *)&s);
	ck_assert_int_eq(tpar_stream_next(NULL, TPAR_NOW, &index), TPAR_EINVAL);
	s = open_stream(f, 1);
	ck_assert_int_eq(tpar_stream_next(s, TPAR_NOW, NULL), TPAR_EINVAL);
	tpar_stream_close(s);
	promised_free(made);
}
END_TEST

START_TEST(what_had_ended_comes_first_by_position)
{
	struct promised made = promised_number();
	tpar_future *f[5] = { promised_ended(0), made.f,
			      promised_failed(1, "x"), promised_ended(3),
			      NULL };
	tpar_stream *s;

	f[4] = f[0];
	s = open_stream(f, 5);
	ck_assert_uint_eq(next(s), 0);
	ck_assert_uint_eq(next(s), 2);
	ck_assert_uint_eq(next(s), 3);
	expect_none_yet(s);
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	ck_assert_uint_eq(next(s), 1);
	expect_end(s);
	tpar_stream_close(s);
	tpar_future_unref(f[0]);
	tpar_future_unref_all(&f[2], 2);
	promised_free(made);
}
END_TEST

START_TEST(futures_come_in_the_order_they_end_however_they_do)
{
	struct promised made[6];
	tpar_future *f[6];
	tpar_stream *s;

	promised_many(made, f, 6, NULL);
	s = open_stream(f, 6);
	memset(f, 0, sizeof f); /* the array is not needed any more */
	promised_set(made[4], 1);
	ck_assert_int_eq(tpar_promise_fail(made[2].p, 1, NULL), TPAR_OK);
	ck_assert_uint_eq(next(s), 4);
	ck_assert_int_eq(tpar_future_cancel(made[5].f), TPAR_OK);
	promised_set(made[0], 1);
	ck_assert_uint_eq(next(s), 2);
	ck_assert_uint_eq(next(s), 5);
	ck_assert_uint_eq(next(s), 0);
	expect_none_yet(s);
	/* Nobody was cancelled for it. */
	ck_assert_int_eq(tpar_future_state(made[1].f), TPAR_PENDING);
	promised_set(made[3], 1);
	promised_set(made[1], 1);
	ck_assert_uint_eq(next(s), 3);
	ck_assert_uint_eq(next(s), 1);
	expect_end(s);
	tpar_stream_close(s);
	promised_free_many(made, 6);
}
END_TEST

START_TEST(each_call_times_out_by_itself_and_the_stream_goes_on)
{
	struct promised made[2];
	tpar_future *f[2];
	tpar_stream *s;
	int i;

	promised_many(made, f, 2, NULL);
	s = open_stream(f, 2);
	for (i = 0; i < 3; i++) {
		expect_none_yet(s);
	}
	promised_set(made[1], 1);
	ck_assert_uint_eq(next(s), 1);
	expect_none_yet(s);
	promised_set(made[0], 1);
	ck_assert_uint_eq(next(s), 0);
	expect_end(s);
	tpar_stream_close(s);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(same_future_comes_once_with_its_lowest_position)
{
	struct promised made[2];
	tpar_future *f[6];
	tpar_stream *s;

	promised_many(made, &f[1], 2, NULL);
	f[0] = f[2];
	f[3] = f[1];
	f[4] = f[2];
	f[5] = f[1];
	s = open_stream(f, 6);
	promised_set(made[0], 1);
	ck_assert_uint_eq(next(s), 1);
	expect_none_yet(s);
	promised_set(made[1], 1);
	ck_assert_uint_eq(next(s), 0);
	expect_end(s);
	tpar_stream_close(s);
	promised_free_many(made, 2);
}
END_TEST

START_TEST(values_are_left_where_they_are)
{
	struct promised made[2] = { promised_owner(),
				    promised_make(100, NULL) };
	tpar_future *f[2] = { made[0].f, made[1].f }; /* of any sizes */
	tpar_stream *s = open_stream(f, 2);

	promised_set(made[0], 6);
	ck_assert_uint_eq(next(s), 0);
	ck_assert_int_eq(promised_value(f[0]), 6);
	tpar_stream_close(s);
	ck_assert_int_eq(promised_value(f[0]), 6);
	promised_free_many(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(closed_stream_leaves_its_futures_alone)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_stream *s;
	int i;

	promised_many(made, f, 3, NULL);
	s = open_stream(f, 3);
	promised_set(made[0], 1);
	tpar_stream_close(s);
	for (i = 1; i < 3; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_PENDING);
	}
	/* They end without it, here or after everything else. */
	promised_set(made[1], 1);
	promised_free_many(made, 3);
	s = open_stream(NULL, 0);
	tpar_stream_close(s);
}
END_TEST

START_TEST(one_future_may_be_in_many_streams)
{
	enum { STREAMS = 20 };
	struct promised made = promised_number();
	tpar_stream *s[STREAMS];
	int i;

	for (i = 0; i < STREAMS; i++) {
		s[i] = open_stream(&made.f, 1);
	}
	tpar_stream_close(s[3]);
	promised_set(made, 1);
	for (i = 0; i < STREAMS; i++) {
		if (i != 3) {
			ck_assert_uint_eq(next(s[i]), 0);
			expect_end(s[i]);
			tpar_stream_close(s[i]);
		}
	}
	promised_free(made);
}
END_TEST

/* ---- Threads ------------------------------------------------------------- */

enum { SET = 2000, READERS = 4, POOLS = 3 };

struct readers {
	tpar_stream *s;
	_Atomic int seen[SET];
	_Atomic size_t total;
};

static void *
read_to_the_end(void *arg)
{
	struct readers *readers = arg;
	enum tpar_err err;
	size_t index;

	while ((err = tpar_stream_next(readers->s, TPAR_FOREVER, &index)) ==
	       TPAR_OK) {
		UNIT_MUST(index < SET);
		UNIT_MUST(atomic_fetch_add(&readers->seen[index], 1) == 0);
		atomic_fetch_add(&readers->total, 1);
	}
	UNIT_MUST(err == TPAR_EEND);
	return NULL;
}

START_TEST(each_future_is_given_to_one_of_several_readers)
{
	size_t n = (size_t)unit_scaled(SET);
	static struct readers readers;
	static tpar_future *f[SET];
	pthread_t thread[READERS];
	tpar_pool *pool[POOLS];
	size_t i;

	for (i = 0; i < POOLS; i++) {
		pool[i] = unit_pool(1, 1);
	}
	n = n < SET ? n : SET;
	for (i = 0; i < n; i++) {
		f[i] = unit_submit(pool[i % POOLS], unit_number_task, (void *)i,
				   sizeof(intptr_t));
	}
	readers.s = open_stream(f, n);
	for (i = 0; i < READERS; i++) {
		thread[i] = unit_start(read_to_the_end, &readers);
	}
	for (i = 0; i < READERS; i++) {
		unit_join(thread[i]);
	}
	ck_assert_uint_eq(atomic_load(&readers.total), n);
	expect_end(readers.s);
	tpar_stream_close(readers.s);
	tpar_future_unref_all(f, n);
	for (i = 0; i < POOLS; i++) {
		ck_assert_int_eq(tpar_pool_destroy(pool[i]), TPAR_OK);
	}
}
END_TEST

/* Opened while the futures end. */
struct ending {
	struct promised *made;
	size_t n;
	pthread_barrier_t start;
};

static void *
set_all(void *arg)
{
	struct ending *ending = arg;
	size_t i;

	(void)pthread_barrier_wait(&ending->start);
	for (i = 0; i < ending->n; i++) {
		promised_set(ending->made[i], (intptr_t)i);
	}
	return NULL;
}

START_TEST(each_comes_once_when_opening_meets_the_end)
{
	enum { FEW = 40 };
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		struct promised made[FEW];
		struct ending ending = { .made = made, .n = FEW };
		bool seen[FEW] = { false };
		tpar_future *f[FEW];
		pthread_t thread;
		tpar_stream *s;
		size_t i;

		promised_many(made, f, FEW, NULL);
		UNIT_MUST(pthread_barrier_init(&ending.start, NULL, 2) == 0);
		thread = unit_start(set_all, &ending);
		(void)pthread_barrier_wait(&ending.start);
		s = open_stream(f, FEW);
		for (i = 0; i < FEW; i++) {
			size_t index = next(s);

			ck_assert(!seen[index]);
			seen[index] = true;
			ck_assert_int_eq(promised_value(f[index]),
					 (intptr_t)index);
		}
		expect_end(s);
		tpar_stream_close(s);
		unit_join(thread);
		promised_free_many(made, FEW);
		UNIT_MUST(pthread_barrier_destroy(&ending.start) == 0);
	}
}
END_TEST

START_TEST(stream_may_be_closed_while_its_futures_end)
{
	enum { FEW = 20 };
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		struct promised made[FEW];
		struct ending ending = { .made = made, .n = FEW };
		tpar_future *f[FEW];
		pthread_t thread;
		tpar_stream *s;

		promised_many(made, f, FEW, NULL);
		s = open_stream(f, FEW);
		UNIT_MUST(pthread_barrier_init(&ending.start, NULL, 2) == 0);
		thread = unit_start(set_all, &ending);
		(void)pthread_barrier_wait(&ending.start);
		(void)next(s);
		tpar_stream_close(s);
		unit_join(thread);
		promised_free_many(made, FEW);
		UNIT_MUST(pthread_barrier_destroy(&ending.start) == 0);
	}
}
END_TEST

/* ---- Tasks --------------------------------------------------------------- */

struct reading {
	tpar_stream *s;
	struct unit_gate begun;
	enum tpar_err err;
};

static int
read_one(void *arg, void *value)
{
	struct reading *reading = arg;

	unit_gate_open(&reading->begun);
	reading->err = tpar_stream_next(reading->s, TPAR_FOREVER, value);
	return 0;
}

START_TEST(stopped_task_leaves_the_stream_which_goes_on)
{
	struct promised made = promised_number();
	struct reading reading = { .s = open_stream(&made.f, 1),
				   .begun = UNIT_GATE_INIT };
	tpar_future *f = unit_submit(NULL, read_one, &reading, sizeof(size_t));

	unit_gate_await(&reading.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(reading.err, TPAR_ESTOPPED);
	tpar_future_unref(f);
	promised_set(made, 1);
	ck_assert_uint_eq(next(reading.s), 0);
	expect_end(reading.s);
	tpar_stream_close(reading.s);
	promised_free(made);
}
END_TEST

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

/* Of a pool of one: what it reads is run by another thread, or in place. */
static int
read_children(void *arg, void *value)
{
	bool seen[10] = { false };
	tpar_future *f[10];
	tpar_stream *s;
	int i;

	(void)arg;
	(void)value;
	for (i = 0; i < 10; i++) {
		f[i] = unit_submit(NULL, do_nothing, NULL, 0);
	}
	s = open_stream(f, 10);
	for (i = 0; i < 10; i++) {
		size_t index = next(s);

		UNIT_MUST(!seen[index]);
		seen[index] = true;
	}
	tpar_stream_close(s);
	tpar_future_unref_all(f, 10);
	return 0;
}

static int
wait_for_it(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

START_TEST(task_reads_its_children_also_when_threads_are_used_up)
{
	struct promised outer = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *blocked;

	unit_run_in(pool, read_children, NULL);
	blocked = unit_submit(pool, wait_for_it, outer.f, 0);
	UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
	unit_run_in(pool, read_children, NULL);
	UNIT_MUST(tpar_promise_set(outer.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(blocked, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(blocked);
	promised_free(outer);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_may_go_before_its_futures_and_their_stream)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3];
	bool seen[3] = { false };
	tpar_stream *s;
	int i;

	for (i = 0; i < 3; i++) {
		f[i] = unit_submit(pool, do_nothing, NULL, 0);
	}
	s = open_stream(f, 3);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < 3; i++) {
		seen[next(s)] = true;
	}
	ck_assert(seen[0] && seen[1] && seen[2]);
	expect_end(s);
	tpar_stream_close(s);
	tpar_future_unref_all(f, 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stream_of_nobody_is_at_its_end,
		bad_stream_is_refused,
		what_had_ended_comes_first_by_position,
		futures_come_in_the_order_they_end_however_they_do,
		each_call_times_out_by_itself_and_the_stream_goes_on,
		same_future_comes_once_with_its_lowest_position,
		values_are_left_where_they_are,
		closed_stream_leaves_its_futures_alone,
		one_future_may_be_in_many_streams,
		each_future_is_given_to_one_of_several_readers,
		each_comes_once_when_opening_meets_the_end,
		stream_may_be_closed_while_its_futures_end,
		stopped_task_leaves_the_stream_which_goes_on,
		task_reads_its_children_also_when_threads_are_used_up,
		pool_may_go_before_its_futures_and_their_stream,
	};

	return unit_main("stream", tests, sizeof tests / sizeof tests[0]);
}
