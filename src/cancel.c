/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - asking to stop; and what a task says about itself.
 *
 * A request goes down the tree of waits: from a running task to the members of
 * the gather it is in, which is pinned meanwhile, and from those that run on to
 * theirs.  The one who asks and the task that is about to wait meet in G3: he
 * sees its frame, or it sees that it was asked and cancels its members itself.
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
#include <string.h>

static struct tpar_future *stop_members(struct tpi_frame *frame);

/*
 * Passes a request on to what `task`, which runs and was asked to stop, waits
 * for.  Goes down a chain of waits without recursion; recurses where a set has
 * several running members, which need a thread each.
 */
static void
pass_down(struct tpar_future *task)
{
	struct tpar_future *next;
	struct tpi_frame *frame;

	tpi_future_retain(task);
	for (; task != NULL; task = next) {
		next = NULL;
		frame = tpi_frame_pin(task);
		if (frame != NULL) {
			if (tpi_frame_elect(frame, TPI_STOPPED)) {
				if (frame->kind != TPI_WAIT_ONLY) {
					next = stop_members(frame);
				} else if (frame->parker != NULL) {
					tpi_parker_wake(frame->parker);
				}
			}
			tpi_frame_unpin(task);
		}
		tpi_future_release(task);
	}
}

/* Returns the last member that was asked to stop and runs, retained. */
static struct tpar_future *
stop_members(struct tpi_frame *frame)
{
	struct tpar_future *last = NULL;
	size_t i;

	for (i = 0; i < frame->n; i++) {
		struct tpar_future *f = frame->f[i];
		uintptr_t word;

		if (tpi_future_claim(f)) {
			tpi_future_end_cancelled(f);
			continue;
		}
		word = tpi_state_request_stop(&f->state);
		if (tpi_state_phase(word) == TPI_ENDED ||
		    (word & TPI_CANCEL_REQ) != 0) {
			continue;
		}
		tpi_future_retain(f);
		if (last != NULL) {
			pass_down(last);
			tpi_future_release(last);
		}
		last = f;
	}
	return last;
}

void
tpi_cancel_members(struct tpi_frame *frame)
{
	struct tpar_future *last = stop_members(frame);

	if (last != NULL) {
		pass_down(last);
		tpi_future_release(last);
	}
}

bool
tpi_cancel(struct tpar_future *f)
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
		pass_down(f);
	}
	return true;
}

enum tpar_err
tpar_future_cancel(tpar_future *f)
{
	if (f == NULL) {
		return TPAR_EINVAL;
	}
	return tpi_cancel(f) ? TPAR_OK : TPAR_EALREADY;
}

bool
tpi_cancel_requested(struct tpar_future *task)
{
	return (tpi_load_relaxed(&task->state.word) & TPI_CANCEL_REQ) != 0 ||
	       tpi_load_relaxed(&task->intake->closed) == TPI_CANCELLING;
}

bool
tpar_cancelled(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	return run != NULL && tpi_cancel_requested(run->task);
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
	struct tpi_arena *arena = run->task->home->arena;
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
		tpi_arena_free(run->task->home->arena, run->message,
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
