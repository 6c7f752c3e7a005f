/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - asking to stop: the sweep that passes it on.
 *
 * A request goes down the tree of waits: from a running task to the members of
 * the gather it is in, which is pinned meanwhile, and from those that run on to
 * theirs.  The one who asks and the task that is about to wait meet in G3: he
 * sees its frame, or it sees that it was asked and cancels its members itself.
 *
 * A member that is cancelled may be the cause of another gather, whose siblings
 * are then to be cancelled, and so on: what is still to be done stands in one
 * list per thread, the sweep, so that no depth of waits is one of the stack.
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "fork.h"
#include "frame.h"
#include "handler.h"
#include "parker.h"
#include "scope.h"
#include "thread.h"

#include <taskpar/future.h>

#include <stdlib.h>
#include <string.h>

/* Tasks of a sweep that need no memory. */
#define SWEEP_FEW 32

struct tpi_sweep {
	struct tpi_frame *frames;  /* their cause has ended, not taken off */
	struct tpar_group *groups; /* whose cause was elected; held */
	struct tpar_future **task; /* asked to stop, to be passed on; held */
	size_t count;
	size_t capacity;
	struct tpar_future *few[SWEEP_FEW];
};

static void stop_all(struct tpi_sweep *sweep, struct tpi_frame *frame);

/* The first reason stays.  A hint for people: it orders nothing. */
static void
give_reason(struct tpar_future *f, enum tpi_reason reason)
{
	uint32_t pins = tpi_load_relaxed(&f->pins);

	/* ENDS: pins are few, and a reason is given once. */
	while ((pins & TPI_PINS_REASON) == 0 &&
	       !atomic_compare_exchange_weak_explicit(
		       &f->pins, &pins,
		       pins | (uint32_t)reason << TPI_PINS_REASON_SHIFT,
		       memory_order_relaxed, memory_order_relaxed)) {
	}
}

/* Its owner looks around at that: a plain wait ends, a race is an edge now. */
static void
tell_decided(struct tpi_frame *frame)
{
	if ((!tpi_frame_is_set(frame) || frame->kind == TPI_WAIT_RACE) &&
	    frame->parker != NULL) {
		tpi_parker_wake(frame->parker);
	}
}

/* Passes a request on to what `task`, which runs and was asked, waits for. */
static void
pass_down(struct tpi_sweep *sweep, struct tpar_future *task)
{
	struct tpi_frame *frame;

	tpi_handler_stop(task);
	frame = tpi_frame_pin(task);
	if (frame == NULL) {
		return;
	}
	if (!frame->shielded && tpi_frame_elect(frame, TPI_STOPPED)) {
		if (tpi_frame_is_set(frame)) {
			stop_all(sweep, frame);
		}
		tell_decided(frame);
	}
	tpi_frame_unpin(task);
}

static bool
grow(struct tpi_sweep *sweep)
{
	size_t size = sweep->capacity * sizeof(struct tpar_future *);
	struct tpar_future **more = malloc(2 * size);

	if (more == NULL) {
		return false;
	}
	memcpy(more, sweep->task, size);
	if (sweep->task != sweep->few) {
		free(sweep->task);
	}
	sweep->task = more;
	sweep->capacity *= 2;
	return true;
}

/* To be passed on later; without memory, now, on top of this. */
static void
add_task(struct tpi_sweep *sweep, struct tpar_future *f)
{
	tpi_future_retain(f);
	if (sweep->count < sweep->capacity || grow(sweep)) {
		sweep->task[sweep->count++] = f;
		return;
	}
	pass_down(sweep, f);
	tpi_future_release(f);
}

/* true: it had not begun, and has ended now. */
static bool
end_pending(struct tpar_future *f, enum tpi_reason reason)
{
	if (!tpi_future_claim(f)) {
		return false;
	}
	give_reason(f, reason);
	tpi_future_end_cancelled(f);
	return true;
}

