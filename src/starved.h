/* SPDX-License-Identifier: MIT */
/*
 * starved.h - finding what nobody will begin behind gathers in the background.
 */
#ifndef TPI_STARVED_H
#define TPI_STARVED_H

#include "base.h"

struct tpar_future;
struct tpi_frame;
struct tpi_watch;
struct tpi_worker;

/*
 * A task that nobody has begun and no thread is free for, among those that
 * gathers in the background wait for which `frame`, the caller's, waits for:
 * they have no thread of their own to see to that.  It is claimed, and held.
 * NULL: there is none, or no memory to look any further.  *bound: as for
 * tpi_run_call(), none of those gathers is shielded.
 */
struct tpar_future *tpi_starved_find(struct tpi_worker *worker,
				     struct tpi_frame *frame,
				     struct tpi_watch *watch, bool *bound);

#endif
