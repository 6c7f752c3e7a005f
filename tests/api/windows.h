/* SPDX-License-Identifier: MIT */
/*
 * windows.h - what the tests of windows have in common: numbers as items.
 */
#ifndef WINDOWS_H
#define WINDOWS_H

#include "scene.h"

#include <string.h>

static inline tpar_window *
window_in(tpar_pool *pool, size_t width)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *w = NULL;

	config.pool = pool;
	config.width = width;
	config.value_size = sizeof(intptr_t);
	UNIT_MUST(tpar_window_open(&w, &config) == TPAR_OK);
	return w;
}

/* An item whose value, if it has one, is intptr_t. */
static inline enum tpar_err
window_put(tpar_window *w, tpar_task_fn fn, void *arg, int64_t deadline_ns)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.value_size = sizeof(intptr_t);
	task.name = "item";
	return tpar_window_put(w, &task, deadline_ns);
}

static inline enum tpar_err
window_put_number(tpar_window *w, intptr_t number, int64_t deadline_ns)
{
	return window_put(w, unit_number_task, (void *)number, deadline_ns);
}

/* With counted drops of its argument and its value. */
static inline enum tpar_err
window_put_droppable(tpar_window *w, tpar_task_fn fn, void *arg,
		     int64_t deadline_ns)
{
	struct tpar_task task = scene_droppable(fn, arg, sizeof(intptr_t));

	return tpar_window_put(w, &task, deadline_ns);
}

/* The next item, which is there or will come, must be this number. */
static inline void
window_take_number(tpar_window *w, intptr_t number)
{
	intptr_t value = -1;

	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_FOREVER, NULL),
			 TPAR_OK);
	ck_assert_int_eq(value, number);
}

/* Nothing is there, and nothing will come. */
static inline void
window_take_end(tpar_window *w)
{
	intptr_t value = 77;

	ck_assert_int_eq(tpar_window_take(w, &value, TPAR_FOREVER, NULL),
			 TPAR_EEND);
	ck_assert_int_eq(value, 77);
}

#endif
