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
 * tpar_sleep - do nothing until a time, unless asked to stop.
 *
 * The pool runs other tasks meanwhile.
 *
 * Units:   deadline_ns, see base.h.  TPAR_NOW, or a time that has passed, is only
 *          a look; TPAR_FOREVER sleeps until the task is asked to stop.
 * Threads: any.  Outside of a task the thread just sleeps.
 * Errors:  TPAR_ESTOPPED (the calling task was, or is, asked to stop),
 *          TPAR_EINVAL (TPAR_FOREVER outside of a task), TPAR_EDEADLK
 *          (TPAR_FOREVER in a shield).
 * Source:  trio.sleep_until().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_sleep(int64_t deadline_ns);

/* Told that a task was asked to stop. */
typedef void (*tpar_cancel_fn)(void *arg);

/* Refers to a registered handler; none if all 0. */
typedef struct tpar_handler {
	uintptr_t reserved[2];
} tpar_handler;

/**
 * tpar_on_cancel - have a function called when the calling task is asked to stop.
 *
 * For what a task blocks in and the library does not know: the handler closes
 * the socket, writes to the pipe, kills the process.
 *
 *     if ((rc = tpar_on_cancel(close_it, &socket, &h)))
 *             return rc;
 *     n = read(socket.fd, buffer, size);
 *     tpar_off_cancel(&h);
 *
 * Handlers of one task run one after the other, in the order of registration,
 * each once, on a thread that is no pool's, so they may block.  (Where no thread
 * can be started: on the thread that cancels.)  A handler is no task: NULL is
 * the default pool there.  It may cancel and wait for anything but the task
 * itself, which gives TPAR_EDEADLK, as the task waits for it.
 * When the task's function returns, handlers that it has left are removed.
 *
 * Ownership: *h is filled in; it need not be kept.
 * Threads:   inside a task, not in a drop function.
 * Errors:    TPAR_ESTOPPED (it was asked before, in a shield or not; fn will
 *            not be called), TPAR_ENOMEM, TPAR_EINVAL (not in a task; fn or h
 *            is NULL).  On error nothing is registered.
 * Source:    C++ std::stop_callback, Go's context.AfterFunc().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_on_cancel(tpar_cancel_fn fn, void *arg, tpar_handler *h);

/**
 * tpar_off_cancel - remove a handler.
 *
 * Afterwards it is not running and will not run: the call waits for one under
 * way, unless it is called from that one itself.  Another thread runs this
 * pool's tasks meanwhile.
 *
 * Shapes:  removed, run or never registered (all 0), and NULL: nothing to do.
 *          *h is left as it is.
 * Threads: any; also from another handler.
 * Source:  C++ std::stop_callback's destructor.
 * Since:   0.1
 */
TPAR_API void tpar_off_cancel(const tpar_handler *h);

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
