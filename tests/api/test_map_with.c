/* SPDX-License-Identifier: MIT */
/*
 * test_map_with.c - what a map can be told: how many items at once, until when,
 * how to drop values, whom to tell of progress.
 */
#include "scene.h"

#include <string.h>

/* ---- How many at once --------------------------------------------------------- */

static _Atomic int inside;
static _Atomic int most;

static void
enter(void)
{
	int n = atomic_fetch_add(&inside, 1) + 1;
	int seen = atomic_load(&most);

	while (n > seen && !atomic_compare_exchange_weak(&most, &seen, n)) {
	}
}

static int
look_who_is_here(void *arg, void *value)
{
	int i;

	enter();
	for (i = 0; i < 3; i++) {
		sched_yield();
	}
	*(intptr_t *)value = *(intptr_t *)arg;
	atomic_fetch_sub(&inside, 1);
	return 0;
}

/* So many wait for each other, so that all are here at once. */
struct meeting {
	int wanted;
	struct tpar_map_options options;
	tpar_promise *all;
	tpar_future *all_here;
};

static void
prepare(struct meeting *meeting, int wanted)
{
	atomic_store(&most, 0);
	meeting->wanted = wanted;
	meeting->options.window = (size_t)wanted;
	ck_assert_int_eq(tpar_promise_create(0, NULL, &meeting->all,
					     &meeting->all_here),
			 TPAR_OK);
}

static void
end_meeting(struct meeting *meeting)
{
	ck_assert_int_eq(atomic_load(&most), meeting->wanted);
	ck_assert_int_eq(atomic_load(&inside), 0);
	tpar_promise_destroy(meeting->all);
	tpar_future_unref(meeting->all_here);
}

static int
meet(void *arg, void *value)
{
	const struct meeting *meeting = arg;

	(void)value;
	enter();
	if (atomic_load(&most) >= meeting->wanted) {
		(void)tpar_promise_set(meeting->all, NULL);
	}
	/* The pool gives others a thread meanwhile. */
	UNIT_MUST(tpar_future_wait(meeting->all_here, TPAR_FOREVER) == TPAR_OK);
	sched_yield();
	atomic_fetch_sub(&inside, 1);
	return 0;
}

