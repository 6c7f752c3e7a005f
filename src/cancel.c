/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - asking to stop; and what a task says about itself.
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

#include "cancel.h"
#include "err.h"
#include "frame.h"
#include "parker.h"
#include "thread.h"

#include <taskpar/cancel.h>
#include <taskpar/gather.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Tasks of a sweep that need no memory. */
#define SWEEP_FEW 32

struct tpi_sweep {
	struct tpi_frame *frames;  /* their cause has ended, not taken off */
	struct tpar_future **task; /* asked to stop, to be passed on; held */
	size_t count;
	size_t capacity;
	struct tpar_future *few[SWEEP_FEW];
};

static void stop_all(struct tpi_sweep *sweep, struct tpi_frame *frame);

/* Passes a request on to what `task`, which runs and was asked, waits for. */
static void
pass_down(struct tpi_sweep *sweep, struct tpar_future *task)
{
	struct tpi_frame *frame = tpi_frame_pin(task);

	if (frame == NULL) {
		return;
	}
	if (tpi_frame_elect(frame, TPI_STOPPED)) {
		if (frame->kind != TPI_WAIT_ONLY) {
			stop_all(sweep, frame);
		} else if (frame->parker != NULL) {
			tpi_parker_wake(frame->parker);
		}
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

/* false: it had ended. */
static bool
stop(struct tpi_sweep *sweep, struct tpar_future *f)
{
	uintptr_t word;

	if (tpi_future_claim(f)) {
		tpi_future_end_cancelled(f);
		return true;
	}
	word = tpi_state_request_stop(&f->state);
	if (tpi_state_phase(word) == TPI_ENDED) {
		return false;
	}
	if ((word & TPI_CANCEL_REQ) == 0) {
		add_task(sweep, f);
	}
	return true;
}

static void
stop_all(struct tpi_sweep *sweep, struct tpi_frame *frame)
{
	size_t i;

	for (i = 0; i < frame->n; i++) {
		(void)stop(sweep, frame->f[i]);
	}
}

/* The sweep of this thread: the one under way, else `mine`. */
static struct tpi_sweep *
begin(struct tpi_sweep *mine)
{
	struct tpi_thread *self = &tpi_thread_self;

	if (self->sweep == NULL) {
		mine->frames = NULL;
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
	struct tpar_future *task;

	if (tpi_thread_self.sweep != mine) {
		return;
	}
	/* ENDS: each frame elects one cause, each task is asked once. */
	for (;;) {
		if ((frame = mine->frames) != NULL) {
			mine->frames = frame->sweep_next;
			stop_all(mine, frame);
			tpi_frame_member_off(frame);
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

		if (!tpi_frame_blame(frame, f, outcome)) {
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
tpi_cancel(struct tpar_future *f)
{
	struct tpi_sweep mine;
	bool asked = stop(begin(&mine), f);

	end(&mine);
	return asked;
}

enum tpar_err
tpar_future_cancel(tpar_future *f)
{
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	return tpi_cancel(f) ? TPAR_OK : tpi_err_plain(TPAR_EALREADY);
}

bool
tpi_cancel_requested_here(void)
{
	struct tpi_run *run;

	for (run = tpi_thread_self.run; run != NULL; run = run->stopper) {
		if (tpi_cancel_requested(run->task)) {
			return true;
		}
	}
	return false;
}

bool
tpar_cancelled(void)
{
	return tpi_cancel_requested_here();
}

int
tpar_checkpoint(void)
{
	return tpar_cancelled() ? TPAR_ESTOPPED : 0;
}

/* Keeps a copy of `text` as the running task's message. */
static void
keep_message(struct tpi_run *run, const char *text)
{
	struct tpi_arena *arena = tpi_future_home(run->task)->arena;
	size_t size = strlen(text) + 1;
	char *copy = tpi_arena_alloc(arena, size, sizeof(void *));

	if (run->message != NULL) {
		tpi_arena_free(arena, run->message, strlen(run->message) + 1);
	}
	if (copy != NULL) {
		memcpy(copy, text, size);
	}
	run->message = copy;
}

void
tpi_cancel_forget_message(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run != NULL && run->message != NULL) {
		tpi_arena_free(tpi_future_home(run->task)->arena, run->message,
			       strlen(run->message) + 1);
		run->message = NULL;
	}
}

int
tpar_fail(int code, const char *fmt, ...)
{
	struct tpi_run *run = tpi_thread_self.run;
	char text[TPAR_MESSAGE_MAX];
	va_list args;

	if (run != NULL && fmt != NULL) {
		va_start(args, fmt);
		tpi_format(text, sizeof text, fmt, args);
		va_end(args);
		keep_message(run, text);
	}
	return code != 0 ? code : TPAR_EFAILED;
}

int
tpar_fail_from(const struct tpar_failure *why)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (why->code == TPAR_ESTOPPED && why->index == SIZE_MAX) {
		return TPAR_ESTOPPED;
	}
	if (run != NULL) {
		keep_message(run, why->message);
	}
	if (why->code == TPAR_ESTOPPED) {
		return TPAR_ECANCELED; /* a member's end, not the caller's */
	}
	return why->code != 0 ? why->code : TPAR_EFAILED;
}
