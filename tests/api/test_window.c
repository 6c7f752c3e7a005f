/* SPDX-License-Identifier: MIT */
/*
 * test_window.c - windows that do not fail: order, room, the end of input,
 * what is refused.
 */
#include "windows.h"

/* ---- Order ---------------------------------------------------------------- */

START_TEST(values_come_in_the_order_of_putting)
{
	struct unit_hold first = UNIT_HOLD_INIT;
	struct unit_gate others = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(2, 1);
	tpar_window *w = window_in(pool, 8);
	intptr_t value = 77;
	int i;

	ck_assert_int_eq(window_put(w, unit_hold_task, &first, TPAR_NOW),
			 TPAR_OK);
	for (i = 1; i < 7; i++) {
		ck_assert_int_eq(window_put_number(w, i, TPAR_NOW), TPAR_OK);
	}
	ck_assert_int_eq(window_put(w, scene_open_gate, &others, TPAR_NOW),
			 TPAR_OK);
	unit_gate_await(&first.begun, 1);
	unit_gate_await(&others, 1);
	/* All others may have ended. */
	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_NOW, NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_window_take(w, &value, tpar_in(1), NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(value, 77);
	unit_gate_open(&first.go);
	window_take_number(w, 0);
	for (i = 1; i < 7; i++) {
		window_take_number(w, i);
	}
	window_take_number(w, 0);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct feed {
	tpar_window *w;
	intptr_t from;
	intptr_t n;
};

static void *
put_all(void *arg)
{
	const struct feed *feed = arg;
	intptr_t i;

	for (i = 0; i < feed->n; i++) {
		UNIT_MUST(window_put_number(feed->w, feed->from + i,
					    TPAR_FOREVER) == TPAR_OK);
	}
	return NULL;
}

static void *
put_all_and_end(void *arg)
{
	(void)put_all(arg);
	UNIT_MUST(tpar_window_end(((const struct feed *)arg)->w) == TPAR_OK);
	return NULL;
}

START_TEST(endless_input_goes_through_a_small_window)
{
	static const size_t widths[] = { 1, 2, 64, 1000 };
	tpar_pool *pool = unit_pool(2, 1);
	size_t k;

	for (k = 0; k < sizeof widths / sizeof widths[0]; k++) {
		struct feed feed = { window_in(pool, widths[k]), 0,
				     unit_scaled(k == 2 ? 1000000 : 5000) };
		pthread_t producer = unit_start(put_all_and_end, &feed);
		intptr_t value;
		intptr_t i;

		for (i = 0; i < feed.n; i++) {
			if (tpar_window_take(feed.w, &value, TPAR_FOREVER,
					     NULL) != TPAR_OK ||
			    value != i) {
				ck_abort_msg("item %ld of width %zu", (long)i,
					     widths[k]);
			}
		}
		window_take_end(feed.w);
		unit_join(producer);
		tpar_window_close(feed.w);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum { PRODUCERS = 4, EACH = 5000 };

START_TEST(several_may_put_and_each_keeps_its_order)
{
	intptr_t each = unit_scaled(EACH);
	struct feed feed[PRODUCERS];
	pthread_t producer[PRODUCERS];
	intptr_t next[PRODUCERS] = { 0 };
	tpar_window *w = window_in(NULL, 5);
	intptr_t value;
	int i;

	for (i = 0; i < PRODUCERS; i++) {
		feed[i] = (struct feed) { w, i * each, each };
		producer[i] = unit_start(put_all, &feed[i]);
	}
	for (i = 0; i < each * PRODUCERS; i++) {
		ck_assert_int_eq(tpar_window_take(w, &value, TPAR_FOREVER,
						  NULL),
				 TPAR_OK);
		ck_assert_int_eq(value % each, next[value / each]++);
	}
	for (i = 0; i < PRODUCERS; i++) {
		unit_join(producer[i]);
		ck_assert_int_eq(next[i], each);
	}
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	window_take_end(w);
	tpar_window_close(w);
}
END_TEST

/* ---- Room ----------------------------------------------------------------- */

START_TEST(as_many_are_accepted_as_the_window_is_wide)
{
	static const intptr_t widths[] = { 1, 2, 3, 7, 64 };
	size_t k;
	intptr_t i;

	for (k = 0; k < sizeof widths / sizeof widths[0]; k++) {
		intptr_t width = widths[k];
		tpar_window *w = window_in(NULL, (size_t)width);
		int round;

		for (i = 0; i < width; i++) {
			ck_assert_int_eq(window_put_number(w, i, TPAR_NOW),
					 TPAR_OK);
		}
		for (round = 0; round < 50; round++, i++) {
			ck_assert_int_eq(window_put_number(w, -5, TPAR_NOW),
					 TPAR_EAGAIN);
			ck_assert_str_eq(tpar_error_detail(),
					 "the window is full");
			window_take_number(w, i - width);
			ck_assert_int_eq(window_put_number(w, i, TPAR_NOW),
					 TPAR_OK);
		}
		ck_assert_int_eq(window_put_number(w, -5, TPAR_NOW),
				 TPAR_EAGAIN);
		for (; width > 0; width--) {
			window_take_number(w, i - width);
		}
		ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
		window_take_end(w);
		tpar_window_close(w);
	}
}
END_TEST

static _Atomic long begun;
static _Atomic long takes;
static _Atomic long most;

/* How many have begun for which nobody has called take? */
static int
count_ahead(void *arg, void *value)
{
	long ahead = atomic_fetch_add(&begun, 1) + 1 - atomic_load(&takes);
	long seen = atomic_load(&most);

	(void)arg;
	(void)value;
	while (ahead > seen &&
	       !atomic_compare_exchange_weak(&most, &seen, ahead)) {
	}
	return 0;
}

static void *
put_counted(void *arg)
{
	long n = unit_scaled(5000);

	while (n-- > 0) {
		UNIT_MUST(window_put(arg, count_ahead, NULL, TPAR_FOREVER) ==
			  TPAR_OK);
	}
	return NULL;
}

START_TEST(no_more_begin_than_the_window_is_wide)
{
	tpar_pool *pool = unit_pool(3, 1);
	tpar_window *w = window_in(pool, 6);
	pthread_t producer[2];
	long n = 2 * unit_scaled(5000);

	producer[0] = unit_start(put_counted, w);
	producer[1] = unit_start(put_counted, w);
	UNIT_AWAIT(atomic_load(&begun) == 6); /* nobody takes yet */
	while (n-- > 0) {
		atomic_fetch_add(&takes, 1);
		window_take_number(w, 0);
	}
	unit_join(producer[0]);
	unit_join(producer[1]);
	ck_assert_int_eq(atomic_load(&most), 6);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(put_that_finds_no_room_in_time_has_taken_nothing)
{
	tpar_window *w = window_in(NULL, 1);

	ck_assert_int_eq(window_put_number(w, 1, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL, 1),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_EAGAIN);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	window_take_number(w, 1);
	/* There is room: no deadline matters. */
	ck_assert_int_eq(window_put_number(w, 2, 1), TPAR_OK);
	window_take_number(w, 2);
	ck_assert_int_eq(window_put_number(w, 3, TPAR_NOW), TPAR_OK);
	window_take_number(w, 3);
	tpar_window_close(w);
}
END_TEST

static void *
put_one_and_tell(void *arg)
{
	struct feed *feed = arg;

	UNIT_MUST(window_put_number(feed->w, 2, TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

START_TEST(one_take_is_enough_for_one_put_that_waits)
{
	int i;

	for (i = 0; i < unit_scaled(500); i++) {
		struct feed feed = { window_in(NULL, 7), 0, 0 };
		pthread_t putter;
		int k;

		for (k = 0; k < 7; k++) {
			ck_assert_int_eq(window_put_number(feed.w, 1,
							   TPAR_FOREVER),
					 TPAR_OK);
		}
		putter = unit_start(put_one_and_tell, &feed);
		if (i % 2 != 0) {
			sched_yield();
		}
		window_take_number(feed.w, 1);
		unit_join(putter); /* nothing more is taken */
		tpar_window_close(feed.w);
	}
}
END_TEST

/* ---- The end of input ------------------------------------------------------ */

START_TEST(end_lets_what_was_put_be_taken)
{
	tpar_window *w = window_in(NULL, 3);
	intptr_t value = 77;

	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_NOW, NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_window_take(w, &value, tpar_in(1000), NULL),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(window_put_number(w, 1, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(window_put_number(w, 2, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_FOREVER),
			 TPAR_ECLOSED);
	ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
					      TPAR_NOW),
			 TPAR_ECLOSED);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	window_take_number(w, 1);
	window_take_number(w, 2);
	window_take_end(w);
	window_take_end(w);
	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_NOW, NULL),
			 TPAR_EEND);
	tpar_window_close(w);
}
END_TEST

static void *
take_the_end(void *arg)
{
	UNIT_MUST(tpar_window_take(arg, NULL, TPAR_FOREVER, NULL) == TPAR_EEND);
	return NULL;
}

static void *
find_it_closed(void *arg)
{
	UNIT_MUST(window_put_number(arg, 2, TPAR_FOREVER) == TPAR_ECLOSED);
	return NULL;
}

START_TEST(end_reaches_those_who_wait)
{
	int i;

	for (i = 0; i < unit_scaled(300); i++) {
		tpar_window *w = window_in(NULL, 1);
		pthread_t other[3];
		int k;

		other[0] = unit_start(take_the_end, w);
		if (i % 2 != 0) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
		unit_join(other[0]);
		tpar_window_close(w);

		w = window_in(NULL, 1);
		ck_assert_int_eq(window_put_number(w, 1, TPAR_FOREVER),
				 TPAR_OK);
		for (k = 0; k < 3; k++) {
			other[k] = unit_start(find_it_closed, w);
		}
		if (i % 2 != 0) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_window_end(w), TPAR_OK);
		for (k = 0; k < 3; k++) {
			unit_join(other[k]);
		}
		window_take_number(w, 1);
		window_take_end(w);
		tpar_window_close(w);
	}
}
END_TEST

/* ---- Values --------------------------------------------------------------- */

START_TEST(value_that_is_taken_is_not_dropped)
{
	tpar_window *w = window_in(NULL, 4);
	int i;

	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(window_put_droppable(w, unit_number_task, NULL,
						      TPAR_NOW),
				 TPAR_OK);
	}
	window_take_number(w, 0);
	window_take_number(w, 0);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	ck_assert_int_eq(tpar_window_take(w, NULL, TPAR_FOREVER, NULL),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
	UNIT_AWAIT(atomic_load(&scene_arg_drops) == 4); /* it has run */
	tpar_window_close(w);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
}
END_TEST

static int
fill_kilobyte(void *arg, void *value)
{
	memset(value, (int)(intptr_t)arg, 1000);
	return 0;
}

START_TEST(values_may_have_any_size)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned char value[1000];
	tpar_window *w;
	int i;

	config.width = 3;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_OK);
	task.fn = scene_return;
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_OK);
	}
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_window_take(w, i == 0 ? NULL : value,
						  TPAR_FOREVER, NULL),
				 TPAR_OK);
	}
	tpar_window_close(w);

	config.value_size = sizeof value;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_OK);
	task.fn = fill_kilobyte;
	task.value_size = sizeof value;
	task.value_align = 256;
	for (i = 0; i < 3; i++) {
		task.arg = (void *)(intptr_t)(i + 1);
		ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_OK);
	}
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_window_take(w, value, TPAR_FOREVER, NULL),
				 TPAR_OK);
		ck_assert_int_eq(value[0], i + 1);
		ck_assert_int_eq(value[999], i + 1);
	}
	tpar_window_close(w);
}
END_TEST

