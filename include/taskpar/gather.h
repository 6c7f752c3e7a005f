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
 *            TPAR_EAGAIN (stack and threads are used up: a member that nobody
 *            could begin was cancelled, and with it the set); TPAR_EINVAL
 *            (NULL among f, mixed value sizes, n * value_size overflows).
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
 *            TPAR_EALREADY as tpar_gather(), TPAR_EAGAIN as tpar_wait_all().
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
 * Threads: any.  In a task, without a deadline, members that have not begun are
 *          run here, and a stop of the task is seen when they have returned.
 * Errors:  TPAR_OK (all have ended, however); TPAR_ETIMEDOUT, TPAR_ESTOPPED,
 *          TPAR_EDEADLK (the futures are untouched, some may not have ended),
 *          TPAR_EAGAIN (stack and threads are used up: members that nobody
 *          could begin were cancelled), TPAR_EINVAL (NULL among f).
 * Source:  asyncio.wait(ALL_COMPLETED).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_wait_all(tpar_future *const *f, size_t n,
				     int64_t deadline_ns);

/**
 * tpar_gather_async - a gather in the background: itself a future.
 *
 * It waits for the set as tpar_gather() does, without a thread: what ends the
 * last member completes it.  So gathers nest, and a cancel, a deadline or the
 * failure of something else reaches the whole set through it.
 *
 * Shapes:    f[0..n), copied; all of one value size.  The value of *all is the
 *            array of n values, 2^30 bytes at most; none for n = 0, which is
 *            done at once.
 * Ownership: the library holds a handle of each member until *all has ended.
 *            Values with a drop_value move into the value of *all and are
 *            dropped with it, unless it is taken.  *all is a handle of the
 *            caller's.
 * Threads:   any.
 * Errors:    TPAR_EINVAL as tpar_gather(), and a value too large; TPAR_ENOMEM;
 *            TPAR_EDEADLK (a member is the calling task).
 *            On error nothing was touched.  How the set ended is how *all
 *            does: done; failed with the code and the message of the first
 *            failure, TPAR_ECANCELED if a member was cancelled by somebody
 *            else, TPAR_EALREADY if a value was taken before; cancelled if
 *            *all was.
 * Source:    asyncio.gather, whose result is a future, too.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_gather_async(tpar_future *const *f, size_t n, tpar_future **all);

/**
 * tpar_wait_any - wait until one of n futures has ended, however.
 *
 * Cancels nobody.  Costs O(n); to take one after the other from a large set,
 * see tpar_as_completed().
 *
 * Shapes:  f[0..n), n > 0, of any value sizes; index: its position, the lowest
 *          of those that had ended before the call; may be NULL.
 * Units:   deadline_ns, see base.h.
 * Threads: any.  In a task nothing is run here, unless threads are used up.
 * Errors:  TPAR_OK; TPAR_ETIMEDOUT, TPAR_ESTOPPED, TPAR_EINVAL (n 0: it could
 *          never be satisfied; NULL among f), TPAR_EDEADLK (one is the calling
 *          task), TPAR_EAGAIN (stack and threads are used up: one that nobody
 *          could begin was cancelled).
 * Source:  asyncio.wait(FIRST_COMPLETED), which tells all that have ended: here
 *          tpar_future_state() does.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_wait_any(tpar_future *const *f, size_t n,
				     int64_t deadline_ns, size_t *index);

/**
 * tpar_race - the first of n futures that is done wins; the others are stopped.
 *
 * They are cancelled and waited for, so the call returns when all have ended.
 * If none succeeds, the first failure in time is the cause.
 *
 * Shapes:    f[0..n), n > 0, all of one value size; value: value_size bytes, or
 *            NULL if not wanted; index: the winner's position, or NULL.
 * Ownership: the winner's value is copied, or moved if it has a drop_value;
 *            all others stay with their futures.  Without a winner value and
 *            index are untouched.
 * Threads:   any.  In a task nothing is run here, unless threads are used up.
 * Errors:    TPAR_OK if one is done, whoever was asked to stop; TPAR_EFAILED,
 *            TPAR_ECANCELED (none is); TPAR_ESTOPPED (the calling task was
 *            asked to stop, and so were they); TPAR_EINVAL, TPAR_EALREADY as
 *            tpar_gather(); TPAR_EDEADLK (one is the calling task; or losers
 *            gather it in turn: they may not have ended, and there is no
 *            winner for this call).  One that nobody can begin, as stack and
 *            threads are used up, is cancelled.
 * Source:    Promise.any, with losers that do not run on.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_race(tpar_future *const *f, size_t n, void *value,
				 size_t *index, struct tpar_failure *why);

/* Futures in the order in which they end. */
typedef struct tpar_stream tpar_stream;

