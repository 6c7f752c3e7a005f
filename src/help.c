/* SPDX-License-Identifier: MIT */
/*
 * help.c - running, on top of a waiting task, what it waits for indirectly.
 *
 * The waiting task x waits for a running f; f waits in a gather for the members
 * of its frame, and publishing that frame was its commitment to wait for all of
 * them.  So x waits for them already, and running one here adds no edge to the
 * graph of waits.  Members are claimed from the back, while f's own thread
 * claims from the front.  Model: tests/model/help.c.
 */
#include "config.h"

#include "block.h"
#include "future.h"
#include "help.h"
#include "pool.h"
#include "run.h"
#include "worker.h"

/* How deep to look for something to help with. */
#define HELP_DEPTH 64
/* Members looked at in one round. */
#define HELP_BREADTH 4

/* Claims a member that `frame`, pinned, has not begun, from the back. */
static struct tpar_future *
claim_from_back(struct tpi_worker *w, struct tpi_frame *frame,
		struct tpi_watch *watch)
{
	int64_t i;

	while (tpi_load_relaxed(&frame->back) >= 0 &&
	       tpi_load_relaxed(&frame->cause) == 0) {
		struct tpar_future *f;

		i = atomic_fetch_sub_explicit(&frame->back, 1,
					      memory_order_relaxed);
		if (i < 0) {
			break;
		}
		f = frame->f[i];
		if (tpi_state_peek(&f->state) == TPI_PENDING &&
		    tpi_help_may_run(w, f) && tpi_run_claim(w, f, watch)) {
			tpi_future_retain(f);
			return f;
		}
	}
	return NULL;
}

/* A member of `frame`, pinned, that runs and is itself in a wait; held. */
static struct tpar_future *
find_waiting(struct tpi_frame *frame)
{
	size_t i;

	for (i = 0; i < frame->n && i < HELP_BREADTH; i++) {
		struct tpar_future *f = frame->f[frame->n - 1 - i];

		if (tpi_state_peek(&f->state) == TPI_RUNNING &&
		    tpi_load_relaxed(&f->cur) != NULL) {
			tpi_future_retain(f);
			return f;
		}
	}
	return NULL;
}

/*
 * Runs one task that `f`, which runs, waits for in a gather, or that one of
 * those waits for, and so on down.  Publishing the frame was f's commitment to
 * wait for the whole set, so the calling task waits for it already.  If f gives
 * a member up all the same, on a cycle, that one still runs on top of the
 * calling task, which says so (tpi_frame_cover()).
 */
static bool
help(struct tpi_wait *wait, struct tpar_future *f)
{
	struct tpi_worker *w = wait->worker;
	struct tpar_future *found = NULL;
	struct tpar_future *next;
	struct tpi_watch watch;
	struct tpi_frame *frame;
	bool bound = true; /* a stop of the calling task is meant for it, too */
	int depth;

	if (tpi_load_relaxed(&f->cur) == NULL) {
		return false;
	}
	tpi_future_retain(f);
	for (depth = 0; f != NULL && depth < HELP_DEPTH; depth++, f = next) {
		next = NULL;
		bound = bound && !tpi_future_is_shielded(f);
		frame = tpi_frame_pin(f);
		if (frame != NULL) {
			bound = bound && !frame->shielded;
			if (tpi_frame_is_set(frame)) {
				found = claim_from_back(w, frame, &watch);
				next = found ? NULL : find_waiting(frame);
			}
			tpi_frame_unpin(f);
		}
		tpi_future_release(f);
	}
	if (f != NULL) {
		tpi_future_release(f);
	}
	if (found == NULL) {
		return false;
	}
	tpi_frame_cover(wait->frame, found);
	wait->found = found;
	tpi_run_call(found, &watch, bound);
	tpi_block_uncover_found(wait);
	return true;
}

bool
tpi_help_members(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;
	size_t i;

	while (wait->cursor < frame->n &&
	       tpi_state_peek(&frame->f[wait->cursor]->state) == TPI_ENDED) {
		wait->cursor++;
	}
	for (i = 0; i < HELP_BREADTH && wait->cursor + i < frame->n; i++) {
		struct tpar_future *f = frame->f[wait->cursor + i];

		if (tpi_state_peek(&f->state) == TPI_RUNNING && help(wait, f)) {
			return true;
		}
	}
	return false;
}
