/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - inside a task: have I been asked to stop?  And: how to fail.
 *
 * Cancelling is a request.  A task sees it here, or as TPAR_ESTOPPED from any
 * wait it is in; it is up to the task to return.  How it returns decides how
 * its future ends.
 */
#ifndef TASKPAR_CANCEL_H
#define TASKPAR_CANCEL_H

#include <stdbool.h>
#include <taskpar/base.h>

/**
 * tpar_cancelled - has the calling task been asked to stop?
 *
 * Costs one load; call it in loops.
 *
 * Returns: false outside of a task.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API bool tpar_cancelled(void);

/**
 * tpar_checkpoint - 0, or TPAR_ESTOPPED if the calling task should stop.
 *
 *     if ((rc = tpar_checkpoint()))
 *             return rc;
 *
 * Returns: 0 outside of a task.  The answer stays TPAR_ESTOPPED once given.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_checkpoint(void);

/**
 * tpar_cancel_reason - why the calling task has been asked to stop, in words.
 *
 * The reason given to tpar_group_cancel(), or the library's own: another one
 * has failed, the deadline has passed, what waits for it was asked to stop...
 * If it was asked several times, the first reason.
 *
 * Ownership: valid until the task ends.
 * Returns:   NULL if the task was not asked to stop, and outside of a task.
 * Threads:   any.
 * Source:    Go's context.Cause().
 * Since:     0.1
 */
TPAR_API const char *tpar_cancel_reason(void);

/**
 * tpar_shield_enter - from here on the calling task is not disturbed.
 *
 * Until tpar_shield_leave() the task does not see that it was asked to stop:
 * tpar_cancelled() is false, waits go on, gathers and groups begun here are not
 * cancelled for it.  For what must not be left half done, such as cleaning up.
 * The request is not lost, but seen at the next checkpoint after the shield.
 * Shields nest.  Handlers (tpar_on_cancel()) run all the same.
 *
 * Threads: inside a task; elsewhere it does nothing.  A shield left open ends
 *          with its task.
 * Source:  trio.CancelScope(shield=True).
 * Since:   0.1
 */
TPAR_API void tpar_shield_enter(void);

/**
 * tpar_shield_leave - ends what the last tpar_shield_enter() began.
 *
 * Threads: inside a task; elsewhere, or without an enter, it does nothing.
 * Since:   0.1
 */
TPAR_API void tpar_shield_leave(void);

/**
 * tpar_fail - say in words why the calling task fails.
 *
 *     return tpar_fail(errno, "connecting to %s", host);
 *
 * The last message before the task returns non-zero stays with its future;
 * TPAR_MESSAGE_MAX - 1 bytes of it, cut between UTF-8 characters.
 *
 * Shapes:  fmt and its arguments as for printf.
 * Returns: code; a code of 0 still fails: it becomes TPAR_EFAILED.
 * Threads: inside a task; elsewhere it only returns the code.
 * Errors:  none: without memory for the message the failure has none.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_fail(int code, const char *fmt, ...)
	TPAR_PRINTF(2, 3);

#endif
