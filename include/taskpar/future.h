/* SPDX-License-Identifier: MIT */
/*
 * future.h - submit a task; wait for, read, take and cancel its outcome.
 *
 * A future is a counted handle.  The bytes of the task's value live inside it,
 * so a typed result needs no memory of its own.  It starts pending, then runs,
 * and ends once: done, failed or cancelled (doc/STATES.md).
 *
 * Happens-before: what the submitter wrote before the submit is seen by the
 * task; what the task wrote is seen by whoever observes that it ended.
 */
#ifndef TASKPAR_FUTURE_H
#define TASKPAR_FUTURE_H

#include <stdbool.h>
#include <taskpar/base.h>

enum tpar_state {
	TPAR_PENDING = 0,  /* has not begun */
	TPAR_RUNNING = 1,  /* its function runs */
	TPAR_DONE = 2,	   /* returned 0: there is a value */
	TPAR_FAILED = 3,   /* returned its own code */
	TPAR_CANCELLED = 4 /* never began, or returned TPAR_ESTOPPED */
};

/* Never run by a thread that waits for it, always by one that is free. */
#define TPAR_NO_INLINE 1u
/* Not cancelled with the set or group that it is in; see tpar_future_shield(). */
#define TPAR_SHIELDED 2u

/*
 * It blocks, on sockets, disks, locks: it runs on a thread beside those that
 * compute (blocking.h), in the order of submits, whatever its priority.
 */
#define TPAR_BLOCKING 4u

/* A hint of which tasks to begin first; it never stops one that runs. */
enum tpar_priority {
	TPAR_PRIORITY_NORMAL = 0,
	TPAR_PRIORITY_HIGH = 1,
	TPAR_PRIORITY_LOW = 2
};

/* The largest value_align. */
#define TPAR_ALIGN_MAX 4096u

/*
 * A task in full; tpar_submit() is the short form.
 *
 * fn, arg      see tpar_task_fn.
 * value_size   bytes of the value, 0 to 2^30.
 * value_align  a power of two up to TPAR_ALIGN_MAX; 0: that of max_align_t.
 * drop_value   called once on the value of a task that ended as done, when the
 *              last handle is released and nobody has taken it; may be NULL.
 * drop_arg     called once on `arg`, after the task has run or instead of it,
 *              before anybody can see that it has ended, as part of the task;
 *              may be NULL.
 * name, site   used in messages; not copied: string literals.
 * flags        TPAR_NO_INLINE, TPAR_SHIELDED, TPAR_BLOCKING.
 * priority     HIGH: before what its pool has queued already, within the next
 *              few tasks of a worker; LOW: when there is nothing else.  Neither
 *              starves the others: now and then one of those goes first.  Both
 *              kinds begin in the order of their submits.
 * deadline_ns  when it is cancelled unless it has ended (base.h); one that has
 *              passed: the task never begins.
 * group        the scope it is a child of (group.h), or NULL.
 * context      what tpar_context() gives in it; NULL: that of the task that
 *              submits it.
 */
struct tpar_task {
	size_t size;
	const char *site;
	tpar_task_fn fn;
	void *arg;
	size_t value_size;
	size_t value_align;
	tpar_drop_fn drop_value;
	tpar_drop_fn drop_arg;
	const char *name;
	unsigned flags;
	enum tpar_priority priority;
	int64_t deadline_ns;
	tpar_group *group;
	void *context;
};

#define TPAR_TASK_INIT                                                         \
	{                                                                      \
		sizeof(struct tpar_task), TPAR_SITE, NULL, NULL, 0, 0, NULL,   \
			NULL, NULL, 0, TPAR_PRIORITY_NORMAL, 0, NULL, NULL     \
	}