/* false: it had ended. */
static bool
stop(struct tpi_sweep *sweep, struct tpar_future *f, enum tpi_reason reason)
{
	uintptr_t word;

	if (end_pending(f, reason)) {
		return true;
	}
	if (tpi_state_peek(&f->state) == TPI_ENDED) {
		return false;
	}
	give_reason(f, reason);
	word = tpi_state_request_stop(&f->state);
	if (tpi_state_phase(word) == TPI_ENDED) {
		return false;
	}
	if ((word & TPI_CANCEL_REQ) == 0) {
		add_task(sweep, f);
	}
	return true;
}

/* Why the members of a frame are cancelled. */
static enum tpi_reason
reason_of(struct tpi_frame *frame)
{
	switch (tpi_frame_cause(frame)) {
	case TPI_STOPPED:
		return TPI_REASON_WAITER;
	case TPI_TIMED_OUT:
		return TPI_REASON_DEADLINE;
	case TPI_DEADLOCKED:
	case TPI_USED_UP:
		return TPI_REASON_STUCK;
	default:
		return frame->kind == TPI_WAIT_RACE ? TPI_REASON_LOST
						    : TPI_REASON_FAILURE;
	}
}

static void
add_group(struct tpi_sweep *sweep, struct tpar_group *group)
{
	tpi_scope_hold(group);
	group->sweep_next = sweep->groups;
	sweep->groups = group;
}

static void
stop_all(struct tpi_sweep *sweep, struct tpi_frame *frame)
{
	enum tpi_reason reason = reason_of(frame);
	size_t i;

	/* A close looks at some children at a time; all are meant. */
	if (frame->group != NULL) {
		if (tpi_scope_elect(frame->group, tpi_frame_cause(frame))) {
			add_group(sweep, frame->group);
		}
		return;
	}
	/* First all that have not begun: a thread that stops takes the next. */
	for (i = 0; i < frame->n; i++) {
		if (!tpi_future_is_shielded(frame->f[i])) {
			(void)end_pending(frame->f[i], reason);
		}
	}
	for (i = 0; i < frame->n; i++) {
		if (!tpi_future_is_shielded(frame->f[i])) {
			(void)stop(sweep, frame->f[i], reason);
		}
	}
}

static void
stop_group(struct tpi_sweep *sweep, struct tpar_group *group)
{
	enum tpi_reason reason = tpi_scope_reason(group);
	struct tpar_future *f;

	/* ENDS: no child enters any more, and each comes once. */
	while ((f = tpi_scope_next_to_stop(group)) != NULL) {
		if (!tpi_future_is_shielded(f)) {
			(void)stop(sweep, f, reason);
		}
		tpi_future_release(f);
	}
	tpi_scope_let_go(group);
}

/* The sweep of this thread: the one under way, else `mine`. */
static struct tpi_sweep *
begin(struct tpi_sweep *mine)
{
	struct tpi_thread *self = &tpi_thread_self;

	if (self->sweep == NULL) {
		mine->frames = NULL;
		mine->groups = NULL;
		mine->task = mine->few;
		mine->count = 0;
		mine->capacity = SWEEP_FEW;
		self->sweep = mine;
	}
	return self->sweep;
}

/* Does all that there is to do, if it is `mine`. */
static void
end(struct tpi_sweep *mine)
{
	struct tpi_frame *frame;
	struct tpar_group *group;
	struct tpar_future *task;

	if (tpi_thread_self.sweep != mine) {
		return;
	}
	/* ENDS: each frame elects one cause, each task is asked once. */
	for (;;) {
		if ((frame = mine->frames) != NULL) {
			mine->frames = frame->sweep_next;
			stop_all(mine, frame);
			tell_decided(frame);
			tpi_frame_member_off(frame);
		} else if ((group = mine->groups) != NULL) {
			mine->groups = group->sweep_next;
			stop_group(mine, group);
		} else if (mine->count > 0) {
			task = mine->task[--mine->count];
			pass_down(mine, task);
			tpi_future_release(task);
		} else {
			break;
		}
	}
	tpi_thread_self.sweep = NULL;
	if (mine->task != mine->few) {
		free(mine->task);
	}
	tpi_after_run();
}

