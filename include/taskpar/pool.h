/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the threads that run tasks.
 *
 * Wherever a pool is asked for, NULL means: the pool of the calling task, else
 * the process's default pool, started on first use.  Most programs need no
 * other.  Pools are independent of each other; a future of one may be waited
 * for by tasks of another.
 *
 * fork(), at any moment, also while other threads use the library, but not in a
 * signal handler.  The child has one thread and no other, so in the child every
 * pool that was there is empty and refuses work with TPAR_ECLOSED; a shutdown of
 * it is over at once, and it can be destroyed, although the memory of its
 * futures stays.  The default pool starts anew on its next use.  A future that
 * had not ended is cancelled: a wait for it gives TPAR_ECANCELED, and no drop
 * function is called for it; what had ended is as it was.  Handles are released
 * as ever.  Promises can be completed, but nobody is told of it who had asked
 * before the fork; streams, groups and windows of before are closed.  The child
 * of a task, or of a function that one of the library's threads calls, may only
 * exec or _exit.
 *
 * exit(), at any moment, also in a task.  Tasks run on until the process has
 * ended: if they use what its exit handlers take away, end the pools first.
 *
 * A library that is unloaded (dlclose()) must have destroyed its pools, and
 * released the futures with drop functions of its own; of the default pool,
 * which it may share with others, it waits for its own tasks.  This library
 * itself is never unloaded.
 */
#ifndef TASKPAR_POOL_H
#define TASKPAR_POOL_H

#include <stdbool.h>
#include <taskpar/base.h>

/*
 * Where a pool gets its memory: futures, values, messages, its own structures.
 * alloc returns `size` bytes aligned to `align` (a power of two) or NULL; free
 * gets what alloc returned and the size asked.  Both are called from any
 * thread at any time, also with a lock of the library held, until the last
 * future of the pool is gone; they must not call the library.
 */
struct tpar_allocator {
	void *(*alloc)(size_t size, size_t align, void *context);
	void (*free)(void *memory, size_t size, void *context);
	void *context;
};

/*
 * Called on each of the pool's threads, first and last thing.  (A task that a
 * thread of another pool waits for may be run in place there, where this was
 * not called: own_threads_only.)  `index` is 0 .. workers + 2 * blocking_limit
 * - 1, and no two live threads of the pool share one.  It must neither wait for tasks
 * nor call pthread_exit().
 */
typedef void (*tpar_worker_fn)(unsigned index, void *arg);

/*
 * All fields but `size` may stay 0: that means the default.
 *
 * workers          tasks that run at the same time; 0: TASKPAR_WORKERS if set,
 *                  else the CPUs this process may use (affinity mask and the
 *                  quotas of all its cgroups), at least 1.  At most 4096.
 * blocking_limit   TPAR_BLOCKING tasks that run at the same time; and, once
 *                  more, threads that may be added while others wait in a task
 *                  for tasks that run elsewhere; 0: 512.  It bounds throughput,
 *                  never liveness.  A task that sleeps, or waits for what no
 *                  task does (a promise, room in a window), keeps its thread:
 *                  let there be more than of those at a time.  At most 16384.
 * stack_size       bytes of each thread's stack; 0: 8 MiB.  At least 128 KiB.
 * queue_limit      tasks submitted from outside the pool that have not begun;
 *                  beyond it a submit gives TPAR_EAGAIN; 0: no limit.
 * own_threads_only true: only this pool's threads run its tasks.  A task of
 *                  another pool that waits for one of them then blocks its
 *                  thread instead of running it in place.
 * pin              true: worker i is bound to the i-th CPU of the process's
 *                  affinity mask.  Hurts on a shared machine.
 * name             threads are called "<name>/<index>", cut to 15 bytes; NULL:
 *                  "taskpar".  Not copied: a string literal.
 * on_worker_start, on_worker_stop, hook_arg   see tpar_worker_fn.
 * allocator        copied; both functions or neither must be given.
 */
struct tpar_pool_config {
	size_t size;
	unsigned workers;
	unsigned blocking_limit;
	size_t stack_size;
	size_t queue_limit;
	bool own_threads_only;
	bool pin;
	const char *name;
	tpar_worker_fn on_worker_start;
	tpar_worker_fn on_worker_stop;
	void *hook_arg;
	struct tpar_allocator allocator;
};

#define TPAR_POOL_CONFIG_INIT                                                  \
	{                                                                      \
		sizeof(struct tpar_pool_config), 0, 0, 0, 0, false, false,     \
			NULL, NULL, NULL, NULL,                                \
		{                                                              \
			NULL, NULL, NULL                                       \
		}                                                              \
	}

enum tpar_shutdown {
	TPAR_DRAIN = 0, /* what was accepted still runs */
	TPAR_CANCEL =
		1 /* what has not begun never runs; the rest is asked to stop */
};

