/* SPDX-License-Identifier: MIT */
/*
 * test_window.c - windows without memory for them or their items, or without
 * threads: refused, or all in order.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/window.h>

enum { ITEMS = 20, WIDTH = 3, CODE = 7 };

static _Atomic int arg_drops;
static _Atomic int value_drops;
static intptr_t fails; /* the item that does, or none */
static tpar_pool *pool;

static void
drop_arg(void *arg)
{
	(void)arg;
	atomic_fetch_add(&arg_drops, 1);
}

static void
drop_value(void *value)
{
	EXPECT(*(intptr_t *)value > 0);
	atomic_fetch_add(&value_drops, 1);
}

static int
run_item(void *arg, void *value)
{
	intptr_t i = (intptr_t)arg;

	*(intptr_t *)value = i + 1;
	return i == fails ? tpar_fail(CODE, "this one") : 0;
}

static enum tpar_err
put(tpar_window *w, intptr_t i, int64_t deadline_ns)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = run_item;
	task.arg = (void *)i;
	task.value_size = sizeof(intptr_t);
	task.drop_value = drop_value;
	task.drop_arg = drop_arg;
	return tpar_window_put(w, &task, deadline_ns);
}

/* NULL: it was refused. */
static tpar_window *
open_window(tpar_pool *where, int64_t deadline_ns)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *const none = (tpar_window *)&config;
	tpar_window *w = none;
	enum tpar_err err;

	config.pool = where;
	config.width = WIDTH;
	config.value_size = sizeof(intptr_t);
	config.deadline_ns = deadline_ns;
	atomic_store(&arg_drops, 0);
	atomic_store(&value_drops, 0);
	err = tpar_window_open(&w, &config);
	if (err != TPAR_OK) {
		EXPECT(fault_any());
		EXPECT(err == TPAR_ENOMEM || err == TPAR_EAGAIN);
		EXPECT(w == none);
		return NULL;
	}
	return w;
}

/* false: it has failed, as it should. */
static bool
take(tpar_window *w, intptr_t i)
{
	struct tpar_failure why;
	intptr_t value = 0;
	enum tpar_err err = tpar_window_take(w, &value, TPAR_FOREVER, &why);

	if (err != TPAR_OK) {
		EXPECT(fails < ITEMS && i <= fails);
		EXPECT(err == TPAR_EFAILED);
		EXPECT(why.code == CODE);
		EXPECT(why.index == (size_t)fails);
		return false;
	}
	EXPECT(value == i + 1);
	return true;
}

/* Puts what there is room for, takes one, and so on. */
static void
use_window(tpar_pool *where, int64_t deadline_ns)
{
	tpar_window *w = open_window(where, deadline_ns);
	intptr_t put_so_far = 0;
	intptr_t taken = 0;
	enum tpar_err err = TPAR_OK;

	if (w == NULL) {
		return;
	}
	while (taken < ITEMS && err != TPAR_ECLOSED) {
		err = put_so_far < ITEMS ? put(w, put_so_far, TPAR_NOW)
					 : TPAR_EAGAIN;
		if (err == TPAR_OK) {
			put_so_far++;
		} else if (err == TPAR_EAGAIN && put_so_far > taken) {
			if (!take(w, taken)) {
				break;
			}
			taken++;
		} else if (err == TPAR_ECLOSED) {
			EXPECT(fails < ITEMS);
		} else {
			EXPECT(fault_any());
			EXPECT(err == TPAR_ENOMEM);
			fault_end(); /* it may fail for ever */
		}
	}
	EXPECT(fails < ITEMS || taken == ITEMS);
	tpar_window_close(w);
	EXPECT(atomic_load(&arg_drops) == put_so_far);
	EXPECT(fails < ITEMS || atomic_load(&value_drops) == 0);
}

static void
use_outside(void)
{
	fault_begin();
	use_window(pool, TPAR_FOREVER);
	fault_end();
	use_window(pool, TPAR_FOREVER);
}

static void
use_with_deadline(void)
{
	fault_begin();
	use_window(pool, tpar_in(3600 * TPAR_SECOND));
	fault_end();
}

static int
use_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	use_outside();
	return 0;
}

static void
use_inside(void)
{
	unit_run_in(pool, use_task, NULL);
}

static void *
put_all(void *arg)
{
	enum tpar_err err;
	intptr_t i;

	for (i = 0; i < ITEMS; i++) {
		while ((err = put(arg, i, TPAR_FOREVER)) == TPAR_ENOMEM) {
			EXPECT(fault_any());
			fault_end();
		}
		if (err == TPAR_ECLOSED) {
			EXPECT(fails < ITEMS);
			break;
		}
		EXPECT(err == TPAR_OK);
	}
	EXPECT(tpar_window_end(arg) == TPAR_OK);
	return NULL;
}

/* Both sides wait, and there may be nothing to sleep on. */
static void
use_from_two_threads(void)
{
	tpar_window *w = open_window(pool, TPAR_FOREVER);
	pthread_t putter;
	intptr_t i = 0;

	EXPECT(w != NULL);
	fault_begin();
	putter = fault_start(put_all, w);
	while (i < ITEMS && take(w, i)) {
		i++;
	}
	unit_join(putter);
	fault_end();
	EXPECT(i == ITEMS || i <= fails);
	EXPECT(i < ITEMS ||
	       tpar_window_take(w, NULL, TPAR_FOREVER, NULL) == TPAR_EEND);
	tpar_window_close(w);
}

static void (*body)(void);

static void
with_pool(void)
{
	pool = unit_pool(1, 1);
	body();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static long
sweep(void (*what)(void))
{
	long injections;

	body = what;
	fails = ITEMS;
	injections = fault_sweep(with_pool);
	fails = 11;
	return injections + fault_sweep(with_pool);
}

START_TEST(thread_uses_a_window_or_is_refused)
{
	ck_assert_int_ge(sweep(use_outside), 20);
}
END_TEST

START_TEST(window_with_a_deadline_is_opened_or_refused)
{
	ck_assert_int_ge(sweep(use_with_deadline), 20);
}
END_TEST

START_TEST(task_uses_a_window_or_is_refused)
{
	ck_assert_int_ge(sweep(use_inside), 20);
}
END_TEST

START_TEST(threads_that_wait_without_memory_go_on)
{
	ck_assert_int_ge(sweep(use_from_two_threads), 10);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		thread_uses_a_window_or_is_refused,
		window_with_a_deadline_is_opened_or_refused,
		task_uses_a_window_or_is_refused,
		threads_that_wait_without_memory_go_on,
	};

	return fault_main("fault_window", tests, sizeof tests / sizeof tests[0],
			  80);
}