/**
 * tpar_as_completed - open a stream of n futures as they end.
 *
 * First those that have ended already, by position.  Each future comes once,
 * also if it stands twice in f, with its lowest position.
 *
 * Shapes:    f[0..n), of any value sizes; n may be 0.
 * Ownership: *s is the caller's, until tpar_stream_close().  The handles stay
 *            the caller's, too, and must live until then.
 * Threads:   any.
 * Errors:    TPAR_EINVAL (s NULL, NULL among f), TPAR_ENOMEM.  On error *s is
 *            untouched.
 * Source:    asyncio.as_completed, which does not say which one.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_as_completed(tpar_future *const *f, size_t n, tpar_stream **s);

/**
 * tpar_stream_next - the position of the next future that has ended.
 *
 * Units:   deadline_ns, see base.h; TPAR_NOW: only what has ended already.
 * Threads: any, several at once: each future is given to one of them.
 * Errors:  TPAR_EEND (all were given, now and from then on), TPAR_ETIMEDOUT
 *          (the stream goes on), TPAR_ESTOPPED, TPAR_EINVAL (s or index NULL),
 *          TPAR_ECLOSED (this is the child of a fork, the stream its parent's).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_stream_next(tpar_stream *s, int64_t deadline_ns,
					size_t *index);

/**
 * tpar_stream_close - end a stream; the futures are left alone.
 *
 * Shapes:  s may be NULL.  Futures that have not ended keep some of its memory
 *          until they have.
 * Threads: any, once, and no other call with s may overlap or follow.
 * Since:   0.1
 */
TPAR_API void tpar_stream_close(tpar_stream *s);

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

/*
 * What tpar_map_with() can be told; all but size may stay 0.
 *
 * window       items that are begun and have not ended, at most; 0: a few per
 *              worker.
 * deadline_ns  when the items are cancelled (base.h).
 * drop_value   called on the values of the items that were done, if the map
 *              fails: then nothing is left to be dropped.
 * progress     called with how many items have ended, now and then and at last
 *              with n; from any thread, by one at a time, the count never falls.
 *              It must not wait for tasks.
 * arg          for progress.
 * priority     of the tasks that run the items.
 * name         for messages; a string literal, or NULL.
 * flags        TPAR_BLOCKING: fn blocks, and runs on the threads for that
 *              (blocking.h), `window` items at once; 0: 32.
 */
struct tpar_map_options {
	size_t size;
	size_t window;
	int64_t deadline_ns;
	tpar_drop_fn drop_value;
	void (*progress)(size_t done, size_t n, void *arg);
	void *arg;
	enum tpar_priority priority;
	const char *name;
	unsigned flags;
};

#define TPAR_MAP_OPTIONS_INIT                                                  \
	{                                                                      \
		sizeof(struct tpar_map_options), 0, 0, NULL, NULL, NULL,       \
			TPAR_PRIORITY_NORMAL, NULL, 0                          \
	}

/**
 * tpar_map_with - tpar_map() with options.
 *
 * Shapes:    as tpar_map(); options may be NULL: none.
 * Ownership: as tpar_map(); with drop_value, on failure the values that were
 *            written have been dropped.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    as tpar_map(), and TPAR_ETIMEDOUT if the deadline was the cause;
 *            TPAR_EINVAL also for options of a wrong size.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_map_with(tpar_pool *pool,
				     const struct tpar_map_options *options,
				     tpar_task_fn fn, const void *args,
				     size_t arg_stride, void *values,
				     size_t value_size, size_t n,
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
