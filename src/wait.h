/* SPDX-License-Identifier: MIT */
/*
 * wait.h - the one wait protocol: for a future, for a set, from a worker or
 * from outside.  doc/TOUR.md#wait.
 */
#ifndef TPI_WAIT_H
#define TPI_WAIT_H

#include "base.h"
#include "frame.h"

#include <taskpar/base.h>

struct tpar_pool;

/*
 * Waits for the members of an initialized frame.  first_bad: the member that
 * had failed or been cancelled before the call, or NULL (TPI_WAIT_GATHER).
 * The members before `begin` were seen to have ended.
 *
 * TPAR_OK: all members have ended; frame->cause says what happened first.
 * TPAR_ETIMEDOUT, TPAR_ESTOPPED: a TPI_WAIT_ONLY gave up.  TPAR_EDEADLK:
 * members that wait for the calling task have been given up.  TPAR_EAGAIN: all
 * have ended, but some because threads were used up.
 * The frame is of no more concern to anybody afterwards.
 */
enum tpar_err tpi_wait_frame(struct tpi_frame *frame, int64_t deadline_ns,
			     struct tpar_future *first_bad, size_t begin);

/*
 * The same, stoppable, for what becomes true when some of f[0..n) have ended,
 * which are there at least as long: while it waits for them, one that no thread
 * is free for is run here.
 */
enum tpar_err tpi_wait_among(tpar_future *const *f, size_t n,
			     bool (*pred)(void *arg), void *arg,
			     struct tpi_parker *parker, int64_t deadline_ns);

/*
 * Sleeps until pred(arg) is true, whatever comes; whoever makes it true wakes
 * `parker`, the calling thread's; NULL: there is none, and pred is looked at now
 * and then.
 */
void tpi_wait_until(bool (*pred)(void *arg), void *arg,
		    struct tpi_parker *parker);

/*
 * The same until a pool is quiet, pred(pool).  TPAR_ETIMEDOUT; TPAR_ESTOPPED if
 * `stoppable`; TPAR_EDEADLK: without a deadline the calling task would wait, by
 * way of the pool's tasks, for itself.
 */
enum tpar_err tpi_wait_pool(struct tpar_pool *pool, bool (*pred)(void *pool),
			    struct tpi_parker *parker, int64_t deadline_ns,
			    bool stoppable);

#endif
