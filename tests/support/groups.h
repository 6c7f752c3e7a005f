/* SPDX-License-Identifier: MIT */
/*
 * groups.h - what the tests of groups share: opening them, children with a
 * handle, a child that keeps what it is told when it is stopped.
 */
#ifndef GROUPS_H
#define GROUPS_H

#include "scene.h"

#include <string.h>

static inline tpar_group *
group_until(tpar_pool *pool, int64_t deadline_ns)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g = NULL;

	config.pool = pool;
	config.deadline_ns = deadline_ns;
	UNIT_MUST(tpar_group_open(&g, &config) == TPAR_OK);
	return g;
}

static inline tpar_group *
group_in(tpar_pool *pool)
{
	return group_until(pool, TPAR_FOREVER);
}

static inline tpar_future *
group_submit_flagged(tpar_group *g, tpar_task_fn fn, void *arg, unsigned flags)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;

	task.fn = fn;
	task.arg = arg;
	task.flags = flags;
	task.name = "child";
	UNIT_MUST(tpar_group_submit(g, &task, &f) == TPAR_OK);
	return f;
}

static inline tpar_future *
group_submit(tpar_group *g, tpar_task_fn fn, void *arg)
{
	return group_submit_flagged(g, fn, arg, 0);
}

static inline void
group_run(tpar_group *g, tpar_task_fn fn, void *arg)
{
	UNIT_MUST(tpar_group_run(g, fn, arg) == TPAR_OK);
}

/* Closes and destroys it.  Returns what close did; *failures may be NULL. */
static inline enum tpar_err
group_end(tpar_group *g, size_t *failures)
{
	enum tpar_err err = tpar_group_close(g, NULL, 0, failures);

	tpar_group_destroy(g);
	return err;
}

/* Runs until it is stopped and keeps what it is told about that. */
struct group_listener {
	struct unit_hold hold;
	char reason[TPAR_MESSAGE_MAX];
	struct unit_gate told; /* opened when reason is there */
};

static inline struct group_listener
group_listener(int code)
{
	struct group_listener listener = { .hold = UNIT_HOLD_INIT,
					   .told = UNIT_GATE_INIT };

	listener.hold.code = code;
	return listener;
}

static inline int
group_listen(void *arg, void *value)
{
	struct group_listener *self = arg;
	const char *reason;

	(void)scene_until_stopped(&self->hold, value);
	reason = tpar_cancel_reason();
	UNIT_MUST(reason != NULL);
	snprintf(self->reason, sizeof self->reason, "%s", reason);
	unit_gate_open(&self->told);
	return self->hold.code;
}

#endif