void
tpi_cancel_members(struct tpi_frame *frame)
{
	struct tpi_sweep mine;

	stop_all(begin(&mine), frame);
	end(&mine);
}

struct tpi_waiter *
tpi_cancel_siblings(struct tpi_waiter *waiter, struct tpar_future *f,
		    unsigned outcome)
{
	struct tpi_waiter *others = waiter;
	struct tpi_waiter *before = NULL;
	struct tpi_sweep mine;
	struct tpi_sweep *sweep = begin(&mine);

	for (; waiter != NULL; waiter = waiter->next) {
		struct tpi_frame *frame = waiter->frame;

		if (frame == NULL || !tpi_frame_blame(frame, f, outcome)) {
			before = waiter;
			continue;
		}
		if (before == NULL) {
			others = waiter->next;
		} else {
			before->next = waiter->next;
		}
		frame->sweep_next = sweep->frames;
		sweep->frames = frame;
	}
	end(&mine);
	return others;
}

bool
tpi_cancel_rivals(struct tpi_frame *frame, struct tpar_future *f,
		  unsigned outcome)
{
	struct tpi_sweep mine;
	struct tpi_sweep *sweep;

	if (frame->kind == TPI_WAIT_ANY) {
		(void)tpi_frame_elect(frame, (uintptr_t)f);
		return false;
	}
	if (outcome != TPI_DONE || !tpi_frame_blame(frame, f, outcome)) {
		return false;
	}
	sweep = begin(&mine);
	frame->sweep_next = sweep->frames;
	sweep->frames = frame;
	end(&mine);
	return true;
}

void
tpi_cancel_group(struct tpar_group *group)
{
	struct tpi_sweep mine;

	add_group(begin(&mine), group);
	end(&mine);
}

bool
tpi_cancel(struct tpar_future *f, enum tpi_reason reason)
{
	struct tpi_sweep mine;
	bool asked = stop(begin(&mine), f, reason);

	end(&mine);
	return asked;
}

enum tpar_err
tpar_future_cancel(tpar_future *f)
{
	tpi_audit_use(f, "tpar_future_cancel()");
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	tpi_fork_look(f);
	return tpi_cancel(f, TPI_REASON_ASKED) ? TPAR_OK
					       : tpi_err_plain(TPAR_EALREADY);
}

const char *
tpi_cancel_reason_of(const struct tpar_future *f)
{
	uint32_t pins = tpi_load_relaxed(&((struct tpar_future *)f)->pins);
	/* Its group and its pool may be gone then. */
	bool ended = tpi_state_phase(tpi_state_get(&f->state)) == TPI_ENDED;

	switch ((pins & TPI_PINS_REASON) >> TPI_PINS_REASON_SHIFT) {
	case TPI_REASON_ASKED:
		return "it was asked to stop";
	case TPI_REASON_FAILURE:
		return "another one has failed";
	case TPI_REASON_WAITER:
		return "what waits for it was asked to stop";
	case TPI_REASON_DEADLINE:
		return "the deadline has passed";
	case TPI_REASON_GROUP:
		return tpi_scope_text(ended ? NULL : tpi_future_ext(f)->group);
	case TPI_REASON_LOST:
		return "another one has won the race";
	case TPI_REASON_STUCK:
		return "waiting for it would never have ended";
	default:
		if (!ended && tpi_intake_is_dead(f->intake)) {
			return "this is the child of a fork";
		}
		return !ended && tpi_load_relaxed(&f->intake->closed) >=
					       TPI_CANCELLING
			       ? "its pool was cancelled"
			       : NULL;
	}
}
