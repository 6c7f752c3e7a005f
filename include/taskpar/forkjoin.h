/* SPDX-License-Identifier: MIT */
/*
 * forkjoin.h - recursive parallelism whose fork costs a nanosecond.
 *
 *     TPAR_TASK_1(long, fib, int, n)
 *     {
 *             long a, b;
 *
 *             if (n < 2)
 *                     return n;
 *             TPAR_FORK(fib, n - 1);
 *             b = TPAR_CALL(fib, n - 2);
 *             a = TPAR_JOIN(fib);
 *             return a + b;
 *     }
 *
 *     err = TPAR_RUN(fib, NULL, &result, NULL, 38);
 *
 * A fork is a promise that the task may run at any time until its join, on any
 * worker of the pool; as long as nobody is idle it is a plain call at the join.
 * Without TPAR_FORK, TPAR_JOIN and TPAR_CALL the program is the sequential one,
 * and has the same results.
 *
 * Rules, which a compiler cannot check:
 *
 * - Forks and joins nest strictly: TPAR_JOIN(name) joins the youngest fork that
 *   is not joined, which is one of `name`, and a task joins all that it forked
 *   before it returns.  With TPAR_DEBUG defined before this header is included,
 *   whatever breaks this ends the program with what and where.  Without, a task
 *   that leaves forks unjoined gives TPAR_EINVAL, if it was the root or run by
 *   another worker, and so does a join too many at the root of a computation that
 *   is not within another; a join of the wrong name and any other join too many
 *   are undefined.
 * - Arguments and results are copied byte by byte; all arguments of a task
 *   together, and its result, have at most TPAR_DATA_SIZE bytes (the compiler
 *   says so).  Pass more by pointer into the caller's frame, which is there
 *   until the join.
 * - A forked task must not wait for what the task that forks it does after the
 *   fork; it may run first, or last.
 * - It must not call pthread_exit().
 *
 * Such tasks may do all that others may: submit futures, gather them, call
 * TPAR_RUN and the loops of algorithm.h, ask tpar_cancelled().
 *
 * Memory: each worker that ever forks has TPAR_SLOTS_SIZE bytes of address
 * space for its forks, of which 64 bytes are used per fork not yet joined; a
 * fork beyond that is called at once.  The stack takes what the functions need,
 * which the library adds nothing to: fib() 80 bytes per level with GCC 12, 48 with
 * Clang 19 (x86-64, -O2); see tpar_pool_config.stack_size.
 */
#ifndef TASKPAR_FORKJOIN_H
#define TASKPAR_FORKJOIN_H

#include <taskpar/base.h>
#include <taskpar/forktask.h>
#include <taskpar/gather.h>

/*
 * TPAR_TASK_n(type, name, type 1, name 1, ...) { body }
 *
 * A task of n arguments with a result, for this file; its body follows.  In it
 * the arguments are variables of those names, which TPAR_FORK, TPAR_CALL and
 * TPAR_JOIN do not mind.  Types are names of types that can be assigned: an
 * array or a pointer to a function needs a typedef.
 *
 * TPAR_VOID_TASK_n(name, type 1, name 1, ...) is one without a result.
 *
 * TPAR_TASK_DECL_n and TPAR_VOID_TASK_DECL_n, followed by nothing, declare one
 * that several files use, or that others of this file call before it is
 * defined; TPAR_TASK_BODY_n and TPAR_VOID_TASK_BODY_n, once, define it.
 */
/* clang-format off */
#define TPAR_TASK_0(type, name) TPAR_TASK_(0, type, name, none)
#define TPAR_TASK_1(...) TPAR_TASK_(1, __VA_ARGS__)
#define TPAR_TASK_2(...) TPAR_TASK_(2, __VA_ARGS__)
#define TPAR_TASK_3(...) TPAR_TASK_(3, __VA_ARGS__)
#define TPAR_TASK_4(...) TPAR_TASK_(4, __VA_ARGS__)
#define TPAR_TASK_5(...) TPAR_TASK_(5, __VA_ARGS__)
#define TPAR_TASK_6(...) TPAR_TASK_(6, __VA_ARGS__)
#define TPAR_TASK_7(...) TPAR_TASK_(7, __VA_ARGS__)
#define TPAR_TASK_8(...) TPAR_TASK_(8, __VA_ARGS__)