/* ---- What is refused -------------------------------------------------------- */

START_TEST(bad_configs_are_refused_in_words)
{
	struct tpar_window_config good = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_window_config config;
	tpar_window *const none = (tpar_window *)&good;
	tpar_window *w = none;

	good.width = 1;
	ck_assert_int_eq(tpar_window_open(NULL, &good), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "w is NULL");
	ck_assert_int_eq(tpar_window_open(&w, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "config is NULL");
	config = good;
	config.size--;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.size"));
	config = good;
	config.width = 0;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.width is 0"));
	config.width = ((size_t)1 << 24) + 1;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "16777217"));
	config.width = SIZE_MAX;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_EINVAL);
	config = good;
	config.value_size = ((size_t)1 << 30) + 1;
	ck_assert_int_eq(tpar_window_open(&w, &config), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.value_size"));
	ck_assert_ptr_eq(w, none);
	good.width = (size_t)1 << 24;
	good.value_size = (size_t)1 << 30;
	ck_assert_int_eq(tpar_window_open(&w, &good), TPAR_OK);
	tpar_window_close(w);
}
END_TEST

START_TEST(bad_items_are_refused_in_words)
{
	struct tpar_task good =
		scene_droppable(unit_number_task, NULL, sizeof(intptr_t));
	tpar_window *w = window_in(NULL, 1);
	struct tpar_task task;
	tpar_group *g;

	ck_assert_int_eq(tpar_window_put(NULL, &good, TPAR_NOW), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "w is NULL");
	ck_assert_int_eq(tpar_window_put(w, NULL, TPAR_NOW), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task is NULL");
	task = good;
	task.size++;
	ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "task.size"));
	task = good;
	task.fn = NULL;
	ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task.fn is NULL");
	task = good;
	task.value_size = 2;
	ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(),
			 sizeof(intptr_t) == 8
				 ? "task.value_size is 2, the window's 8"
				 : "task.value_size is 2, the window's 4");
	task = good;
	ck_assert_int_eq(tpar_group_open(&g, NULL), TPAR_OK);
	task.group = g;
	ck_assert_int_eq(tpar_window_put(w, &task, TPAR_NOW), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task.group is not NULL");
	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), 0);
	/* They have taken no place. */
	ck_assert_int_eq(tpar_window_put(w, &good, TPAR_NOW), TPAR_OK);
	window_take_number(w, 0);
	tpar_window_close(w);
}
END_TEST

