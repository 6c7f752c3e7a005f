/* SPDX-License-Identifier: MIT */
/*
 * promise.h - futures that your own code completes, and being told when any
 * future has ended: by a callback, or by a descriptor for an event loop.
 *
 * A promise is the completing end of a future: an event, an answer from the
 * network, anything that no task computes.  Its future goes into the same
 * gathers as those of tasks.
 */
#ifndef TASKPAR_PROMISE_H
#define TASKPAR_PROMISE_H

#include <stdbool.h>
#include <taskpar/base.h>

/* The completing end of a future. */
typedef struct tpar_promise tpar_promise;

/*
 * Called once if the future of a promise is cancelled before it was completed,
 * on a thread that may block.  The future then ends as the promise is
 * completed: tpar_promise_set_cancelled(), or any other way.
 */
typedef void (*tpar_promise_cancel_fn)(tpar_promise *p, void *arg);

/*
 * size, site   filled in by TPAR_PROMISE_CONFIG_INIT.
 * value_size, value_align, drop_value, name   as in struct tpar_task.
 * on_cancel    NULL: a cancel ends the future at once, and completing the
 *              promise gives TPAR_EALREADY.  Else see tpar_promise_cancel_fn.
 * arg          for on_cancel.
 */
struct tpar_promise_config {
	size_t size;
	const char *site;
	size_t value_size;
	size_t value_align;
	tpar_drop_fn drop_value;
	const char *name;
	tpar_promise_cancel_fn on_cancel;
	void *arg;
};

#define TPAR_PROMISE_CONFIG_INIT                                               \
	{                                                                      \
		sizeof(struct tpar_promise_config), TPAR_SITE, 0, 0, NULL,     \
			NULL, NULL, NULL                                       \
	}

/**
 * tpar_promise_create - make a future and the promise that completes it.
 *
 * The future is TPAR_PENDING until the promise is completed.  It needs no pool.
 *
 * Shapes:    value_size bytes, 0 to 2^30, zeroed, aligned for any type.
 * Ownership: *p is the caller's, until tpar_promise_destroy(); *f is a handle
 *            of the caller's.  A value that is set belongs to the future.
 * Threads:   any.
 * Errors:    TPAR_EINVAL (p or f NULL, a size out of range), TPAR_ENOMEM.  On
 *            error *p and *f are untouched.
 * Source:    std::promise, JavaScript's Promise.withResolvers().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_promise_create(size_t value_size, tpar_drop_fn drop_value,
		    tpar_promise **p, tpar_future **f);

/**
 * tpar_promise_create_with - tpar_promise_create() with all there is to say.
 *
 * With on_cancel the future is TPAR_RUNNING from the beginning.
 *
 * Errors:    as tpar_promise_create(); TPAR_EINVAL also for a wrong size or
 *            alignment, which tpar_error_detail() names.
 * Ownership: the config is copied; name and site are string literals.
 * Threads:   any.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_promise_create_with(const struct tpar_promise_config *config,
			 tpar_promise **p, tpar_future **f);

/**
 * tpar_promise_set - complete a promise: its future is done.
 *
 * Shapes:    value: value_size bytes, copied into the future; may be NULL if
 *            value_size is 0.
 * Ownership: what the value owns is the future's from then on; on error it
 *            stays the caller's.
 * Threads:   any; of several that complete a promise at once one wins.
 *            Callbacks of the future run on the calling thread, before this
 *            returns; in a callback or a drop function, soon after that.  Do
 *            not call it holding a lock that those, or drop functions of what
 *            is cancelled for it, take.
 * Errors:    TPAR_EALREADY (it was completed before, or cancelled),
 *            TPAR_EINVAL (p or value NULL).
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_promise_set(tpar_promise *p, const void *value);

/**
 * tpar_promise_fail - complete a promise: its future has failed.
 *
 * Shapes:  code as a task's: 0 becomes TPAR_EFAILED, TPAR_ESTOPPED cancels.
 *          fmt and its arguments as for printf; fmt may be NULL: no message.
 * Threads: any, as tpar_promise_set().
 * Errors:  TPAR_EALREADY, TPAR_EINVAL (p NULL).  Without memory for the message
 *          there is none.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_promise_fail(tpar_promise *p, int code,
					 const char *fmt, ...)
	TPAR_PRINTF(3, 4);

/**
 * tpar_promise_set_cancelled - complete a promise: its future is cancelled.
 *
 * Threads: any, as tpar_promise_set().
 * Errors:  TPAR_EALREADY, TPAR_EINVAL (p NULL).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_promise_set_cancelled(tpar_promise *p);

/**
 * tpar_promise_cancelled - does nobody want the value any more?
 *
 * Returns: true once the future was cancelled, or ended otherwise.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API bool tpar_promise_cancelled(const tpar_promise *p);

/**
 * tpar_promise_destroy - free a promise; the future lives on.
 *
 * One that was never completed fails its future: TPAR_EFAILED, "the promise was
 * destroyed without being completed".  Waits for on_cancel if that is running,
 * unless called from it.
 *
 * Shapes:  p may be NULL.
 * Threads: any, once, and no other call with p may overlap or follow.
 * Since:   0.1
 */
TPAR_API void tpar_promise_destroy(tpar_promise *p);

/*
 * Called when a future has ended, exactly once, by whichever thread ends it (or
 * by the caller of tpar_future_on_done() if it has ended already), never under
 * a lock of the library.  f is held meanwhile.  It must not wait for anything;
 * it may submit, cancel, complete promises, and register more callbacks.  It is
 * not part of any task: tpar_cancelled() is false, and NULL as a pool means the
 * default pool.
 */
typedef void (*tpar_done_fn)(tpar_future *f, void *arg);

/**
 * tpar_future_on_done - have a function called when a future has ended.
 *
 * Callbacks that were registered before the future ended run in that order;
 * those who wait for it may go on before.  One that is registered by another
 * callback, for a future that has ended, runs after that one has returned.  The
 * library holds a handle until fn has returned.  There is no way to take a
 * callback back.
 *
 * Threads: any.
 * Errors:  TPAR_EINVAL (f or fn NULL), TPAR_ENOMEM: fn will not be called.
 * Source:  concurrent.futures Future.add_done_callback.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_future_on_done(tpar_future *f, tpar_done_fn fn,
					   void *arg);

/**
 * tpar_future_fd - a descriptor that becomes readable when a future has ended.
 *
 * For poll, epoll and the main loops of GLib or libuv.  It stays readable; it
 * is not to be read, written or closed.  Each call for a future gives the same;
 * but one that has not ended needs another one in the child of a fork.
 *
 * Ownership: the descriptor belongs to the future and is closed with it, when
 *            its last handle was released and it has ended.
 * Threads:   any.
 * Errors:    TPAR_EINVAL (f or fd NULL), TPAR_ENOMEM, TPAR_EAGAIN (no more
 *            descriptors).  On error *fd is untouched.
 * Source:    Linux's eventfd(2), pidfd_open(2).
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_future_fd(tpar_future *f, int *fd);

#endif
