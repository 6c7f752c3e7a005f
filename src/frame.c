/* SPDX-License-Identifier: MIT */
/*
 * frame.c - registering a wait with its members, taking it off again, and
 * telling it that a member has ended.
 *
 * A list of waiters is pushed to by anybody and taken as a whole by whoever
 * ends the future.  In between, nodes are taken out of it only under a removal
 * lock (one of a few, by the future's address) and after REMOVAL was set: the
 * one who ends the future then passes through that lock before he walks the
 * list.  doc/STATES.md#removal.
 */
#include "config.h"

#include "after.h"
#include "cancel.h"
#include "frame.h"
#include "lock.h"
#include "parker.h"
#include "thread.h"

#include <stdlib.h>

/* A page of nodes. */
#define NODES 125

struct tpi_nodes {
	struct tpi_nodes *next;
	size_t used;
	struct tpi_waiter node[NODES];
};

#define REMOVAL_LOCKS 16
#define L TPI_LOCK_INIT(TPI_RANK_REMOVAL)
static struct tpi_lock removal_lock[REMOVAL_LOCKS] = { L, L, L, L, L, L, L, L,
						       L, L, L, L, L, L, L, L };
#undef L

static struct tpi_lock *
removal_lock_of(struct tpar_future *f)
{
	return &removal_lock[((uintptr_t)f >> 7) % REMOVAL_LOCKS];
}

void
tpi_frame_init(struct tpi_frame *frame, enum tpi_wait_kind kind,
	       tpar_future *const *f, size_t n)
{
	frame->self.next = NULL;
	frame->self.frame = frame;
	atomic_init(&frame->left, (int64_t)n + 1);
	atomic_init(&frame->cause, 0);
	atomic_init(&frame->back, (int64_t)n - 1);
	atomic_init(&frame->begun, 0);
	atomic_init(&frame->owner, (uintptr_t)&tpi_thread_self);
	frame->parker = tpi_thread_parker();
	frame->then = NULL;
	frame->f = f;
	frame->n = n;
	frame->own = 0;
	frame->kind = kind;
	frame->nodes = NULL;
	frame->task = tpi_thread_self.run ? tpi_thread_self.run->task : NULL;
	frame->group = NULL;
	frame->shielded =
		tpi_thread_self.run != NULL && tpi_thread_self.run->shield > 0;
	frame->tied = false;
	frame->outer = NULL;
	frame->spare_used = false;
	frame->sweep_next = NULL;
	atomic_init(&frame->timed, 0);
	atomic_init(&frame->given_up, TPI_GIVEN_UP_NONE);
	atomic_init(&frame->pool, NULL);
	atomic_init(&frame->on_top, NULL);
	atomic_init(&frame->first_bad, NULL);
}

void
tpi_frame_fini(struct tpi_frame *frame)
{
	struct tpi_nodes *nodes;

	while ((nodes = frame->nodes) != NULL) {
		frame->nodes = nodes->next;
		free(nodes);
	}
}

static struct tpi_waiter *
get_node(struct tpi_frame *frame)
{
	struct tpi_nodes *nodes = frame->nodes;

	if (!frame->spare_used) {
		frame->spare_used = true;
		return &frame->spare;
	}
	if (nodes == NULL || nodes->used == NODES) {
		nodes = aligned_alloc(_Alignof(struct tpi_nodes),
				      sizeof *nodes);
		if (nodes == NULL) {
			return NULL;
		}
		nodes->next = frame->nodes;
		nodes->used = 0;
		frame->nodes = nodes;
	}
	return &nodes->node[nodes->used++];
}

static enum tpi_registered
register_node(struct tpi_frame *frame, struct tpar_future *f)
{
	struct tpi_waiter *node = get_node(frame);
	uintptr_t w;

	if (node == NULL) {
		return TPI_NO_MEMORY;
	}
	node->frame = frame;
	w = tpi_state_push_waiter(&f->state, node, &node->next);
	return tpi_state_phase(w) == TPI_ENDED ? TPI_HAD_ENDED : TPI_REGISTERED;
}

enum tpi_registered
tpi_frame_register(struct tpi_frame *frame, struct tpar_future *f)
{
	uintptr_t w = tpi_state_push_waiter(&f->state, &frame->self, NULL);

	if (tpi_state_phase(w) == TPI_ENDED) {
		return TPI_HAD_ENDED;
	}
	if (tpi_state_waiters(w) == NULL) {
		return TPI_REGISTERED;
	}
	return register_node(frame, f);
}