START_TEST(as_many_items_run_at_once_as_the_window_is_wide)
{
	static const int widths[] = { 1, 2, 3, 7, 20 };
	tpar_pool *pool = unit_pool(2, 30);
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct meeting meeting = { .options = options };
	size_t k;

	for (k = 0; k < sizeof widths / sizeof widths[0]; k++) {
		prepare(&meeting, widths[k]);
		ck_assert_int_eq(tpar_map_with(pool, &meeting.options, meet,
					       &meeting, 0, NULL, 0, 200, NULL),
				 TPAR_OK);
		end_meeting(&meeting);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
meet_in_task(void *arg, void *value)
{
	struct meeting *meeting = arg;

	(void)value;
	return tpar_map_with(NULL, &meeting->options, meet, meeting, 0, NULL, 0,
			     50, NULL);
}

START_TEST(task_that_maps_keeps_to_the_window)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct meeting meeting = { .options = options };
	tpar_pool *pool = unit_pool(2, 30);

	prepare(&meeting, 3);
	unit_run_in(pool, meet_in_task, &meeting);
	end_meeting(&meeting);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { ITEMS = 500 };

static intptr_t args[ITEMS];
static intptr_t values[ITEMS];

static void
number_args(void)
{
	int i;

	for (i = 0; i < ITEMS; i++) {
		args[i] = i + 1;
		values[i] = -1;
	}
}

static enum tpar_err
map_items(const struct tpar_map_options *options, tpar_task_fn fn,
	  struct tpar_failure *why)
{
	number_args();
	return tpar_map_with(NULL, options, fn, args, sizeof args[0], values,
			     sizeof values[0], ITEMS, why);
}

static void
check_values(void)
{
	int i;

	for (i = 0; i < ITEMS; i++) {
		ck_assert_int_eq(values[i], i + 1);
	}
}

START_TEST(values_stand_in_order_whatever_the_window)
{
	static const size_t widths[] = { 0, 1, 2, ITEMS - 1, ITEMS, SIZE_MAX };
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	size_t k;

	for (k = 0; k < sizeof widths / sizeof widths[0]; k++) {
		options.window = widths[k];
		ck_assert_int_eq(map_items(&options, look_who_is_here, NULL),
				 TPAR_OK);
		check_values();
	}
	ck_assert_int_eq(map_items(NULL, look_who_is_here, NULL), TPAR_OK);
	check_values();
}
END_TEST

/* ---- Progress -------------------------------------------------------------------- */

struct told {
	_Atomic int telling;
	size_t last;
	size_t n;
	size_t calls;
};

static void
hear(size_t done, size_t n, void *arg)
{
	struct told *told = arg;

	UNIT_MUST(atomic_fetch_add(&told->telling, 1) == 0);
	UNIT_MUST(done > told->last && done <= n && n == told->n);
	told->last = done;
	told->calls++;
	sched_yield();
	UNIT_MUST(atomic_fetch_sub(&told->telling, 1) == 1);
}

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

START_TEST(progress_is_told_by_one_at_a_time_and_at_last_in_full)
{
	static const size_t counts[] = { 1, 2, 3, 100, 1000 };
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	size_t k;
	int round;

	options.progress = hear;
	for (round = 0; round < 20; round++) {
		for (k = 0; k < sizeof counts / sizeof counts[0]; k++) {
			struct told told = { .n = counts[k] };

			options.arg = &told;
			options.window = (size_t)round;
			ck_assert_int_eq(tpar_map_with(NULL, &options,
						       do_nothing, NULL, 0,
						       NULL, 0, told.n, NULL),
					 TPAR_OK);
			ck_assert_uint_eq(told.last, told.n);
			ck_assert_uint_ge(told.calls, 1);
		}
	}
	/* Of nothing there is none. */
	options.arg = NULL;
	ck_assert_int_eq(tpar_map_with(NULL, &options, do_nothing, NULL, 0,
				       NULL, 0, 0, NULL),
			 TPAR_OK);
}
END_TEST

/* ---- Failure, deadline, stop: what was written is dropped ---------------------------- */

static _Atomic int done[ITEMS + 1]; /* by the number of the item */
static _Atomic int dropped[ITEMS + 1];
static _Atomic int fails_at;

static void
drop_number(void *value)
{
	intptr_t number = *(intptr_t *)value;

	UNIT_MUST(number >= 1 && number <= ITEMS);
	atomic_fetch_add(&dropped[number], 1);
}

static int
own_number(void *arg, void *value)
{
	intptr_t number = *(intptr_t *)arg;

	*(intptr_t *)value = -number; /* if it fails */
	if (number == atomic_load(&fails_at)) {
		return tpar_fail(4, "item of %d", (int)number);
	}
	sched_yield();
	*(intptr_t *)value = number;
	atomic_fetch_add(&done[number], 1);
	return 0;
}

static int
check_drops(void)
{
	int sum = 0;
	int i;

	for (i = 0; i <= ITEMS; i++) {
		ck_assert_int_eq(atomic_load(&dropped[i]),
				 atomic_load(&done[i]));
		sum += atomic_load(&done[i]);
		atomic_store(&dropped[i], 0);
		atomic_store(&done[i], 0);
	}
	return sum;
}

START_TEST(values_of_a_failed_map_are_dropped_each_once)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct told told = { .n = ITEMS };
	struct tpar_failure why;
	int i;

	options.drop_value = drop_number;
	options.progress = hear;
	options.arg = &told;
	for (i = 1; i <= ITEMS; i += 7) {
		atomic_store(&fails_at, i);
		options.window = (size_t)i % 5;
		told.last = 0;
		ck_assert_int_eq(map_items(&options, own_number, &why),
				 TPAR_EFAILED);
		ck_assert_uint_eq(why.index, (size_t)i - 1);
		ck_assert_int_eq(why.code, 4);
		ck_assert_int_eq(why.state, TPAR_FAILED);
		ck_assert_uint_eq(told.last, check_drops());
	}
}
END_TEST

START_TEST(values_of_a_complete_map_are_not_dropped)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	int i;

	options.drop_value = drop_number;
	options.deadline_ns = tpar_in(3600 * TPAR_SECOND);
	ck_assert_int_eq(map_items(&options, own_number, NULL), TPAR_OK);
	check_values();
	for (i = 0; i <= ITEMS; i++) {
		ck_assert_int_eq(atomic_load(&dropped[i]), 0);
	}
}
END_TEST

