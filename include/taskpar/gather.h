/* SPDX-License-Identifier: MIT */
/*
 * gather.h - wait for a whole set; values in order; the first failure stops it.
 *
 * A set is structured: each call returns only when every member has ended, so
 * arguments may live on the caller's stack.  (Only a tpar_wait_all() may leave
 * earlier: with a deadline, or when its own task is asked to stop.)
 */
#ifndef TASKPAR_GATHER_H
#define TASKPAR_GATHER_H

#include <taskpar/base.h>
#include <taskpar/future.h>

#define TPAR_MESSAGE_MAX 192

/*
 * Why a call did not succeed.  Filled on every return but TPAR_OK.
 *
 * index    the position of the member to blame; SIZE_MAX if none is.
 * state    how that member ended: TPAR_FAILED or TPAR_CANCELLED; TPAR_PENDING
 *          if no member is to blame.
 * code     its code (tpar_future_code()); else the call's own error.
 * task     its name, NULL if it has none.
 * message  in words, never empty; UTF-8 is cut between characters.
 */
struct tpar_failure {
	size_t index;
	enum tpar_state state;
	int code;
	const char *task;
	char message[TPAR_MESSAGE_MAX];
	uintptr_t reserved[4];
};

/*
 * How one member ended.  message is the future's, "" if it said nothing.
 */
struct tpar_outcome {
	enum tpar_state state;
	int code;
	const char *message;
	uintptr_t reserved[2];
};

/**
 * tpar_gather - wait for n futures; values in order; stop all on a failure.
 *
 * The first member that fails or is cancelled, first in time, is the cause;
 * among those that had ended so before the call, the lowest position.  The
 * others are then cancelled: what has not begun never begins, what runs is
 * asked to stop.  The call returns when all have ended.  If the calling task is
 * asked to stop, the set is cancelled the same way.  A set that is complete
 * gives TPAR_OK, however late and whoever asked to stop.
 *
 * Shapes:    f[0..n); values: n * value_size bytes, or NULL if not wanted.
 *            n may be 0 (TPAR_OK, nothing is touched).  All members have the
 *            same value size, else TPAR_EINVAL before anything is touched.
 * Ownership: the handles stay the caller's.  A plain value is copied and can
 *            be read again; one with a drop_value is moved to values[], once.
 *            On failure values[] is untouched and all values stay where
 *            they are.  With values NULL nothing is moved.
 * Threads:   any.  In a task, members that have not begun are run here.
 *            The same future may stand twice in f, or in two gathers: a gather
 *            that fails cancels it for both.  Of two calls that would move
 *            the same values at the same time, both may give TPAR_EALREADY.
 * Errors:    TPAR_EFAILED, TPAR_ECANCELED (a member failed, or was cancelled by
 *            somebody else); TPAR_ESTOPPED; TPAR_EDEADLK (a member is the
 *            calling task: at once, nothing touched; or a longer cycle: the
 *            members have been cancelled and, but for those that gather in
 *            turn what gathers them, are waited for);
 *            TPAR_EALREADY (a value was taken before, nothing is moved);
 *            TPAR_EAGAIN (stack and threads are used up: the members not begun
 *            were cancelled, the others waited for); TPAR_EINVAL (NULL among
 *            f, mixed value sizes, n * value_size overflows).
 * Serial:    for (i = 0; i < n; i++) if ((rc = run(i)) != 0) break;
 * Source:    asyncio.gather with the failure rule of asyncio.TaskGroup.
 * See:       doc/TOUR.md#gather, doc/STATES.md#gather.   Since: 0.1
 */
TPAR_API enum tpar_err tpar_gather(tpar_future *const *f, size_t n,
				   void *values, struct tpar_failure *why);

/**
 * tpar_gather_until - tpar_gather() that cancels the set at a deadline.
 *
 * The deadline is when the cancelling begins, not a hard bound: the call still
 * returns only when every member has ended, and a set that completes all the
 * same gives TPAR_OK.
 *
 * Units:  deadline_ns, see base.h.  TPAR_NOW: values of a set that is complete,
 *         else cancel it.
 * Errors: as tpar_gather(), and TPAR_ETIMEDOUT if the deadline was the cause.
 *         In a task, members are not run in place unless threads are used up.
 * Threads: any.
 * Source: asyncio.wait_for.
 * Since:  0.1
 */
