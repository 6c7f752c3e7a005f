/* SPDX-License-Identifier: MIT */
/*
 * run.h - from a claim to the end: calling a future's function on this thread,
 * or ending it without.
 */
#ifndef TPI_RUN_H
#define TPI_RUN_H

#include "base.h"

struct tpar_future;
struct tpi_watch;
struct tpi_worker;

/*
 * Claims f, PENDING when the caller looked, to be run on this thread.  If it
 * belongs to another pool, that pool is told first, so that it does not take
 * itself for quiet: `watch` stays with it until the call or skip.
 */
bool tpi_run_claim(struct tpi_worker *worker, struct tpar_future *f,
		   struct tpi_watch *watch);

/* Runs a claimed future here, on top of whatever runs, and ends it. */
void tpi_run_call(struct tpar_future *f, struct tpi_watch *watch);

/* Ends a claimed future as cancelled instead. */
void tpi_run_skip(struct tpar_future *f, struct tpi_watch *watch);

#endif
