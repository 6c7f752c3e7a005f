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
