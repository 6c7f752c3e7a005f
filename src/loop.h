/* SPDX-License-Identifier: MIT */
/*
 * loop.h - a loop over tiles, as part of an algorithm.
 */
#ifndef TPI_LOOP_H
#define TPI_LOOP_H

#include "algo.h"
#include "base.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

struct tpi_loop {
	struct tpi_algo *algo;
	tpar_tile_fn body;
	void *arg;
	struct tpar_tile all; /* not empty */
	size_t row_grain;     /* at least 1 */
	size_t column_grain;  /* at least 1 */
	int64_t now;	      /* the clock was read just now; or 0 */
};

/*
 * Calls body for all of it, in the calling fork-join task, whose next free slot
 * is head; returns when all has ended.  Whether all was done the region says.
 */
void tpi_loop_run(struct tpar_slot *head, struct tpi_loop *loop);

#endif
