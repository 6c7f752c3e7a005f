/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - what tests of blocking tasks share.
 */
#ifndef BLOCKING_H
#define BLOCKING_H

#include "unit.h"

#include <string.h>

static inline struct tpar_task
blocking_of(tpar_task_fn fn, void *arg)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.flags = TPAR_BLOCKING;
	return task;
}

static inline tpar_future *
blocking_submit(tpar_pool *pool, tpar_task_fn fn, void *arg)
{
	struct tpar_task task = blocking_of(fn, arg);

	return unit_submit_task(pool, &task);
}

/* Many tasks that say that they have begun, then wait to be let go. */
static inline void
blocking_hold(tpar_pool *pool, struct unit_hold *hold, tpar_future **f,
	      unsigned n)
{
	struct tpar_task task = blocking_of(unit_hold_task, hold);

	UNIT_MUST(tpar_submit_many(pool, &task, NULL, 0, n, f) == TPAR_OK);
}

/* All are released. */
static inline void
blocking_end(tpar_future **f, unsigned n)
{
	UNIT_MUST(tpar_gather(f, n, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, n);
}

static inline int
blocking_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

/* As a task: which thread runs it. */
static inline int
blocking_thread(void *arg, void *value)
{
	(void)value;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

/* As a task: opens its argument, a gate. */
static inline int
blocking_open(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	return 0;
}

#endif
