/* SPDX-License-Identifier: MIT */
/*
 * thread.h - what the library knows about the calling thread: the one
 * thread-local structure.
 */
#ifndef TPI_THREAD_H
#define TPI_THREAD_H

#include "base.h"
#include "fork.h"
#include "point.h"

struct tpar_future;
struct tpar_limits;
struct tpi_callback;
struct tpi_handlers;
struct tpi_heap;
struct tpi_interrupt;
struct tpi_parker;
struct tpi_region;
struct tpi_sweep;
struct tpi_worker;

/* A task being run; on the stack of the thread that runs it. */
struct tpi_run {
	struct tpar_future *task;
	struct tpi_run *outer; /* the run it was put on top of, or NULL */
	char *message;	       /* what tpar_fail() kept, or NULL */
	/*
	 * The innermost run below that is of another pool and whose stop is
	 * meant for this task, too, as it gathers it; or NULL.
	 */
	struct tpi_run *stopper;
	struct tpi_region *region; /* the fork-join computation, or NULL */
	struct tpi_run
		*root;	 /* of a stolen fork: that it is part of, or NULL */
	unsigned shield; /* tpar_shield_enter() less tpar_shield_leave() */
	bool ending;	 /* it only drops its argument any more */
	bool handled; /* a handler was added (handler.h), or blocking, or a region */
	unsigned blocking; /* tpar_blocking_enter() less _leave() */
	bool handed_over;  /* by the former: the place of its thread */
	struct tpi_handlers *handlers;	 /* of tpar_on_cancel(), or NULL */
	struct tpi_interrupt *interrupt; /* its region (interrupt.h), or NULL */
};

struct tpi_thread {
	struct tpi_run *run;	   /* the innermost, or NULL */
	struct tpi_worker *worker; /* NULL outside of pools */
	struct tpi_heap *heap;	   /* the worker's, or NULL */
	struct tpi_parker *parker; /* NULL until it first waits */
	struct tpi_sweep *sweep;   /* cancelling under way, or NULL */
	struct tpi_callback *due;  /* to be called (after.h), oldest first */
	struct tpi_callback *due_last;
	bool due_running;
	struct tpi_callback *late; /* what may block, once nothing is due */
	struct tpi_callback *late_last;
	bool late_running;
	struct tpi_run *handling;   /* whose handler it runs (oncancel.c) */
	struct tpar_limits *limits; /* of its forks, or NULL: it has none */
	bool exiting; /* a task has called pthread_exit(): none runs on top */
};

/* One access without a call, where the loader allows it. */
#if defined(__GLIBC__) && defined(__GNUC__)
#define TPI_TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define TPI_TLS_MODEL
#endif

#ifdef TPI_MODEL
/* The checker has no thread-local structures: the model knows whose it is. */
struct tpi_thread *tpi_model_self(void);
#define tpi_thread_self (*tpi_model_self())
#else
extern _Thread_local struct tpi_thread tpi_thread_self TPI_TLS_MODEL;
#endif

/*
 * The run that cannot go on before the calling thread has: the innermost one,
 * or that whose handler it runs; or NULL.
 */
static inline struct tpi_run *
tpi_thread_run(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	return run != NULL ? run : tpi_thread_self.handling;
}

/* What a user takes it for: a stolen fork is part of the task that forked. */
static inline struct tpi_run *
tpi_thread_root(struct tpi_run *run)
{
	return run->root != NULL ? run->root : run;
}

/* Its task, for which the calling thread must not wait; or NULL. */
static inline struct tpar_future *
tpi_thread_task(void)
{
	struct tpi_run *run = tpi_thread_run();

	return run != NULL ? tpi_thread_root(run)->task : NULL;
}

/* To spread threads over what is there a few times: differs between most. */
static inline unsigned
tpi_thread_hint(void)
{
#ifdef TPI_SYS
	return tpar_sys_thread(); /* the same in each replay */
#else
	return (unsigned)((uintptr_t)&tpi_thread_self >> 12);
#endif
}

/* Before and after a fork: the calling thread takes what it has along. */
void tpi_thread_fork(enum tpi_fork when);

struct tpi_parker *tpi_thread_parker_slow(void);

/*
 * The calling thread's parker; given back when the thread ends.  NULL: there is
 * no memory for one.
 */
static inline struct tpi_parker *
tpi_thread_parker(void)
{
	struct tpi_parker *parker = tpi_thread_self.parker;

	return TPI_LIKELY(parker != NULL) ? parker : tpi_thread_parker_slow();
}

#endif