/**
 * tpar_submit - hand a task to a pool.
 *
 * The task is not run by this call.  On a worker it goes to that worker's own
 * queue and is run last in, first out, or stolen from the other end.
 *
 * Shapes:    value_size bytes for the value, aligned for any type.
 * Ownership: *future is a handle of the caller's, to be released with
 *            tpar_future_unref(); future NULL: fire and forget.  `arg` is the
 *            caller's and must live until the task has ended.
 * Threads:   any, inside tasks and outside.
 * Errors:    TPAR_EINVAL (fn NULL, value_size beyond 2^30; or the default pool
 *            finds a bad TASKPAR_WORKERS), TPAR_ENOMEM,
 *            TPAR_EAGAIN (queue_limit; or the default pool cannot start its
 *            threads), TPAR_ECLOSED (shut down).  A refused submit has taken
 *            nothing and *future is untouched.
 * Source:    concurrent.futures Executor.submit.
 * See:       doc/TOUR.md#submit.   Since: 0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_submit(tpar_pool *pool,
						  tpar_task_fn fn, void *arg,
						  size_t value_size,
						  tpar_future **future);

/**
 * tpar_submit_at - tpar_submit() with the place to name in messages.
 *
 * The macro tpar_submit passes TPAR_SITE, so that the chain of a deadlock names
 * file and line.  (tpar_submit)(...) calls the plain function.
 *
 * Ownership: site is not copied: a string literal, or NULL.
 * Errors:    as tpar_submit().
 * Threads:   any.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_submit_at(tpar_pool *pool, tpar_task_fn fn, void *arg, size_t value_size,
	       tpar_future **future, const char *site);

#define tpar_submit(pool, fn, arg, value_size, future)                         \
	tpar_submit_at((pool), (fn), (arg), (value_size), (future), TPAR_SITE)

/**
 * tpar_submit_task - hand a fully described task to a pool.
 *
 * Ownership: the description is copied.  Once accepted, drop_arg will run
 *            exactly once; when refused it does not run and the caller still
 *            owns `arg`.
 * Threads:   any.
 * Errors:    as tpar_submit(); TPAR_EINVAL also for a wrong size, alignment or
 *            flag, which tpar_error_detail() names.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_submit_task(tpar_pool *pool, const struct tpar_task *task,
		 tpar_future **future);

/**
 * tpar_submit_many - submit n tasks that differ only in their argument.
 *
 * Task i gets the argument (char *)args + i * arg_stride; with args NULL all
 * get tmpl->arg.  All are accepted or none.
 *
 * Shapes:    futures[0..n) or NULL (fire and forget); n may be 0.
 * Ownership: as tpar_submit_task(), for each task.
 * Threads:   any.
 * Errors:    as tpar_submit_task(); TPAR_EINVAL also when n * arg_stride
 *            overflows.  On error futures[] is untouched.
 * Serial:    for (i = 0; i < n; i++) submit(args + i * stride, &futures[i]);
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_submit_many(tpar_pool *pool, const struct tpar_task *tmpl, void *args,
		 size_t arg_stride, size_t n, tpar_future **futures);

/**
 * tpar_future_wait - wait until a future has ended.
 *
 * In a task, a future that has not begun is run here, in place, unless there is
 * a deadline (and a thread that could run it) or it says TPAR_NO_INLINE.  While
 * the calling thread has to sleep, the pool runs other tasks on another thread.
 * Nothing is cancelled, but for what TPAR_EAGAIN says.  A thread cannot be
 * cancelled (pthread_cancel()) while it waits here or in any other call.
 *
 * Units:   deadline_ns, see base.h; TPAR_NOW polls.
 * Threads: any, many at once.  Never call it holding a lock that the task may
 *          take.
 * Errors:  TPAR_OK (done), TPAR_EFAILED, TPAR_ECANCELED: how it ended.
 *          TPAR_ETIMEDOUT, TPAR_ESTOPPED (the calling task has been asked to
 *          stop, and what it runs in place has returned), TPAR_EDEADLK (the task would wait for itself, directly,
 *          whatever the deadline, or without a deadline through others;
 *          tpar_error_detail() has the chain), TPAR_EINVAL
 *          (f NULL), TPAR_EAGAIN (stack and threads are used up and the future
 *          had not begun: it has been cancelled).
 * Source:  Future.result(timeout) without its two meanings of TimeoutError.
 * See:     doc/TOUR.md#wait.   Since: 0.1
 */
TPAR_API enum tpar_err tpar_future_wait(tpar_future *f, int64_t deadline_ns);

/**
 * tpar_future_state - pending, running, done, failed or cancelled: now.
 *
 * Shapes:  f is a handle, not NULL.
 * Threads: any.  Once it has ended the answer never changes.
 * Since:   0.1
 */
TPAR_API enum tpar_state tpar_future_state(const tpar_future *f);

/**
 * tpar_future_value - the value in place.
 *
 * Shapes:    f is a handle, not NULL.
 * Ownership: the future's; valid until the value is taken or the last handle
 *            is released.
 * Returns:   NULL unless the future is done and its value was not taken.
 * Threads:   any number of readers; not together with tpar_future_take().
 * Since:     0.1
 */
TPAR_API const void *tpar_future_value(const tpar_future *f);

