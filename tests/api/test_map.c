/* SPDX-License-Identifier: MIT */
/*
 * test_map.c - one function over many arguments: what each item gets, where its
 * value goes, which one is blamed, and how a map ends early.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic long runs;

static int
double_it(void *arg, void *value)
{
	long number = *(long *)arg;

	UNIT_MUST(*(long *)value == 0);
	*(long *)value = 2 * number;
	return 0;
}

START_TEST(values_stand_in_order)
{
	static const long counts[] = { 1, 2, 3, 7, 8, 9, 100, 200000 };
	tpar_pool *pool = unit_pool(2, 1);
	size_t k;
	long i;

	for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
		long n = k < 7 ? counts[k] : unit_scaled(counts[k]);
		long *items = malloc((size_t)n * sizeof *items);
		long *values = malloc((size_t)n * sizeof *values);

		ck_assert_ptr_nonnull(items);
		ck_assert_ptr_nonnull(values);
		for (i = 0; i < n; i++) {
			items[i] = i + 1;
			values[i] = -1;
		}
		ck_assert_int_eq(tpar_map(pool, double_it, items, sizeof *items,
					  values, sizeof *values, (size_t)n,
					  NULL),
				 TPAR_OK);
		for (i = 0; i < n; i++) {
			if (values[i] != 2 * (i + 1)) {
				ck_abort_msg("values[%ld] is %ld", i,
					     values[i]);
			}
		}
		free(values);
		free(items);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
tell_address(void *arg, void *value)
{
	*(void **)value = arg;
	return 0;
}

START_TEST(stride_says_which_argument)
{
	char args[10][24] = { "" };
	void *value[10];
	int i;

	ck_assert_int_eq(tpar_map(NULL, tell_address, args, sizeof args[0],
				  (void *)value, sizeof value[0], 10, NULL),
			 TPAR_OK);
	for (i = 0; i < 10; i++) {
		ck_assert_ptr_eq(value[i], args[i]);
	}
	/* None: all get the same. */
	ck_assert_int_eq(tpar_map(NULL, tell_address, args, 0, (void *)value,
				  sizeof value[0], 10, NULL),
			 TPAR_OK);
	for (i = 0; i < 10; i++) {
		ck_assert_ptr_eq(value[i], args);
	}
	ck_assert_int_eq(tpar_map(NULL, tell_address, NULL, 24, (void *)value,
				  sizeof value[0], 10, NULL),
			 TPAR_OK);
	for (i = 0; i < 10; i++) {
		ck_assert_ptr_null(value[i]);
	}
}
END_TEST

/* Its value, of 3 bytes, is zero before, its own between its neighbours. */
static int
write_three(void *arg, void *value)
{
	char *bytes = value;

	UNIT_MUST(bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0);
	memset(bytes, *(char *)arg, 3);
	return 0;
}

START_TEST(values_lie_side_by_side_and_are_zero_before)
{
	char args[50];
	char values[50 * 3 + 2];
	int i;

	memset(values, 0x7e, sizeof values);
	for (i = 0; i < 50; i++) {
		args[i] = (char)(i + 1);
	}
	ck_assert_int_eq(tpar_map(NULL, write_three, args, 1, values + 1, 3, 50,
				  NULL),
			 TPAR_OK);
	for (i = 0; i < 150; i++) {
		ck_assert_int_eq(values[1 + i], i / 3 + 1);
	}
	ck_assert_int_eq(values[0], 0x7e);
	ck_assert_int_eq(values[151], 0x7e);
}
END_TEST

static int
want_no_value(void *arg, void *value)
{
	UNIT_MUST(arg == NULL);
	UNIT_MUST(value != NULL);
	atomic_fetch_add(&runs, 1);
	return 0;
}

START_TEST(nothing_but_a_number_is_enough)
{
	ck_assert_int_eq(tpar_map(NULL, want_no_value, NULL, 0, NULL, 0, 1000,
				  NULL),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 1000);
}
END_TEST

