/* SPDX-License-Identifier: MIT */
/*
 * systurn.h - whose turn it is: points, waiting, waking, and the virtual clock.
 *
 * All but tpi_systurn_wake() are for the calling thread of a run, whose turn it
 * is, and which has it again when they return.
 *
 * The clock stands still while threads work.  Only loops that wait let it go on,
 * a little each round, and ever more if nothing comes of it; and when nobody can
 * go on before a deadline, it is that deadline.  So a timeout comes only when
 * all that could be done before has been, and does not hide a lost wake-up,
 * unless the run was told to let timeouts come early.
 */
#ifndef TPI_SYSTURN_H
#define TPI_SYSTURN_H

#include "sysworld.h"

/* Where the calling thread is; others may go on. */
void tpi_systurn_point(const char *file, unsigned line);

/* The same, without others. */
void tpi_systurn_mark(const char *file, unsigned line);

/* Others go on first, if they can; and time. */
void tpi_systurn_yield(void);

/* Only time: a waiting loop goes round. */
void tpi_systurn_round(void);

/*
 * Waits for tpi_systurn_wake() of that, until the deadline, 0: none.  false: the
 * deadline has come.  ENDS: so; else the run does, as a deadlock.
 */
bool tpi_systurn_wait(enum tpi_syswait what, const void *object,
		      int64_t deadline);

/* All that wait for it can go on. */
void tpi_systurn_wake(enum tpi_syswait what, const void *object);

/* One of them, which the seed chooses, if there is one. */
void tpi_systurn_wake_one(enum tpi_syswait what, const void *object);

/* The calling thread was just made, and waits for its first turn. */
void tpi_systurn_begin(struct tpi_systhread *self);

/* It has ended, and passes its turn on.  RELEASE POINT: self. */
void tpi_systurn_end(struct tpi_systhread *self);

/* The time goes on by so much. */
void tpi_systurn_spend(int64_t ns);

#endif