#define TPAR_TASK_DECL_0(type, name) TPAR_TASK_DECL_(0, type, name, none)
#define TPAR_TASK_DECL_1(...) TPAR_TASK_DECL_(1, __VA_ARGS__)
#define TPAR_TASK_DECL_2(...) TPAR_TASK_DECL_(2, __VA_ARGS__)
#define TPAR_TASK_DECL_3(...) TPAR_TASK_DECL_(3, __VA_ARGS__)
#define TPAR_TASK_DECL_4(...) TPAR_TASK_DECL_(4, __VA_ARGS__)
#define TPAR_TASK_DECL_5(...) TPAR_TASK_DECL_(5, __VA_ARGS__)
#define TPAR_TASK_DECL_6(...) TPAR_TASK_DECL_(6, __VA_ARGS__)
#define TPAR_TASK_DECL_7(...) TPAR_TASK_DECL_(7, __VA_ARGS__)
#define TPAR_TASK_DECL_8(...) TPAR_TASK_DECL_(8, __VA_ARGS__)

#define TPAR_TASK_BODY_0(type, name) TPAR_TASK_BODY_(0, type, name, none)
#define TPAR_TASK_BODY_1(...) TPAR_TASK_BODY_(1, __VA_ARGS__)
#define TPAR_TASK_BODY_2(...) TPAR_TASK_BODY_(2, __VA_ARGS__)
#define TPAR_TASK_BODY_3(...) TPAR_TASK_BODY_(3, __VA_ARGS__)
#define TPAR_TASK_BODY_4(...) TPAR_TASK_BODY_(4, __VA_ARGS__)
#define TPAR_TASK_BODY_5(...) TPAR_TASK_BODY_(5, __VA_ARGS__)
#define TPAR_TASK_BODY_6(...) TPAR_TASK_BODY_(6, __VA_ARGS__)
#define TPAR_TASK_BODY_7(...) TPAR_TASK_BODY_(7, __VA_ARGS__)
#define TPAR_TASK_BODY_8(...) TPAR_TASK_BODY_(8, __VA_ARGS__)

#define TPAR_VOID_TASK_0(name) TPAR_VOID_TASK_(0, name, none)
#define TPAR_VOID_TASK_1(...) TPAR_VOID_TASK_(1, __VA_ARGS__)
#define TPAR_VOID_TASK_2(...) TPAR_VOID_TASK_(2, __VA_ARGS__)
#define TPAR_VOID_TASK_3(...) TPAR_VOID_TASK_(3, __VA_ARGS__)
#define TPAR_VOID_TASK_4(...) TPAR_VOID_TASK_(4, __VA_ARGS__)
#define TPAR_VOID_TASK_5(...) TPAR_VOID_TASK_(5, __VA_ARGS__)
#define TPAR_VOID_TASK_6(...) TPAR_VOID_TASK_(6, __VA_ARGS__)
#define TPAR_VOID_TASK_7(...) TPAR_VOID_TASK_(7, __VA_ARGS__)
#define TPAR_VOID_TASK_8(...) TPAR_VOID_TASK_(8, __VA_ARGS__)

#define TPAR_VOID_TASK_DECL_0(name) TPAR_VOID_TASK_DECL_(0, name, none)
#define TPAR_VOID_TASK_DECL_1(...) TPAR_VOID_TASK_DECL_(1, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_2(...) TPAR_VOID_TASK_DECL_(2, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_3(...) TPAR_VOID_TASK_DECL_(3, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_4(...) TPAR_VOID_TASK_DECL_(4, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_5(...) TPAR_VOID_TASK_DECL_(5, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_6(...) TPAR_VOID_TASK_DECL_(6, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_7(...) TPAR_VOID_TASK_DECL_(7, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_8(...) TPAR_VOID_TASK_DECL_(8, __VA_ARGS__)

