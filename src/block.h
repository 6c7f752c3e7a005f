/* SPDX-License-Identifier: MIT */
/*
 * block.h - sleeping in a wait, and the reasons not to go on with it.
 */
#ifndef TPI_BLOCK_H
#define TPI_BLOCK_H

#include "base.h"
#include "help.h"

/* Has the calling task been asked to stop?  Then so is its set, once. */
void tpi_block_check_stop(struct tpi_frame *frame);

/* Has the deadline come?  Then the set is cancelled or given up, once. */
void tpi_block_check_deadline(struct tpi_wait *wait);

/* A wait that leaves its members alone and has a cause to end early. */
bool tpi_block_ends_early(struct tpi_frame *frame);

/*
 * Does a member wait for the calling task?  Then a plain wait ends; of a set,
 * what can be cancelled is, and members that then still do are given up.
 */
void tpi_block_check_cycles(struct tpi_wait *wait);

/*
 * If no thread is free to begin the members that have not begun: runs them
 * here, or cancels those that may not be.
 */
void tpi_block_check_starved(struct tpi_wait *wait);

/* Sleeps until the frame is complete or ends early. */
void tpi_block_sleep(struct tpi_wait *wait);

/* A millisecond: for waits without memory for what would wake them. */
void tpi_block_nap(void);

#endif