/* One walk.  false: the newest waiter changed meanwhile, walk again. */
static bool
remove_once(struct tpi_frame *frame, struct tpar_future *f, size_t *removed)
{
	uintptr_t w = tpi_state_mark_removal(&f->state);
	struct tpi_waiter *before = NULL;
	struct tpi_waiter *waiter;
	struct tpi_waiter *next;

	if (tpi_state_phase(w) == TPI_ENDED) {
		return true;
	}
	for (waiter = tpi_state_waiters(w); waiter != NULL; waiter = next) {
		next = waiter->next;
		if (waiter->frame != frame) {
			before = waiter;
		} else if (before != NULL) {
			before->next = next;
			(*removed)++;
		} else if (tpi_state_replace_waiter(&f->state, waiter, next)) {
			(*removed)++;
		} else {
			return false;
		}
	}
	return true;
}

size_t
tpi_frame_unregister(struct tpi_frame *frame, struct tpar_future *f)
{
	struct tpi_lock *lock = removal_lock_of(f);
	size_t removed = 0;

	tpi_lock_enter(lock);
	/* ENDS: waiters are pushed a finite number of times. */
	while (!remove_once(frame, f, &removed)) {
	}
	tpi_lock_leave(lock);
	return removed;
}

bool
tpi_frame_is_registered(struct tpi_frame *frame, struct tpar_future *f)
{
	struct tpi_lock *lock = removal_lock_of(f);
	struct tpi_waiter *waiter = NULL;
	uintptr_t w;

	tpi_lock_enter(lock);
	/* So that who ends it waits for this walk, too. */
	w = tpi_state_mark_removal(&f->state);
	if (tpi_state_phase(w) != TPI_ENDED) {
		waiter = tpi_state_waiters(w);
	}
	while (waiter != NULL && waiter->frame != frame) {
		waiter = waiter->next;
	}
	tpi_lock_leave(lock);
	return waiter != NULL;
}

void
tpi_frame_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_PREPARE) {
		tpi_lock_enter_all(removal_lock, REMOVAL_LOCKS);
	} else {
		tpi_lock_leave_all(removal_lock, REMOVAL_LOCKS);
	}
}

void
tpi_frame_await_removal(struct tpar_future *f)
{
	struct tpi_lock *lock = removal_lock_of(f);

	tpi_lock_enter(lock);
	tpi_lock_leave(lock);
}

void
tpi_frame_member_off(struct tpi_frame *frame)
{
	struct tpi_parker *parker = frame->parker;
	struct tpi_callback *then = frame->then;
	bool any = frame->kind == TPI_WAIT_ANY;

	if (tpi_load_relaxed(&frame->owner) == (uintptr_t)&tpi_thread_self) {
		frame->own++;
		return;
	}
	/* RELEASE POINT: frame is gone once the last member is taken off. */
	if (!tpi_frame_take_off(frame, 1) && !any) {
		return;
	}
	if (parker != NULL) {
		tpi_parker_wake(parker);
	} else if (TPI_UNLIKELY(then != NULL)) {
		tpi_after_due(then);
	}
}

bool
tpi_frame_blame(struct tpi_frame *frame, struct tpar_future *f,
		unsigned outcome)
{
	uintptr_t cause = (uintptr_t)f;
	struct tpar_future *none = NULL;

	if (frame->kind == TPI_WAIT_RACE) {
		if (outcome == TPI_DONE) {
			return tpi_frame_elect(frame, cause);
		}
		/* ORDER G4 acq_rel -- tpi_frame_first_bad() */
		(void)atomic_compare_exchange_strong_explicit(
			&frame->first_bad, &none, f, memory_order_acq_rel,
			memory_order_relaxed);
		return false;
	}
	if (frame->kind != TPI_WAIT_GATHER || outcome == TPI_DONE) {
		return false;
	}
	if (outcome == TPI_CANCELLED && frame->task != NULL &&
	    !frame->shielded && tpi_cancel_requested(frame->task)) {
		cause = TPI_STOPPED;
	}
	return tpi_frame_elect(frame, cause);
}