#define TPAR_VOID_TASK_BODY_0(name) TPAR_VOID_TASK_BODY_(0, name, none)
#define TPAR_VOID_TASK_BODY_1(...) TPAR_VOID_TASK_BODY_(1, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_2(...) TPAR_VOID_TASK_BODY_(2, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_3(...) TPAR_VOID_TASK_BODY_(3, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_4(...) TPAR_VOID_TASK_BODY_(4, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_5(...) TPAR_VOID_TASK_BODY_(5, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_6(...) TPAR_VOID_TASK_BODY_(6, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_7(...) TPAR_VOID_TASK_BODY_(7, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_8(...) TPAR_VOID_TASK_BODY_(8, __VA_ARGS__)
/* clang-format on */

/*
 * In the body of a task:
 *
 * TPAR_FORK(name, arguments...)  lets the task run at any time from now on.
 * TPAR_CALL(name, arguments...)  calls it; its result.
 * TPAR_JOIN(name)                has it run here, unless it runs elsewhere or
 *                                has; its result.
 *
 * None of them fails: without memory a fork is a call.
 */
#define TPAR_FORK(...)                                                         \
	(TPAR_FORKS_(tpar_head, TPAR_TEXT_(__VA_ARGS__, ~)) TPAR_GLUE_(        \
		tpar_fork_, __VA_ARGS__, ~)(&tpar_head, __VA_ARGS__))
#define TPAR_CALL(...)                                                         \
	TPAR_GLUE_(tpar_call_, __VA_ARGS__, ~)(tpar_head, __VA_ARGS__)
#define TPAR_JOIN(name)                                                        \
	(TPAR_JOINS_(tpar_head, #name)                                         \
		 tpar_join_##name##_(&tpar_head, tpar_slow))

/**
 * TPAR_RUN - run a fork-join task, from anywhere, and wait for it.
 *
 * TPAR_RUN(name, pool, result, why, arguments...)
 *
 * On a worker of `pool` (or any, if pool is NULL) it runs here, as part of the
 * calling task; elsewhere it is a task of its own that is waited for.  A worker
 * of another pool may run that itself meanwhile; then it is that pool's workers
 * that take its forks.
 *
 * Shapes:    result: where to put it, or NULL; of a void task always NULL.
 *            why: as in tpar_gather(), or NULL.
 * Threads:   any; inside tasks, futures' or these, at any depth.
 * Errors:    TPAR_OK; TPAR_EFAILED (a task called tpar_run_fail(): why->code and
 *            why->message); TPAR_ESTOPPED (a task did so with TPAR_ESTOPPED, or
 *            forks were skipped as the pool was cancelled); TPAR_ENOMEM (nothing
 *            has begun; or, with so many forks beyond the slots that there was no
 *            memory for their results, the rest was skipped); TPAR_EINVAL (a task
 *            left forks unjoined, or joined too many); TPAR_EDEADLK (a task
 *            waits, by way of others, for one that joins it: the computation
 *            has failed, and one of these waits with TPAR_EDEADLK); and, from
 *            outside the pool, those of tpar_submit() and tpar_gather().
 *            On error *result is untouched; all forks have ended.
 * Serial:    *result = name(arguments...)
 * Source:    Cilk, Lace's RUN.
 * Since:     0.1
 */
#define TPAR_RUN(...) TPAR_GLUE_(tpar_run_, __VA_ARGS__, ~)(__VA_ARGS__)

/**
 * tpar_run_fail - end the fork-join computation that the caller is part of.
 *
 * The first call in time counts.  Forks that have not begun are skipped, in the
 * whole computation and in those that its tasks have started on this pool, but
 * for what they do in a shield; those that run see tpar_cancelled(); joins give
 * zeroed results.  The task that calls it returns as usual, with any result.
 *
 * Shapes:  code: what TPAR_RUN reports in why->code, not 0; TPAR_ESTOPPED: it
 *          returns that.  fmt: as printf(), or NULL.
 * Threads: inside a fork-join task; elsewhere nothing is done.
 * Errors:  none.
 * Source:  std::execution's set_error; Go's errgroup.
 * Since:   0.1
 */
TPAR_API void tpar_run_fail(int code, const char *fmt, ...) TPAR_PRINTF(2, 3);

#endif