/* Every tenth runs until it is stopped. */
static int
own_or_linger(void *arg, void *value)
{
	intptr_t number = *(intptr_t *)arg;

	if (number % 10 == 0) {
		UNIT_AWAIT(tpar_cancelled());
		return tpar_checkpoint();
	}
	return own_number(arg, value);
}

START_TEST(deadline_cancels_the_items)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct tpar_failure why;

	options.drop_value = drop_number;
	options.deadline_ns = tpar_in(3 * TPAR_MILLISECOND);
	ck_assert_int_eq(map_items(&options, own_or_linger, &why),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(why.code, TPAR_ETIMEDOUT);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert(why.message[0] != '\0');
	ck_assert_int_lt(check_drops(), ITEMS);
	/* One that has passed, in both ways. */
	options.deadline_ns = 1;
	ck_assert_int_eq(map_items(&options, own_or_linger, &why),
			 TPAR_ETIMEDOUT);
	ck_assert_int_lt(check_drops(), ITEMS);
	options.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(map_items(&options, own_or_linger, &why),
			 TPAR_ETIMEDOUT);
	ck_assert_int_lt(check_drops(), ITEMS);
}
END_TEST

static struct unit_gate begun = UNIT_GATE_INIT;

static int
tell_and_linger(void *arg, void *value)
{
	if (*(intptr_t *)arg == 30) {
		unit_gate_open(&begun);
		UNIT_AWAIT(tpar_cancelled());
		return tpar_checkpoint();
	}
	return own_number(arg, value);
}

static int
map_until_stopped(void *arg, void *value)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct tpar_failure why;

	(void)arg;
	(void)value;
	options.drop_value = drop_number;
	options.window = 1;
	UNIT_MUST(map_items(&options, tell_and_linger, &why) == TPAR_ESTOPPED);
	UNIT_MUST(why.code == TPAR_ESTOPPED);
	return TPAR_ESTOPPED;
}

START_TEST(stop_of_the_task_stops_its_map)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, map_until_stopped, NULL, 0);

	unit_gate_await(&begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(check_drops(), 29);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
stop_itself(void *arg, void *value)
{
	return *(intptr_t *)arg == 3 ? (int)TPAR_ESTOPPED
				     : own_number(arg, value);
}

START_TEST(item_that_stops_itself_is_named)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct tpar_failure why;

	options.drop_value = drop_number;
	options.window = 1;
	ck_assert_int_eq(map_items(&options, stop_itself, &why),
			 TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 2);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(check_drops(), 2);
}
END_TEST

/* ---- Items that block ------------------------------------------------------------------- */

/* As many as the window of such a map has if nobody says so, and one. */
enum { BLOCKING_ITEMS = 33 };

static struct unit_gate blocked = UNIT_GATE_INIT;

/* All of the first 32 are here at once, and no other thread is there for them. */
static int
block_with_others(void *arg, void *value)
{
	enter();
	unit_gate_open(&blocked);
	unit_gate_await(&blocked, BLOCKING_ITEMS - 1);
	atomic_fetch_sub(&inside, 1);
	*(intptr_t *)value = (intptr_t)(uintptr_t)arg;
	return 0;
}

static void
map_blocking(tpar_pool *pool)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	intptr_t out[BLOCKING_ITEMS];

	options.flags = TPAR_BLOCKING;
	UNIT_MUST(tpar_map_with(pool, &options, block_with_others, NULL, 0, out,
				sizeof out[0], BLOCKING_ITEMS,
				NULL) == TPAR_OK);
	UNIT_MUST(atomic_load(&most) == BLOCKING_ITEMS - 1);
}