/**
 * tpar_pool_create - start a pool of worker threads.
 *
 * All or nothing: if one thread cannot be started, those that were are gone
 * again when the call returns.  Workers block all signals but the synchronous
 * ones (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP).
 *
 * Shapes:    config may be NULL: all defaults.
 * Ownership: *pool is the caller's, until tpar_pool_destroy().
 * Threads:   any.
 * Errors:    TPAR_EINVAL (pool NULL; config of a wrong size or with a value out
 *            of range, which tpar_error_detail() names; TASKPAR_WORKERS not a
 *            number in 1..4096), TPAR_ENOMEM, TPAR_EAGAIN (a thread could not
 *            be started).  On error *pool is untouched.
 * Source:    ThreadPoolExecutor, tbb::task_arena; sized like tokio's runtime.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_pool_create(tpar_pool **pool, const struct tpar_pool_config *config);

/**
 * tpar_pool_shutdown - end a pool's work; no submit is accepted from then on.
 *
 * TPAR_DRAIN runs what was accepted; tasks that are running may still submit
 * until the pool has run dry.  TPAR_CANCEL refuses every submit, ends what has
 * not begun as cancelled at once, and asks what runs to stop.  Either way the
 * call returns TPAR_OK once no task of the pool is queued or running (what
 * another thread is just cancelling may still be in its drop_arg); until then
 * it may be called again, with another deadline or to cancel after draining.
 *
 * Units:     deadline_ns, see base.h; TPAR_NOW only begins the shutdown.
 * Threads:   any but the pool's own tasks; several may wait at once.
 * Errors:    TPAR_EINVAL (unknown `how`), TPAR_ETIMEDOUT (tasks are left, which
 *            tpar_error_detail() names as far as they run; the shutdown goes
 *            on), TPAR_EDEADLK (called from a task of the pool; or, without a
 *            deadline, from one that a running task of the pool waits for:
 *            tpar_error_detail() has the chain, the shutdown goes on),
 *            TPAR_ESTOPPED (the calling task was asked to stop).
 *            A default pool that was never started: TPAR_OK.
 * Source:    ExecutorService.shutdown + awaitTermination.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_pool_shutdown(tpar_pool *pool,
							 enum tpar_shutdown how,
							 int64_t deadline_ns);

/**
 * tpar_pool_destroy - drain a pool, join its threads and free it.
 *
 * Futures live on: their values, codes and messages can be read, taken and
 * released afterwards.
 *
 * Shapes:    NULL is the default pool, also when called from a task; if it was
 *            never started, nothing is done.  The next use starts a new one.
 * Threads:   any but the pool's own tasks, once, and no call that names this
 *            pool may overlap it.
 * Errors:    TPAR_EDEADLK (called from a task of the pool: nothing is changed;
 *            or from one that a running task of the pool waits for: the pool is
 *            shut down, but it is still there, to be destroyed later).
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_pool_destroy(tpar_pool *pool);

/**
 * tpar_pool_each_worker - have each of a pool's threads call a function once.
 *
 *     tpar_pool_each_worker(pool, flush_cache_of_this_thread, NULL,
 *                           TPAR_FOREVER);
 *
 * For what belongs to a thread: caches, counters, signal masks.  Each thread
 * that the pool has now calls fn(index, arg) once, between two tasks or while it
 * sleeps or waits, on top of the task that waits; the caller itself, if it is
 * one of them, at once.  Threads that start later do not: see on_worker_start.
 * A thread in its on_worker_start comes to it after that.  The call returns when
 * all have returned from it.
 *
 * fn is no task, even where one waits below it: NULL is the default pool in it,
 * and nothing asks it to stop.  It must neither wait for tasks nor call
 * pthread_exit(), and may run on several threads at once.
 *
 * Shapes:  NULL: as tpar_pool_workers().
 * Units:   deadline_ns, see base.h.  A thread whose task goes on without a wait
 *          comes to it at the end of that task.
 * Threads: any, also tasks, several at once; each thread calls what was asked
 *          for in the same order.
 * Errors:  TPAR_EINVAL (fn NULL), TPAR_ETIMEDOUT, TPAR_ESTOPPED (the calling
 *          task was asked to stop): some threads have not called it and never
 *          will, none is in it any more; TPAR_EDEADLK (called by fn itself);
 *          TPAR_ECLOSED (the pool is of before a fork); and those of
 *          tpar_pool_create() for the default pool.
 * Source:  the broadcast of rayon's thread pools.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_pool_each_worker(tpar_pool *pool, tpar_worker_fn fn, void *arg,
		      int64_t deadline_ns);

/**
 * tpar_pool_workers - how many tasks the pool runs at the same time.
 *
 * Shapes:  NULL: the pool of the calling task or the default pool, which is
 *          started by this call; 0 if it cannot be.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API unsigned tpar_pool_workers(tpar_pool *pool);

#endif
