/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - asking tasks to stop, one or a whole set, and what they wait for.
 */
#ifndef TPI_CANCEL_H
#define TPI_CANCEL_H

#include "base.h"
#include "future.h"

struct tpar_group;
struct tpi_frame;
struct tpi_waiter;

/* Why; kept in the future's pins, the first one counts. */
enum tpi_reason {
	TPI_REASON_NONE,
	TPI_REASON_ASKED,    /* tpar_future_cancel() */
	TPI_REASON_FAILURE,  /* another member or child has failed */
	TPI_REASON_WAITER,   /* what waits for it was asked to stop */
	TPI_REASON_DEADLINE, /* its own, its set's or its group's */
	TPI_REASON_GROUP,    /* tpar_group_cancel(), which says why */
	TPI_REASON_LOST,     /* another one has won the race */
	TPI_REASON_STUCK     /* a cycle of waits; stack and threads used up */
};

/*
 * Ends a PENDING future as cancelled; asks a RUNNING one to stop, and passes
 * that down to what its task waits for in a gather.  The caller holds f.
 * false: it had ended.
 */
bool tpi_cancel(struct tpar_future *f, enum tpi_reason reason);

/* Why f was cancelled, in words; NULL: it was not, or nobody knows. */
const char *tpi_cancel_reason_of(const struct tpar_future *f);

/* Cancels all members of a frame that the caller owns. */
void tpi_cancel_members(struct tpi_frame *frame);

/*
 * `f` has ended, not as done: elects it in all gathers of this list, before
 * anybody is told, who may fail for it in turn.  Those whose cause it is cancel
 * their members, and then f is taken off.  RELEASE POINT: their frames.
 * Returns the others, who have still to be told.
 */
struct tpi_waiter *tpi_cancel_siblings(struct tpi_waiter *waiter,
				       struct tpar_future *f, unsigned outcome);

/*
 * `f`, a member of a choice (ANY or RACE), has ended.  true: it has decided the
 * race, the others have been cancelled, and it was taken off.
 */
bool tpi_cancel_rivals(struct tpi_frame *frame, struct tpar_future *f,
		       unsigned outcome);

/* Cancels all children of a group whose cause has just been elected. */
void tpi_cancel_group(struct tpar_group *group);

/* Has this task been asked to stop, itself or with its whole pool? */
static inline bool
tpi_cancel_requested(struct tpar_future *task)
{
	return (tpi_load_relaxed(&task->state.word) & TPI_CANCEL_REQ) != 0 ||
	       tpi_load_relaxed(&task->intake->closed) >= TPI_CANCELLING;
}

/* Has the calling task been?  Also by way of what gathers it here. */
bool tpi_cancel_requested_here(void);

/* Is the calling task shielded from that? */
bool tpi_cancel_shielded_here(void);

/* What the calling task said with tpar_fail() no longer counts. */
void tpi_cancel_forget_message(void);

#endif
