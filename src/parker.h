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
#include "lock.h"

enum { TPI_PARK_EMPTY, TPI_PARK_PARKED, TPI_PARK_TOKEN };

struct tpi_parker {
	_Atomic uint32_t state; /* [a:P1] */
	struct tpi_lock lock;
	struct tpi_cond cond;
	struct tpi_parker *next; /* [m:parker list] */
};

/* From the list of those nobody uses, or new.  NULL: no memory. */
struct tpi_parker *tpi_parker_get(void);

/* Back to the list. */
void tpi_parker_put(struct tpi_parker *parker);

/*
 * Sleeps until there is a token, and takes it; or until the deadline (0: none)
 * has come.  Owner only.  ENDS: by tpi_parker_wake().  false: no token came.
 */
bool tpi_parker_park(struct tpi_parker *parker, int64_t deadline_ns);

/* Leaves a token; wakes the owner if it sleeps.  Any thread. */
void tpi_parker_wake(struct tpi_parker *parker);

#endif
