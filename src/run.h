/* SPDX-License-Identifier: MIT */
/*
 * run.h - from a claim to the end: calling a future's function on this thread,
 * or ending it without.
 */
#ifndef TPI_RUN_H
#define TPI_RUN_H

#include "base.h"

struct tpar_future;
struct tpar_pool;
struct tpi_watch;
struct tpi_worker;

/*
 * Tells a pool that a thread which is none of its own is busy with its tasks.
 * false: it has none any more, there is nothing to leave.
 */
bool tpi_run_enter_pool(struct tpar_pool *pool, struct tpi_watch *watch);
void tpi_run_leave_pool(struct tpar_pool *pool, struct tpi_watch *watch);

/*
 * Claims f, PENDING when the caller looked, to be run on this thread.  If it
 * belongs to another pool, that pool is told first, so that it does not take
 * itself for quiet: `watch` stays with it until the call or skip.
 */
bool tpi_run_claim(struct tpi_worker *worker, struct tpar_future *f,
		   struct tpi_watch *watch);

/*
 * Runs a claimed future here, on top of whatever runs, and ends it.  `bound`:
 * the task below gathers it, directly or not, and a stop of that one stops it,
 * unless it is shielded.
 */
void tpi_run_call(struct tpar_future *f, struct tpi_watch *watch, bool bound);

/* Runs one of the worker's own pool that it has claimed, with nothing below. */
void tpi_run_taken(struct tpi_worker *worker, struct tpar_future *f);

/* Ends a claimed future as cancelled instead. */
void tpi_run_skip(struct tpar_future *f, struct tpi_watch *watch);

/*
 * Is there, or could there be, a thread of its own pool that is free to run f?
 * On a worker of any pool; the caller holds f.
 */
bool tpi_run_has_thread(struct tpi_worker *worker, struct tpar_future *f);

#endif
