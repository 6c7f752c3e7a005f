/* SPDX-License-Identifier: MIT */
/*
 * fork.h - what the child of a fork must know: that it is one, and what those
 * who own something that the process has once have to do for it.
 *
 * The child has one thread.  Pools are dead in it, their futures that have not
 * ended are cancelled when somebody looks at them, parkers of lost threads are
 * left alone.  doc/STATES.md#fork.
 */
#ifndef TPI_FORK_H
#define TPI_FORK_H

#include "base.h"

struct tpar_future;
struct tpi_lock;

/*
 * Before the fork; after it in the parent, and in the child.  The last two are
 * called in the reverse order, so that locks are released as they were taken.
 */
enum tpi_fork { TPI_FORK_PREPARE, TPI_FORK_PARENT, TPI_FORK_CHILD };

/*
 * How many forks, of ancestors that had used the library by then, lie between
 * this process and the first.  Written only while there is one thread.
 */
extern uint32_t tpi_fork_generation;

/*
 * A thread of the library, or one that waits, or a future is made: there is
 * something to lose in a fork.  0, or an errno value: there was no memory for
 * the handlers.
 */
int tpi_fork_watch(void);

/* f has not ended: cancels it if its pool is lost. */
void tpi_fork_look_slow(struct tpar_future *f);

/* The same for a set, in which NULL is passed over. */
void tpi_fork_look_all_slow(struct tpar_future *const *f, size_t n);

/* First thing in every call that is given a future and looks how it is. */
static inline void
tpi_fork_look(struct tpar_future *f)
{
	if (TPI_UNLIKELY(tpi_fork_generation != 0)) {
		tpi_fork_look_slow(f);
	}
}

static inline void
tpi_fork_look_all(struct tpar_future *const *f, size_t n)
{
	if (TPI_UNLIKELY(tpi_fork_generation != 0)) {
		tpi_fork_look_all_slow(f, n);
	}
}

/* For a module with one lock. */
void tpi_fork_lock(struct tpi_lock *lock, enum tpi_fork when);

#endif