START_TEST(no_window_is_refused_and_closed)
{
	struct tpar_failure why;

	ck_assert_int_eq(tpar_window_end(NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_window_cancel(NULL, "x"), TPAR_EINVAL);
	ck_assert_int_eq(tpar_window_take(NULL, NULL, TPAR_NOW, &why),
			 TPAR_EINVAL);
	ck_assert_str_eq(why.message, "w is NULL");
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert_int_eq(why.code, TPAR_EINVAL);
	tpar_window_close(NULL);
}
END_TEST

static void *
take_held(void *arg)
{
	intptr_t value = -1;

	while (tpar_window_take(arg, &value, TPAR_FOREVER, NULL) !=
	       TPAR_OK) { /* the other one takes */
	}
	UNIT_MUST(value == 0);
	return NULL;
}

START_TEST(one_at_a_time_takes)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_window *w = window_in(NULL, 2);
	struct tpar_failure why;
	pthread_t taker;

	ck_assert_int_eq(window_put(w, unit_hold_task, &hold, TPAR_NOW),
			 TPAR_OK);
	taker = unit_start(take_held, w);
	UNIT_AWAIT(tpar_window_take(w, NULL, TPAR_NOW, &why) == TPAR_EBUSY);
	ck_assert_int_eq(why.code, TPAR_EBUSY);
	unit_gate_open(&hold.go);
	unit_join(taker);
	tpar_window_close(w);
}
END_TEST