START_TEST(bad_arguments_are_refused_in_words)
{
	struct tpar_failure why;
	long value = -1;

	ck_assert_int_eq(tpar_map(NULL, NULL, &value, 8, &value, 8, 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "fn is NULL");
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_int_eq(tpar_map(NULL, double_it, &value, 8, NULL, 8, 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "values is NULL");
	ck_assert_int_eq(tpar_map(NULL, double_it, &value, 16, &value, 1,
				  SIZE_MAX / 16 + 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "n * arg_stride overflows");
	ck_assert_int_eq(tpar_map(NULL, double_it, &value, 0, &value, 16,
				  SIZE_MAX / 16 + 1, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "n * value_size overflows");
	ck_assert_str_eq(tpar_error_detail(), why.message);
	/* A map of nothing is as wrong. */
	ck_assert_int_eq(tpar_map(NULL, NULL, NULL, 0, NULL, 0, 0, NULL),
			 TPAR_EINVAL);
	ck_assert_int_eq(value, -1);
}
END_TEST

START_TEST(map_of_nothing_touches_nothing)
{
	struct tpar_failure why;
	struct tpar_failure untouched;

	memset(&why, 0x5a, sizeof why);
	memcpy(&untouched, &why, sizeof why);
	/* Not even the default pool, which could not be started. */
	ck_assert_int_eq(setenv("TASKPAR_WORKERS", "no", 1), 0);
	ck_assert_int_eq(tpar_map(NULL, double_it, NULL, SIZE_MAX, NULL, 0, 0,
				  &why),
			 TPAR_OK);
	ck_assert_mem_eq(&why, &untouched, sizeof why);
}
END_TEST

/* What the item at one place does; all others do nothing. */
struct special {
	int code;
	const char *words;
};

static int
be_special(void *arg, void *value)
{
	struct special *special = arg;

	(void)value;
	if (special->code == 0) {
		return 0;
	}
	return special->words != NULL
		       ? tpar_fail(special->code, "%s", special->words)
		       : special->code;
}

static enum tpar_err
map_with_special(size_t place, int code, const char *words,
		 struct tpar_failure *why)
{
	struct special items[40];

	memset(items, 0, sizeof items);
	items[place].code = code;
	items[place].words = words;
	return tpar_map(NULL, be_special, items, sizeof items[0], NULL, 0, 40,
			why);
}

START_TEST(item_that_fails_is_named_with_its_words)
{
	struct tpar_failure why;

	ck_assert_int_eq(map_with_special(7, 5, "no such host", &why),
			 TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 7);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 5);
	ck_assert_ptr_null(why.task);
	ck_assert_str_eq(why.message, "item 7: no such host");
	ck_assert_int_eq(map_with_special(0, -5, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_str_eq(why.message, "item 0: failed with code -5");
	ck_assert_int_eq(map_with_special(39, TPAR_ESTOPPED, NULL, &why),
			 TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 39);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(why.message, "item 39: was cancelled");
	ck_assert_int_eq(map_with_special(1, 5, "unheard", NULL), TPAR_EFAILED);
}
END_TEST

/* Says something and succeeds all the same, but for the last one. */
static int
say_and_succeed(void *arg, void *value)
{
	(void)value;
	if (*(char *)arg != 0) {
		return 3;
	}
	UNIT_MUST(tpar_fail(1, "never mind") == 1);
	return 0;
}

START_TEST(words_of_an_item_that_succeeds_are_forgotten)
{
	tpar_pool *pool = unit_pool(1, 1);
	char items[5] = { 0, 0, 0, 0, 1 };
	struct tpar_failure why;

	ck_assert_int_eq(tpar_map(pool, say_and_succeed, items, 1, NULL, 0, 5,
				  &why),
			 TPAR_EFAILED);
	ck_assert_str_eq(why.message, "item 4: failed with code 3");
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(long_words_of_an_item_are_cut_between_characters)
{
	struct tpar_failure why;
	char words[400] = "";
	size_t length;
	int i;

	/* Euro signs, 3 bytes each; 8 bytes of prefix leave 183 = 61 * 3. */
	for (i = 0; i < 100; i++) {
		strcat(words, "\xe2\x82\xac");
	}
	ck_assert_int_eq(map_with_special(7, 1, words, &why), TPAR_EFAILED);
	length = strlen(why.message);
	ck_assert_uint_eq(length, TPAR_MESSAGE_MAX - 1);
	ck_assert_mem_eq(why.message, "item 7: ", 8);
	ck_assert_mem_eq(why.message + 8, words, length - 8);
	/* With 9 bytes the last one does not fit. */
	ck_assert_int_eq(map_with_special(17, 1, words, &why), TPAR_EFAILED);
	ck_assert_uint_eq(strlen(why.message), 9 + 60 * 3);
	ck_assert_mem_eq(why.message + 9, words, 60 * 3);
}
END_TEST

/* The first two items meet; then one fails and the other is stopped. */
struct meeting {
	struct unit_gate both;
	_Atomic long begun;
	_Atomic int stopped;
};

static int
meet(void *arg, void *value)
{
	struct meeting *meeting = arg;
	long place = atomic_fetch_add(&meeting->begun, 1);

	(void)value;
	if (place >= 2) {
		return 0;
	}
	unit_gate_open(&meeting->both);
	unit_gate_await(&meeting->both, 2);
	if (place == 1) {
		return tpar_fail(9, "first");
	}
	UNIT_AWAIT(tpar_cancelled());
	atomic_fetch_add(&meeting->stopped, 1);
	return TPAR_ESTOPPED;
}

START_TEST(failure_stops_those_who_run_and_begins_nobody)
{
	struct meeting meeting = { UNIT_GATE_INIT, 0, 0 };
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_map(pool, meet, &meeting, 0, NULL, 0, 100000,
				  &why),
			 TPAR_EFAILED);
	ck_assert_int_eq(why.code, 9);
	ck_assert_ptr_nonnull(strstr(why.message, ": first"));
	ck_assert_int_eq(atomic_load(&meeting.stopped), 1);
	ck_assert_int_eq(atomic_load(&meeting.begun), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A task's map one of whose items stops the task itself. */
struct suicide {
	struct unit_gate known;
	tpar_future *own;
	long n;
	long at; /* the item that does it */
	_Atomic long begun;
	struct tpar_failure why;
};

static int
stop_the_caller(void *arg, void *value)
{
	struct suicide *suicide = arg;

	(void)value;
	if (atomic_fetch_add(&suicide->begun, 1) == suicide->at) {
		UNIT_MUST(tpar_future_cancel(suicide->own) == TPAR_OK);
	}
	return 0;
}

static int
map_until_stopped(void *arg, void *value)
{
	struct suicide *suicide = arg;

	(void)value;
	unit_gate_await(&suicide->known, 1);
	return (int)tpar_map(NULL, stop_the_caller, suicide, 0, NULL, 0,
			     (size_t)suicide->n, &suicide->why);
}

static enum tpar_err
stop_at(struct suicide *suicide, long n, long at)
{
	tpar_pool *pool = unit_pool(1, 1);
	enum tpar_err err;

	*suicide =
		(struct suicide) { .known = UNIT_GATE_INIT, .n = n, .at = at };
	suicide->own = unit_submit(pool, map_until_stopped, suicide, 0);
	unit_gate_open(&suicide->known);
	err = tpar_future_wait(suicide->own, TPAR_FOREVER);
	tpar_future_unref(suicide->own);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	return err;
}

START_TEST(stopped_task_stops_its_map)
{
	struct suicide suicide;

	ck_assert_int_eq(stop_at(&suicide, 1000000, 10), TPAR_ECANCELED);
	ck_assert_int_eq(atomic_load(&suicide.begun), 11);
	ck_assert_uint_eq(suicide.why.index, SIZE_MAX);
	ck_assert_int_eq(suicide.why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(suicide.why.message,
			 "the calling task has been asked to stop");
}
END_TEST

START_TEST(map_that_is_complete_is_a_success_whoever_was_stopped)
{
	struct suicide suicide;

	/* By its last item; then all have run. */
	ck_assert_int_eq(stop_at(&suicide, 10, 9), TPAR_OK);
	ck_assert_int_eq(atomic_load(&suicide.begun), 10);
	ck_assert_int_eq(stop_at(&suicide, 1, 0), TPAR_OK);
	ck_assert_int_eq(stop_at(&suicide, 10, 8), TPAR_ECANCELED);
}
END_TEST

/* A map from outside, over a pool that is cancelled meanwhile. */
struct outside {
	tpar_pool *pool;
	struct unit_hold hold;
	enum tpar_err err;
	struct tpar_failure why;
};

static void *
map_held_items(void *arg)
{
	struct outside *outside = arg;

	outside->err = tpar_map(outside->pool, unit_hold_task, &outside->hold,
				0, NULL, 0, 10, &outside->why);
	return NULL;
}

START_TEST(map_over_a_cancelled_pool_is_cancelled)
{
	struct outside outside = { .hold = UNIT_HOLD_INIT };
	pthread_t thread;

	outside.pool = unit_pool(1, 1);
	thread = unit_start(map_held_items, &outside);
	unit_gate_await(&outside.hold.begun, 1);
	ck_assert_int_eq(tpar_pool_shutdown(outside.pool, TPAR_CANCEL,
					    TPAR_NOW),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&outside.hold.go);
	unit_join(thread);
	ck_assert_int_eq(outside.err, TPAR_ECANCELED);
	ck_assert_uint_eq(outside.why.index, SIZE_MAX);
	ck_assert_int_eq(outside.why.code, TPAR_ECANCELED);
	ck_assert_str_eq(outside.why.message, "the pool has been cancelled");
	ck_assert_int_eq(tpar_pool_destroy(outside.pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		values_stand_in_order,
		stride_says_which_argument,
		values_lie_side_by_side_and_are_zero_before,
		nothing_but_a_number_is_enough,
		bad_arguments_are_refused_in_words,
		map_of_nothing_touches_nothing,
		item_that_fails_is_named_with_its_words,
		words_of_an_item_that_succeeds_are_forgotten,
		long_words_of_an_item_are_cut_between_characters,
		failure_stops_those_who_run_and_begins_nobody,
		stopped_task_stops_its_map,
		map_that_is_complete_is_a_success_whoever_was_stopped,
		map_over_a_cancelled_pool_is_cancelled,
	};

	return unit_main("map", tests, sizeof tests / sizeof tests[0]);
}
