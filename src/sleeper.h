/* SPDX-License-Identifier: MIT */
/*
 * sleeper.h - a task that sleeps in a system call, so that its cancel ends it.
 *
 * It hands its place over and has a region (interrupt.h).  It sleeps in ppoll(),
 * which lets the signal through in the same step, so that one that came before
 * breaks it; or in the call itself, between let_through and hold_back, where it
 * is the signal's being repeated that counts.  doc/INTERRUPT.md.
 */
#ifndef TPI_SLEEPER_H
#define TPI_SLEEPER_H

#include "base.h"
#include "interrupt.h"

#include <poll.h>
#include <signal.h>

/* All 0 before it is begun. */
struct tpi_sleeper {
	struct tpi_run *run;
	struct tpi_interrupt *region; /* that of the task, or `own` */
	struct tpi_interrupt own;
	sigset_t mask;	     /* to sleep with */
	int64_t deadline_ns; /* of tpi_sleeper_await() */
	bool timed;	     /* it was asked for */
	bool begun;
};

/* Is there anybody who could be asked?  Not what only drops what a task had. */
bool tpi_sleeper_in_task(void);

/* true: the task was asked to stop, errno says so. */
bool tpi_sleeper_asked(void);

/*
 * The call has failed: by a signal that is none of ours, so that a task has to
 * make it again?  Else errno is kept, or ECANCELED if the task was asked to stop.
 */
bool tpi_sleeper_broken(void);

/*
 * Does the caller of a call for fd not want to wait, or would it be refused: is
 * it opened as O_RDONLY or O_WRONLY, `only`?  errno is kept.
 */
bool tpi_sleeper_declines(int fd, int only);

/* Does errno say that the call would have blocked? */
bool tpi_sleeper_would_block(void);

/* If it is not begun yet.  false: errno says why not. */
bool tpi_sleeper_begin(struct tpi_sleeper *s);

/* If it was begun.  errno is kept. */
void tpi_sleeper_end(struct tpi_sleeper *s);

/* The call itself is about to be made, and has been.  errno is kept. */
void tpi_sleeper_let_through(struct tpi_sleeper *s);
void tpi_sleeper_hold_back(void);

/* Until one is ready: how many; 0: the deadline has come; -1: errno says why. */
int tpi_sleeper_poll(struct tpi_sleeper *s, struct pollfd *fds, nfds_t n,
		     int64_t deadline_ns);

/* The time of the call begins, if it has not yet, for tpi_sleeper_await(). */
void tpi_sleeper_time(struct tpi_sleeper *s, int fd, short events);

/*
 * Begins, and sleeps until fd is ready or its own timeout is over (EAGAIN).  false:
 * errno says why not.
 */
bool tpi_sleeper_await(struct tpi_sleeper *s, int fd, short events);

#endif