static int
map_blocking_inside(void *arg, void *value)
{
	(void)arg;
	(void)value;
	map_blocking(NULL);
	return 0;
}

START_TEST(items_that_block_have_threads_of_their_own)
{
	tpar_pool *pool = unit_pool(1, BLOCKING_ITEMS + 7);

	atomic_store(&most, 0);
	map_blocking(pool);
	blocked.opened = 0;
	unit_run_in(pool, map_blocking_inside, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Priority, what is refused ----------------------------------------------------------- */

static _Atomic int normal;
static _Atomic int normal_before = -1;

static int
count_normal(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&normal, 1);
	return 0;
}

static int
see_how_many(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_store(&normal_before, atomic_load(&normal));
	return 0;
}

/* On the only worker; the drivers are those of another pool's task. */
static int
map_with_priority(void *arg, void *value)
{
	struct meeting *meeting = arg;

	(void)value;
	return tpar_map_with(NULL, &meeting->options, see_how_many, NULL, 0,
			     NULL, 0, 1, NULL);
}

START_TEST(maps_of_any_priority_run)
{
	static const enum tpar_priority priorities[] = { TPAR_PRIORITY_NORMAL,
							 TPAR_PRIORITY_HIGH,
							 TPAR_PRIORITY_LOW };
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct meeting meeting = { .options = options };
	tpar_pool *pool = unit_pool(1, 1);
	int k;
	int i;

	for (k = 0; k < 3; k++) {
		atomic_store(&normal_before, -1);
		meeting.options.priority = priorities[k];
		meeting.options.name = "named";
		for (i = 0; i < 100; i++) {
			ck_assert_int_eq(tpar_submit(pool, count_normal, NULL,
						     0, NULL),
					 TPAR_OK);
		}
		ck_assert_int_eq(tpar_map_with(pool, &meeting.options,
					       see_how_many, NULL, 0, NULL, 0,
					       1, NULL),
				 TPAR_OK);
		ck_assert_int_ge(atomic_load(&normal_before), 0);
		unit_run_in(pool, map_with_priority, &meeting);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&normal), 300);
}
END_TEST

START_TEST(bad_options_are_refused_in_words)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	struct tpar_failure why;

	options.size--;
	ck_assert_int_eq(map_items(&options, own_number, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "options.size"));
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	options.size = 0;
	ck_assert_int_eq(map_items(&options, own_number, NULL), TPAR_EINVAL);
	options.size = sizeof options;
	options.flags = TPAR_BLOCKING | TPAR_NO_INLINE;
	ck_assert_int_eq(map_items(&options, own_number, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "options.flags is 0x5"));
	options.flags = 0;
	options.priority = (enum tpar_priority)3;
	ck_assert_int_eq(map_items(&options, own_number, &why), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(why.message, "options.priority is 3"));
	options.priority = (enum tpar_priority) - 1;
	ck_assert_int_eq(map_items(&options, own_number, &why), TPAR_EINVAL);
	/* Also for no items. */
	ck_assert_int_eq(tpar_map_with(NULL, &options, own_number, NULL, 0,
				       NULL, 0, 0, &why),
			 TPAR_EINVAL);
	options.priority = TPAR_PRIORITY_NORMAL;
	ck_assert_int_eq(tpar_map_with(NULL, &options, NULL, NULL, 0, NULL, 0,
				       1, &why),
			 TPAR_EINVAL);
	ck_assert_int_eq(values[0], -1);
	ck_assert_int_eq(check_drops(), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		as_many_items_run_at_once_as_the_window_is_wide,
		task_that_maps_keeps_to_the_window,
		values_stand_in_order_whatever_the_window,
		progress_is_told_by_one_at_a_time_and_at_last_in_full,
		values_of_a_failed_map_are_dropped_each_once,
		values_of_a_complete_map_are_not_dropped,
		deadline_cancels_the_items,
		stop_of_the_task_stops_its_map,
		item_that_stops_itself_is_named,
		items_that_block_have_threads_of_their_own,
		maps_of_any_priority_run,
		bad_options_are_refused_in_words,
	};

	return unit_main("map_with", tests, sizeof tests / sizeof tests[0]);
}
