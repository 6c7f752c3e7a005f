/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - asking tasks to stop, one or a whole set, and what they wait for.
 */
#ifndef TPI_CANCEL_H
#define TPI_CANCEL_H

#include "base.h"
#include "future.h"

struct tpi_frame;

/*
 * Ends a PENDING future as cancelled; asks a RUNNING one to stop, and passes
 * that down to what its task waits for in a gather.  The caller holds f.
 * false: it had ended.
 */
bool tpi_cancel(struct tpar_future *f);

/* Cancels all members of a frame that the caller owns. */
void tpi_cancel_members(struct tpi_frame *frame);

/*
 * Cancels all members of a gather whose cause is one that has just ended, and
 * then takes that one off.  RELEASE POINT: frame.
 */
void tpi_cancel_siblings(struct tpi_frame *frame);

/* Has this task been asked to stop, itself or with its whole pool? */
static inline bool
tpi_cancel_requested(struct tpar_future *task)
{
	return (tpi_load_relaxed(&task->state.word) & TPI_CANCEL_REQ) != 0 ||
	       tpi_load_relaxed(&task->intake->closed) >= TPI_CANCELLING;
}

/* Has the calling task been?  Also by way of what gathers it here. */
bool tpi_cancel_requested_here(void);

/* What the calling task said with tpar_fail() no longer counts. */
void tpi_cancel_forget_message(void);

#endif
