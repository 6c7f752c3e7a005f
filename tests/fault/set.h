/* SPDX-License-Identifier: MIT */
/*
 * set.h - more members than a frame has nodes for without memory, all of them
 * waited for by somebody already, so that each further wait needs the nodes.
 */
#ifndef SET_H
#define SET_H

#include "fault.h"

#include "src/frame.h"

#include <taskpar/cancel.h>

enum { MEMBERS = 300, SET_CODE = 5 };

struct set {
	tpar_pool *pool; /* of the members; one worker, held */
	struct unit_hold hold;
	tpar_future *held;
	tpar_future *f[MEMBERS];
	_Atomic int runs;
	intptr_t fails;	 /* the member that does, or none */
	pthread_t first; /* who waited first */
	struct tpi_waiter *newest;
};

/* A member's argument. */
struct set_member {
	struct set *set;
	intptr_t number;
};

static struct set_member set_member[MEMBERS];

static inline int
set_run_member(void *arg, void *value)
{
	struct set_member *self = arg;

	atomic_fetch_add(&self->set->runs, 1);
	*(intptr_t *)value = self->number;
	return self->number == self->set->fails
		       ? tpar_fail(SET_CODE, "the member that fails")
		       : 0;
}

/* From outside, or from a task with pool NULL. */
static inline void
set_submit(struct set *set, tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	intptr_t i;

	task.fn = set_run_member;
	task.value_size = sizeof i;
	for (i = 0; i < MEMBERS; i++) {
		set_member[i] = (struct set_member) { set, i };
		task.arg = &set_member[i];
		set->f[i] = unit_submit_task(pool, &task);
	}
}

static inline struct tpi_waiter *
set_newest_waiter(struct set *set)
{
	tpar_future *last = set->f[MEMBERS - 1];

	return tpi_state_waiters(tpi_state_get(&last->state));
}

/* ENDS: somebody has registered with the last member, or could not. */
static inline void
set_await_waiter(struct set *set)
{
	UNIT_AWAIT(set_newest_waiter(set) != set->newest || fault_any());
	set->newest = set_newest_waiter(set);
}

static void *
set_wait_first(void *arg)
{
	struct set *set = arg;

	EXPECT(tpar_wait_all(set->f, MEMBERS, TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

/* All members get their first waiter. */
static inline void
set_begin_waiting(struct set *set)
{
	set->newest = NULL;
	set->first = fault_start(set_wait_first, set);
	set_await_waiter(set);
}

static inline void
set_clear(struct set *set, intptr_t fails)
{
	memset(set, 0, sizeof *set);
	set->fails = fails;
	set->hold = (struct unit_hold)UNIT_HOLD_INIT;
}

/* Members that only their pool's worker may run, and does not yet. */
static inline void
set_make(struct set *set, intptr_t fails)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	set_clear(set, fails);
	config.workers = 1;
	config.blocking_limit = 1;
	config.stack_size = (size_t)256 * 1024;
	config.own_threads_only = true;
	EXPECT(tpar_pool_create(&set->pool, &config) == TPAR_OK);
	set->held = unit_submit(set->pool, unit_hold_task, &set->hold, 0);
	unit_gate_await(&set->hold.begun, 1);
	set_submit(set, set->pool);
	set_begin_waiting(set);
}

static inline void
set_let_go(struct set *set)
{
	unit_gate_open(&set->hold.go);
}

/* All members have ended, each once. */
static inline void
set_free(struct set *set)
{
	int cancelled = 0;
	int i;

	fault_end();
	unit_join(set->first);
	for (i = 0; i < MEMBERS; i++) {
		enum tpar_state state = tpar_future_state(set->f[i]);

		EXPECT(state == (i == set->fails ? TPAR_FAILED : TPAR_DONE) ||
		       state == TPAR_CANCELLED);
		cancelled += state == TPAR_CANCELLED;
	}
	EXPECT(atomic_load(&set->runs) + cancelled == MEMBERS);
	tpar_future_unref_all(set->f, MEMBERS);
	tpar_future_unref(set->held);
	EXPECT(tpar_pool_destroy(set->pool) == TPAR_OK);
}

#endif