static int
meddle(void *arg, void *value)
{
	tpar_window *w = arg;
	struct tpar_failure why;

	UNIT_MUST(tpar_window_take(w, value, TPAR_FOREVER, &why) ==
		  TPAR_EDEADLK);
	UNIT_MUST(why.code == TPAR_EDEADLK);
	UNIT_MUST(tpar_window_take(w, value, TPAR_NOW, NULL) == TPAR_EDEADLK);
	UNIT_MUST(window_put_number(w, 5, TPAR_FOREVER) == TPAR_EDEADLK);
	UNIT_MUST(window_put_number(w, 5, TPAR_NOW) == TPAR_EDEADLK);
	return 0;
}

static int
meddle_below(void *arg, void *value)
{
	tpar_future *f = unit_submit(NULL, meddle, arg, sizeof(intptr_t));

	/* Run in place, on top of an item: it cannot wait, either. */
	(void)value;
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

START_TEST(item_cannot_use_its_own_window)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_window *w = window_in(pool, 2);

	ck_assert_int_eq(window_put(w, meddle, w, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(window_put(w, meddle_below, w, TPAR_NOW), TPAR_OK);
	window_take_number(w, 0);
	window_take_number(w, 0);
	ck_assert_int_eq(window_put_number(w, 1, TPAR_NOW), TPAR_OK);
	window_take_number(w, 1);
	tpar_window_close(w);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		values_come_in_the_order_of_putting,
		endless_input_goes_through_a_small_window,
		several_may_put_and_each_keeps_its_order,
		as_many_are_accepted_as_the_window_is_wide,
		no_more_begin_than_the_window_is_wide,
		put_that_finds_no_room_in_time_has_taken_nothing,
		one_take_is_enough_for_one_put_that_waits,
		end_lets_what_was_put_be_taken,
		end_reaches_those_who_wait,
		value_that_is_taken_is_not_dropped,
		values_may_have_any_size,
		bad_configs_are_refused_in_words,
		bad_items_are_refused_in_words,
		no_window_is_refused_and_closed,
		one_at_a_time_takes,
		item_cannot_use_its_own_window,
	};

	return unit_main("window", tests, sizeof tests / sizeof tests[0]);
}
