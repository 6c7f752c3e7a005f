/* SPDX-License-Identifier: MIT */
/*
 * parker.h - what a thread sleeps on: a mutex, a condition variable, and a
 * token that makes the order of parking and waking irrelevant.
 *
 * This is the condition variable behind a future.  It belongs to the waiting
 * thread and is attached to a future only while that thread waits there
 * (frame.h).  Parkers are never freed, only reused by other threads: whoever
 * has seen one may wake it at any later time; a thread that was not meant wakes
 * for nothing and looks at its own condition again.
 *
 * EMPTY -> PARKED -> TOKEN -> EMPTY, or EMPTY -> TOKEN -> EMPTY.
 */
#ifndef TPI_PARKER_H
#define TPI_PARKER_H

#include "atomics.h"
#include "fork.h"
#include "lock.h"

enum { TPI_PARK_EMPTY, TPI_PARK_PARKED, TPI_PARK_TOKEN };

struct tpi_parker {
	_Atomic uint32_t state; /* [a:P1] */
	uint32_t generation;	/* [c] of the process, see tpi_parker_renew() */
	struct tpi_lock lock;
	struct tpi_cond cond;
	struct tpi_parker *next; /* [m:parker list] */
};

/*
 * Takes over, in the child of a fork, one that was made before.  The others
 * belong to threads that are not here, and may have been locked by one: nobody
 * wakes them.  Its owner only, or for one without.
 */
void tpi_parker_renew(struct tpi_parker *parker);

/* Before and after a fork: the list. */
void tpi_parker_fork(enum tpi_fork when);

/* From the list of those nobody uses, or new.  NULL: no memory. */
struct tpi_parker *tpi_parker_get(void);

/* Back to the list. */
void tpi_parker_put(struct tpi_parker *parker);

/*
 * Sleeps until there is a token, and takes it; or until the deadline (0: none)
 * has come.  Owner only.  ENDS: by tpi_parker_wake().  false: no token came.
 */
bool tpi_parker_park(struct tpi_parker *parker, int64_t deadline_ns);

/*
 * Leaves a token; wakes the owner if it sleeps.  Any thread.  Nothing, if that
 * was lost in a fork.
 */
void tpi_parker_wake(struct tpi_parker *parker);

#endif
