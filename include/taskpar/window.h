/* SPDX-License-Identifier: MIT */
/*
 * window.h - unlimited input through bounded memory: put tasks, take their
 * results in the order of putting, with at most so many in between.
 *
 *     producer                               consumer
 *     while (read_block(&task.arg) &&        while ((err = tpar_window_take(w,
 *            tpar_window_put(w, &task,                &block, TPAR_FOREVER,
 *                TPAR_FOREVER) == TPAR_OK)            &why)) == TPAR_OK)
 *             ;                                      write_block(&block);
 *     tpar_window_end(w);                    // TPAR_EEND: all were taken
 *
 * Both may be the same thread: put with TPAR_NOW until TPAR_EAGAIN, take one,
 * go on.  It fails as a gather does: the first failure in time cancels what is
 * in flight, no further item begins, and take says so once all have ended.
 */
#ifndef TASKPAR_WINDOW_H
#define TASKPAR_WINDOW_H

#include <taskpar/base.h>
#include <taskpar/future.h>
#include <taskpar/gather.h>

/* An ordered window of tasks. */
typedef struct tpar_window tpar_window;

/*
 * size, site    filled in by TPAR_WINDOW_CONFIG_INIT.
 * pool          where items run; NULL as everywhere.
 * width         items in flight or waiting to be taken, at most; 1 to 2^24.
 * value_size    bytes of each item's value.
 * deadline_ns   when it is cancelled (base.h).
 * name          for messages; a string literal, or NULL.
 */
struct tpar_window_config {
	size_t size;
	const char *site;
	tpar_pool *pool;
	size_t width;
	size_t value_size;
	int64_t deadline_ns;
	const char *name;
};

#define TPAR_WINDOW_CONFIG_INIT                                                \
	{                                                                      \
		sizeof(struct tpar_window_config), TPAR_SITE, NULL, 0, 0, 0,   \
			NULL                                                   \
	}

/**
 * tpar_window_open - open an ordered window.
 *
 * Like a group (group.h) it is a scope: a stop of the task that opens it
 * cancels it.
 *
 * Ownership: *w is the caller's, until tpar_window_close().
 * Threads:   any.
 * Errors:    TPAR_EINVAL (w or config NULL; a width of 0 or beyond 2^24, or a
 *            value_size beyond 2^30, which tpar_error_detail() names), and
 *            those of tpar_group_open().  On error *w is untouched.
 * Source:    htslib's hts_tpool_process, concurrent.futures Executor.map with
 *            a buffersize.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_window_open(tpar_window **w, const struct tpar_window_config *config);

/**
 * tpar_window_put - submit the next item; wait while the window is full.
 *
 * Shapes:    task->value_size is the window's; task->group is NULL.
 * Ownership: as tpar_submit_task(): once accepted drop_arg runs exactly once;
 *            refused, nothing was taken.
 * Units:     deadline_ns, see base.h: how long to wait for room.
 * Threads:   any, several at once: the order of items is that in which they
 *            were accepted.  Not items of this window.
 * Errors:    TPAR_EAGAIN (full, and deadline_ns is TPAR_NOW), TPAR_ETIMEDOUT
 *            (still full), TPAR_ECLOSED (after tpar_window_end(), a failure or
 *            a cancel: take says why), TPAR_ESTOPPED, TPAR_EDEADLK (called
 *            from an item of this window), and those of tpar_submit_task().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_window_put(tpar_window *w, const struct tpar_task *task,
		int64_t deadline_ns);

/**
 * tpar_window_end - there are no more items.
 *
 * Threads: any; as often as wanted.
 * Errors:  TPAR_EINVAL (w NULL).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_window_end(tpar_window *w);

/**
 * tpar_window_take - the value of the next item, in the order of putting.
 *
 * In a task, an item that has not begun is run here.
 *
 * Shapes:    value: value_size bytes; may be NULL: the value is dropped.  why
 *            may be NULL; why->index is the item's number, from 0.
 * Ownership: the value is moved to the caller: its drop_value does not run.
 * Units:     deadline_ns, see base.h.  TPAR_NOW: only what is there.
 * Threads:   any, one at a time.
 * Errors:    TPAR_EEND (after tpar_window_end(), all were taken);
 *            TPAR_ETIMEDOUT (not yet; or the window's own deadline, and then
 *            why->state is TPAR_CANCELLED); TPAR_EFAILED, TPAR_ECANCELED: the
 *            window has failed, all of its items have ended, and each further
 *            call says the same; TPAR_ESTOPPED; TPAR_EBUSY (another thread
 *            takes); TPAR_EDEADLK, TPAR_EAGAIN as tpar_future_wait();
 *            TPAR_ECLOSED (this is the child of a fork, the window its
 *            parent's); TPAR_EINVAL (w NULL).
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_window_take(tpar_window *w, void *value,
					int64_t deadline_ns,
					struct tpar_failure *why);

/**
 * tpar_window_cancel - stop what is in flight; take gives TPAR_ECANCELED.
 *
 * Shapes:  reason: in words, copied, or NULL.
 * Threads: any; the first cause counts.
 * Errors:  TPAR_EINVAL (w NULL).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_window_cancel(tpar_window *w, const char *reason);

/**
 * tpar_window_close - cancel what is left, wait until it has ended, free all.
 *
 * Items that never ran get their drop_arg, values that were not taken their
 * drop_value.
 *
 * Shapes:  w may be NULL.
 * Threads: any but the window's own items, once, and no other call with w may
 *          overlap or follow.
 * Since:   0.1
 */
TPAR_API void tpar_window_close(tpar_window *w);

#endif
