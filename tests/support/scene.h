/* SPDX-License-Identifier: MIT */
/*
 * scene.h - what the tests of sets set up: a pool that begins nothing, tasks
 * that run until they are stopped, counted drops.
 */
#ifndef SCENE_H
#define SCENE_H

#include "unit.h"

#include <stdatomic.h>

/*
 * A pool whose one worker is held: what is submitted to it stays pending until
 * a task of another pool that waits for it runs it, or until scene_let_go().
 */
struct scene {
	tpar_pool *pool;
	struct unit_hold hold;
	tpar_future *held;
};

static inline void
scene_stall(struct scene *scene)
{
	struct unit_hold hold = UNIT_HOLD_INIT;

	scene->hold = hold;
	scene->pool = unit_pool(1, 1);
	scene->held = unit_submit(scene->pool, unit_hold_task, &scene->hold, 0);
	unit_gate_await(&scene->hold.begun, 1);
}

static inline void
scene_let_go(struct scene *scene)
{
	unit_gate_open(&scene->hold.go);
}

/* After scene_let_go(): runs what is left, and the pool goes. */
static inline void
scene_end(struct scene *scene)
{
	ck_assert_int_eq(tpar_pool_destroy(scene->pool), TPAR_OK);
	tpar_future_unref(scene->held);
}

/* A task that says it has begun, then runs until it is asked to stop. */
static inline int
scene_until_stopped(void *arg, void *value)
{
	struct unit_hold *hold = arg;

	(void)value;
	unit_gate_open(&hold->begun);
	UNIT_AWAIT(tpar_cancelled());
	return hold->code;
}

static inline int
scene_return(void *arg, void *value)
{
	(void)value;
	return (int)(intptr_t)arg;
}

/* Fails with its argument as its code, and says so. */
static inline int
scene_fail_with(void *arg, void *value)
{
	int code = scene_return(arg, value);

	return tpar_fail(code, "code %d", code);
}

static inline int
scene_open_gate(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	return 0;
}

static _Atomic int scene_arg_drops;
static _Atomic int scene_value_drops;

static inline void
scene_drop_arg(void *arg)
{
	(void)arg;
	atomic_fetch_add(&scene_arg_drops, 1);
}

static inline void
scene_drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&scene_value_drops, 1);
}

/* A task whose argument and value have counted drops. */
static inline struct tpar_task
scene_droppable(tpar_task_fn fn, void *arg, size_t value_size)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.value_size = value_size;
	task.drop_arg = scene_drop_arg;
	task.drop_value = scene_drop_value;
	task.name = "droppable";
	return task;
}

static inline tpar_future *
scene_submit_droppable(tpar_pool *pool, tpar_task_fn fn, void *arg,
		       size_t value_size)
{
	struct tpar_task task = scene_droppable(fn, arg, value_size);

	return unit_submit_task(pool, &task);
}

/* Only a thread that is free begins it, never one that waits for it. */
static inline tpar_future *
scene_submit_elsewhere(tpar_pool *pool, tpar_task_fn fn, void *arg,
		       size_t value_size)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = arg;
	task.value_size = value_size;
	task.flags = TPAR_NO_INLINE;
	return unit_submit_task(pool, &task);
}

#endif
