/* SPDX-License-Identifier: MIT */
/*
 * interrupt.h - regions: parts of a task in which its cancel breaks what its
 * thread sleeps in, a system call or a condition variable of the program's.
 *
 * A task that is asked to stop while it is in an open region is kicked, at once
 * and again after 1, 2, 4 .. 64 ms and every 64 ms until it has left it: so it
 * does not matter where it is on the way to the call.  All that kicks or ends
 * being kicked is under one lock, so that a thread that has left is never
 * signalled.  doc/INTERRUPT.md.
 */
#ifndef TPI_INTERRUPT_H
#define TPI_INTERRUPT_H

#include "base.h"
#include "fork.h"
#include "handler.h"
#include "thread.h"

#include <taskpar/base.h>

#include <pthread.h>

/* One at a time for each run, which knows it. */
struct tpi_interrupt {
	struct tpi_handler told;     /* its task is asked to stop */
	struct tpi_interrupt *next;  /* [m:interrupt] in the list of kicked */
	struct tpi_interrupt **link; /* [m:interrupt] NULL: it is not in it */
	int64_t when;		     /* [m:interrupt] of the next kick */
	int64_t gap;		     /* [m:interrupt] after the last one */
	pthread_t thread;	     /* [c] */
	pthread_cond_t *cond;	     /* [m:interrupt] is broadcast instead */
	bool open;		     /* [m:interrupt] may be kicked */
	bool asked;		     /* [m:interrupt] its task was */
	bool kicked;		     /* [m:interrupt] since it was opened */
	bool listens;		     /* `told` was added */
	bool signals;		     /* the signal is ready */
	bool was_unblocked;	     /* the signal, before */
	unsigned raw;	     /* tpar_interruptible_enter() less _leave() */
	unsigned pauses;     /* of others that run on top */
	uint32_t generation; /* [c] */
};

/*
 * Begins one of the calling run, which has none, with the signal blocked; opens it
 * unless the task is shielded.  cond: what is to be broadcast instead of sending
 * the signal, or NULL.  On error, with a detail, nothing is begun: TPAR_ESTOPPED,
 * TPAR_ENOMEM, or as tpi_kick_ready().
 */
enum tpar_err tpi_interrupt_begin(struct tpi_interrupt *region,
				  pthread_cond_t *cond);

/* That of the run: it is not kicked any more, and the mask is as it was. */
void tpi_interrupt_end(struct tpi_run *run);

/* The same at the end of the run. */
void tpi_interrupt_end_run(struct tpi_run *run);

/*
 * Kicks broadcast this one, in the run's own region; NULL: they are signals.
 * Whether the task was asked is to be looked at afterwards.
 */
void tpi_interrupt_aim(struct tpi_interrupt *region, pthread_cond_t *cond);

void tpi_interrupt_pause_slow(struct tpi_interrupt *region);
void tpi_interrupt_resume_slow(struct tpi_interrupt *region);

/* The calling task has changed its shield. */
void tpi_interrupt_shield_slow(struct tpi_interrupt *region);

static inline void
tpi_interrupt_shield(struct tpi_run *run)
{
	if (TPI_UNLIKELY(run->interrupt != NULL)) {
		tpi_interrupt_shield_slow(run->interrupt);
	}
}

/*
 * What is none of the calling task's is about to run on its thread: it must not
 * be interrupted.  Returns what has to be resumed.
 */
static inline struct tpi_interrupt *
tpi_interrupt_pause(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (TPI_LIKELY(run == NULL) || TPI_LIKELY(run->interrupt == NULL)) {
		return NULL;
	}
	tpi_interrupt_pause_slow(run->interrupt);
	return run->interrupt;
}

static inline void
tpi_interrupt_resume(struct tpi_interrupt *paused)
{
	if (TPI_UNLIKELY(paused != NULL)) {
		tpi_interrupt_resume_slow(paused);
	}
}

/* In the child of a fork nobody is kicked. */
void tpi_interrupt_fork(enum tpi_fork when);

#endif