/**
 * tpar_future_code - the code the task returned.
 *
 * Shapes:  f is a handle, not NULL.
 * Returns: the task's own code if it failed; 0 if it is done or has not ended;
 *          TPAR_ESTOPPED if it was cancelled.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API int tpar_future_code(const tpar_future *f);

/**
 * tpar_future_message - what the task said with tpar_fail() when it failed.
 *
 * Shapes:    f is a handle, not NULL.
 * Ownership: the future's; valid until the last handle is released.
 * Returns:   "" if it said nothing or has not failed, never NULL.
 * Threads:   any.
 * Since:     0.1
 */
TPAR_API const char *tpar_future_message(const tpar_future *f);

/**
 * tpar_future_cancel - ask for a task to be stopped.
 *
 * A task that has not begun ends as cancelled at once: its function is never
 * called, drop_arg runs, waiters wake.  A running one sees tpar_cancelled(),
 * and what it waits for itself in a gather is cancelled too.  A task may ignore
 * the request: how it returns decides.
 *
 * Threads: any; as often as wanted.
 * Errors:  TPAR_OK (the request is recorded, or was before), TPAR_EALREADY (it
 *          has ended, nothing is changed), TPAR_EINVAL (f NULL).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_future_cancel(tpar_future *f);

/**
 * tpar_future_cancel_at - cancel a future at a deadline, unless it has ended.
 *
 * What tpar_task.deadline_ns does for a task, for any future at any time, also
 * a promise's or a gather's in the background.  It cannot be taken back, but
 * another one may be earlier.
 *
 * Units:   deadline_ns, see base.h.  One that has passed cancels at once;
 *          TPAR_FOREVER does nothing.
 * Threads: any.  Needs no thread per deadline: one serves all, O(log n) each.
 * Errors:  TPAR_EALREADY (it has ended), TPAR_EINVAL (f NULL), TPAR_ENOMEM (or
 *          that thread cannot be started).
 * Source:  asyncio.timeout_at.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_future_cancel_at(tpar_future *f,
					     int64_t deadline_ns);

/**
 * tpar_future_shield - keep sets and groups from cancelling a future.
 *
 * The failure of a sibling, the deadline or the stop of what gathers it no
 * longer reaches it; it is still waited for, so a set ends no earlier than its
 * shielded members.  tpar_future_cancel(), its own deadline and the shutdown of
 * its pool do.  Cannot be undone.  TPAR_SHIELDED does it from the beginning.
 *
 * Threads: any; a sweep that has begun may still reach it.
 * Errors:  TPAR_EINVAL (f NULL).
 * Source:  asyncio.shield, whose shield is left behind; here nothing is.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_future_shield(tpar_future *f);

/**
 * tpar_context - the calling task's context pointer.
 *
 * What tpar_task.context was when the task was submitted, or what the task had
 * that submitted it: so it reaches everything that is done for a request.
 *
 * Ownership: the caller's, who sees to it that it outlives those tasks.
 * Returns:   NULL outside of a task, and if none was given.
 * Threads:   any.
 * Source:    Python's contextvars, Java's ScopedValue.
 * Since:     0.1
 */
TPAR_API void *tpar_context(void);

/**
 * tpar_future_take - move the value out: drop_value will not run.
 *
 * Shapes:    value receives value_size bytes; NULL is allowed for size 0.
 * Ownership: what the value owns is the caller's from here on.
 * Threads:   any; one caller wins.
 * Errors:    TPAR_EBUSY (not ended), TPAR_EFAILED, TPAR_ECANCELED (no value),
 *            TPAR_EALREADY (taken before), TPAR_EINVAL (NULL).
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_future_take(tpar_future *f,
						       void *value);

/**
 * tpar_future_ref - one more handle to the same future.
 *
 * Shapes:  f is a handle, not NULL.
 * Returns: f.  At most 2^31 handles.
 * Threads: any thread that has a handle.
 * Since:   0.1
 */
TPAR_API tpar_future *tpar_future_ref(tpar_future *f);

/**
 * tpar_future_unref - release a handle.
 *
 * The task goes on: releasing is not cancelling.  With the last handle the
 * value is dropped, now or when the task ends.
 *
 * Shapes:  NULL is allowed and does nothing.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API void tpar_future_unref(tpar_future *f);

/**
 * tpar_future_unref_all - release n handles, cheaper than one by one.
 *
 * Shapes:    f[0..n); NULL entries are skipped; n may be 0.
 * Ownership: every f[i] that was a handle becomes NULL.
 * Threads:   any.
 * Since:     0.1
 */
TPAR_API void tpar_future_unref_all(tpar_future **f, size_t n);

#endif