TPAR_API enum tpar_err tpar_gather_until(tpar_future *const *f, size_t n,
					 void *values, int64_t deadline_ns,
					 struct tpar_failure *why);

/**
 * tpar_gather_settled - wait for n futures, cancel nobody, report every one.
 *
 * Shapes:    outcomes[0..n) or NULL; values as in tpar_gather(), but the slots
 *            of members that are not done stay untouched.
 * Ownership: as tpar_gather(); outcomes[i].message belongs to f[i].
 * Threads:   any.
 * Errors:    TPAR_OK whatever the outcomes; TPAR_ESTOPPED if the calling task
 *            was asked to stop and members were cancelled for that (outcomes[]
 *            and values[] are filled all the same); TPAR_EINVAL, TPAR_EDEADLK,
 *            TPAR_EALREADY, TPAR_EAGAIN as tpar_gather().
 * Source:    asyncio.gather(return_exceptions=True), Promise.allSettled.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_gather_settled(tpar_future *const *f, size_t n,
					   void *values,
					   struct tpar_outcome *outcomes);

/**
 * tpar_wait_all - wait until n futures have ended; cancel nobody, read nothing.
 *
 * Shapes:  f[0..n), of any value sizes; n may be 0.
 * Units:   deadline_ns, see base.h; TPAR_NOW asks whether all have ended.
 * Threads: any.
 * Errors:  TPAR_OK (all have ended, however); TPAR_ETIMEDOUT, TPAR_ESTOPPED,
 *          TPAR_EDEADLK (the futures are untouched, some may not have ended),
 *          TPAR_EAGAIN as tpar_gather(), TPAR_EINVAL (NULL among f).
 * Source:  asyncio.wait(ALL_COMPLETED).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_wait_all(tpar_future *const *f, size_t n,
				     int64_t deadline_ns);

/**
 * tpar_map - run fn over n arguments in parallel, values in order.
 *
 * Item i gets the argument (char *)args + i * arg_stride and writes its value
 * straight to values + i * value_size.  Memory is bounded however large n is.
 * Once an item has failed no further item begins; those running are asked to
 * stop; the call returns when all have ended.
 *
 * Shapes:    args: n elements arg_stride bytes apart (NULL: every item gets
 *            NULL); values: n * value_size bytes; may be NULL if value_size is
 *            0.  n may be 0.
 * Ownership: all arrays are the caller's.  On failure values[] is
 *            indeterminate.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    TPAR_EFAILED (an item failed), TPAR_ECANCELED (an item returned
 *            TPAR_ESTOPPED by itself, or the pool was cancelled),
 *            TPAR_ESTOPPED, TPAR_EDEADLK as tpar_gather(), TPAR_EINVAL (fn NULL, an
 *            overflowing product, values NULL with a value_size), and those of
 *            tpar_submit().  why->index is the item to blame.  If all items
 *            are done it is TPAR_OK, whoever was asked to stop.
 * Serial:    for (i = 0; i < n; i++) if ((rc = fn(&args[i], &values[i]))) break;
 * Source:    multiprocessing.Pool.map, asyncio.gather over a list.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_map(tpar_pool *pool, tpar_task_fn fn,
				const void *args, size_t arg_stride,
				void *values, size_t value_size, size_t n,
				struct tpar_failure *why);

/**
 * tpar_fail_from - end a task as failed with somebody else's failure.
 *
 *     if (tpar_gather(f, n, values, &why) != TPAR_OK)
 *             return tpar_fail_from(&why);
 *
 * Shapes:  why is not NULL.
 * Returns: what the task should return: TPAR_ESTOPPED if the calling task was
 *          asked to stop and that is why; TPAR_ECANCELED if a member was
 *          cancelled; else why->code.  why->message becomes the task's message.
 * Threads: inside a task; elsewhere it only returns the code.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_fail_from(const struct tpar_failure *why);

#endif
