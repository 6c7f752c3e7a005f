/* SPDX-License-Identifier: MIT */
/*
 * group.h - a scope that tasks are spawned into, one after the other, by
 * anybody; it closes when all of them have ended.
 *
 *     if ((err = tpar_group_open(&g, NULL)) != TPAR_OK)
 *             return err;
 *     while (more_work(&item) &&
 *            tpar_group_run(g, handle, item) == TPAR_OK)
 *             ;
 *     err = tpar_group_close(g, &why, 1, NULL);
 *     tpar_group_destroy(g);
 *
 * The first child that fails cancels the others, and no further child is taken;
 * so does a deadline, tpar_group_cancel(), and a stop of the task that opened
 * the group.  Groups nest: what stops a child stops the groups it has opened.
 * A child that is cancelled by itself is no failure of the group.
 */
#ifndef TASKPAR_GROUP_H
#define TASKPAR_GROUP_H

#include <stdbool.h>
#include <taskpar/base.h>
#include <taskpar/future.h>
#include <taskpar/gather.h>

/*
 * size, site    filled in by TPAR_GROUP_CONFIG_INIT.
 * pool          where children run; NULL as everywhere.
 * deadline_ns   when the children are cancelled (base.h); one that has passed:
 *               no child ever begins.
 * name          for messages; a string literal, or NULL.
 * detached      true: a stop of the task that opens it does not reach it.
 */
struct tpar_group_config {
	size_t size;
	const char *site;
	tpar_pool *pool;
	int64_t deadline_ns;
	const char *name;
	bool detached;
};

#define TPAR_GROUP_CONFIG_INIT                                                 \
	{                                                                      \
		sizeof(struct tpar_group_config), TPAR_SITE, NULL, 0, NULL,    \
			false                                                  \
	}

/**
 * tpar_group_open - open a scope for tasks.
 *
 * Its parent scope is the calling task: when that is asked to stop, so are the
 * children, at once, also while it runs on.
 *
 * Shapes:    config may be NULL: all defaults.
 * Ownership: *g is the caller's, until tpar_group_destroy().
 * Threads:   any, inside tasks and outside.
 * Errors:    TPAR_EINVAL (g NULL, config of a wrong size), TPAR_ENOMEM,
 *            TPAR_EAGAIN (the thread that serves deadlines cannot be started;
 *            the default pool cannot), TPAR_ESTOPPED (the calling task has
 *            been asked to stop).  On error *g is untouched.
 * Source:    asyncio.TaskGroup, trio's nursery, Java's StructuredTaskScope.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_group_open(tpar_group **g, const struct tpar_group_config *config);

/**
 * tpar_group_submit - submit a task as a child of the group.
 *
 * The same as tpar_submit_task() with task->group = g, in the group's pool.
 * While the group closes, tasks may still submit as long as a child runs: the
 * children, and those that work for them; no thread from outside.
 *
 * Ownership: as tpar_submit_task(); future NULL: only the group waits for it.
 * Threads:   any, many at once.
 * Errors:    as tpar_submit_task(); TPAR_ECLOSED also when the group has failed,
 *            was cancelled or is closed: nothing was taken, drop_arg has not
 *            run.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_group_submit(tpar_group *g, const struct tpar_task *task,
		  tpar_future **future);

/**
 * tpar_group_run_at - submit fn(arg) as a child, without a value or a handle.
 *
 * The macro tpar_group_run(g, fn, arg) passes TPAR_SITE.
 *
 * Errors:  as tpar_group_submit().
 * Threads: any.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_group_run_at(tpar_group *g, tpar_task_fn fn, void *arg, const char *site);

#define tpar_group_run(g, fn, arg)                                             \
	tpar_group_run_at((g), (fn), (arg), TPAR_SITE)

/**
 * tpar_group_cancel - ask all children to stop; none is taken any more.
 *
 * What has not begun never begins, what runs is asked to stop and can read the
 * reason with tpar_cancel_reason().
 *
 * Shapes:  reason: in words, copied; NULL: none.
 * Threads: any; as often as wanted, the first cause counts.
 * Errors:  TPAR_OK (asked for, also if it was before), TPAR_EALREADY (the group
 *          is closed), TPAR_EINVAL (g NULL).
 * Source:  Go's context.CancelCauseFunc.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_group_cancel(tpar_group *g, const char *reason);

/**
 * tpar_group_fail - a failure of what goes on in the scope besides its children.
 *
 * It counts as the failure of a child: cancels the others, and is reported by
 * tpar_group_close(), with index SIZE_MAX.  The first such failure is kept.
 *
 * Shapes:  code as a task's, 0 becomes TPAR_EFAILED; fmt and its arguments as
 *          for printf, or NULL.
 * Threads: any.
 * Errors:  TPAR_EALREADY (the group is closed), TPAR_EINVAL (g NULL).
 * Source:  an exception in the body of asyncio.TaskGroup.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_group_fail(tpar_group *g, int code, const char *fmt,
				       ...) TPAR_PRINTF(3, 4);

/**
 * tpar_group_cancelled - has the group failed, or was it cancelled?
 *
 * Shapes:  g is not NULL.
 * Threads: any; costs one load.
 * Since:   0.1
 */
TPAR_API bool tpar_group_cancelled(const tpar_group *g);

/**
 * tpar_group_close - wait until all children have ended; say what failed.
 *
 * In a task, children that have not begun are run here.  If the calling task
 * is asked to stop, the children are, too.  More may be submitted until the last
 * child has ended; then the group is closed for good.
 *
 * Shapes:    failures[0..capacity): the first ones in time; may be NULL if
 *            capacity is 0.  *count: how many there were; may be NULL.
 *            failures[i].index is the child's number, by order of submission.
 * Threads:   any but the group's own children, once.  Not in a callback or a
 *            drop function of what a child leaves: it has not ended before.
 * Errors:    TPAR_OK: all children are done, or those that are not were only
 *            cancelled themselves.  Else the first cause in time: TPAR_EFAILED
 *            (a child, or tpar_group_fail()); TPAR_ECANCELED
 *            (tpar_group_cancel(); tpar_error_detail() has the reason);
 *            TPAR_ETIMEDOUT (its deadline); TPAR_ESTOPPED (the task that opened
 *            it, or the calling one); TPAR_EAGAIN (stack and threads were used
 *            up), TPAR_EDEADLK (a child waits for the calling task; those that
 *            lead back to it may not have ended); or, at once, with nothing
 *            touched: TPAR_EDEADLK (the calling task is a child),
 *            TPAR_ECLOSED (closed before, or being closed), TPAR_EINVAL.
 *            A group whose children are all done gives TPAR_OK although it was
 *            cancelled.
 * Source:    trio, errgroup.Group.Wait, StructuredTaskScope.join().
 * See:       doc/STATES.md#group.   Since: 0.1
 */
TPAR_API enum tpar_err tpar_group_close(tpar_group *g,
					struct tpar_failure *failures,
					size_t capacity, size_t *count);

/**
 * tpar_group_destroy - free a group; closes it first if need be.
 *
 * Shapes:  g may be NULL.
 * Threads: any but the group's own children, once, and no other call with g
 *          may overlap or follow.
 * Since:   0.1
 */
TPAR_API void tpar_group_destroy(tpar_group *g);

#endif
