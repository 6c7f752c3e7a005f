/* SPDX-License-Identifier: MIT */
/*
 * block.h - sleeping in a wait, and the reasons not to go on with it.
 */
#ifndef TPI_BLOCK_H
#define TPI_BLOCK_H

#include "base.h"
#include "cancel.h"
#include "help.h"

/* What follows from the end of a member that is not registered. */
void tpi_block_decide(struct tpi_frame *frame, struct tpar_future *f,
		      unsigned outcome);

/* A member, not registered, has ended: is it the cause? */
static inline void
tpi_block_see_ended(struct tpi_frame *frame, struct tpar_future *f)
{
	uintptr_t word = tpi_state_get(&f->state);

	if (TPI_UNLIKELY(tpi_state_is_bad(word)) ||
	    TPI_UNLIKELY(tpi_frame_is_choice(frame))) {
		tpi_block_decide(frame, f, (unsigned)(word & TPI_OUTCOME));
	}
}

/* And it is the owner who counts it. */
static inline void
tpi_block_take_ended(struct tpi_frame *frame, struct tpar_future *f)
{
	frame->own++;
	tpi_block_see_ended(frame, f);
}

/* Has the calling task been asked to stop?  Then so is its set, once. */
void tpi_block_check_stop(struct tpi_frame *frame);

/* Has the deadline come?  Then the set is cancelled or given up, once. */
void tpi_block_check_deadline(struct tpi_wait *wait);

/* A wait that leaves its members alone and has a cause to end early. */
bool tpi_block_ends_early(struct tpi_frame *frame);

/*
 * Does a member wait for the calling task?  Then a plain wait ends; of a set,
 * what can be cancelled is, and members that then still do are given up.
 */
void tpi_block_check_cycles(struct tpi_wait *wait);

/*
 * If no thread is free to begin the members that have not begun: runs them
 * here, or cancels those that may not be.  true: there were some, and what they
 * have waited for on this thread may have taken wake-ups meant for this wait.
 */
bool tpi_block_check_starved(struct tpi_wait *wait);

/* Sleeps until the frame is complete or ends early. */
void tpi_block_sleep(struct tpi_wait *wait);

/*
 * Waits for the members for which there was no node: looks at them now and
 * then.  Those that it does not wait for, as the wait ends early or as they wait
 * for the calling task, are counted in wait->missing.
 */
void tpi_block_poll(struct tpi_wait *wait);

/* What was put on top of the wait is through, a member or not. */
void tpi_block_uncover_found(struct tpi_wait *wait);

/* After something has been hidden: until nobody looks at it any more. */
void tpi_block_await_unpinned(struct tpar_future *task);

/* Shows the frame; then sees whether its task was asked to stop (G3). */
static inline void
tpi_block_publish(struct tpi_frame *frame)
{
	struct tpar_future *task = frame->task;

	if (task == NULL) {
		return;
	}
	frame->outer = tpi_load_relaxed(&task->cur);
	tpi_frame_publish(frame, task);
	if (TPI_UNLIKELY(tpi_state_stop_requested(&task->state) ||
			 tpi_cancel_requested_here())) {
		tpi_block_check_stop(frame);
	}
}

/* Hides it, and waits until nobody looks into it. */
static inline void
tpi_block_unpublish(struct tpi_frame *frame)
{
	struct tpar_future *task = frame->task;

	if (task == NULL) {
		return;
	}
	tpi_frame_unpublish(frame, task);
	if (TPI_UNLIKELY(!tpi_frame_unpinned(task))) {
		tpi_block_await_unpinned(task);
	}
}

/* A millisecond: for waits without memory for what would wake them. */
void tpi_block_nap(void);

#endif
