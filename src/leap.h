/* SPDX-License-Identifier: MIT */
/*
 * leap.h - what a join may run on top of itself.
 */
#ifndef TPI_LEAP_H
#define TPI_LEAP_H

#include "base.h"

struct tpi_forked;
struct tpi_worker;

/* If there is none in its deque. */
enum tpi_leap {
	TPI_LEAP_LOOK, /* nothing */
	TPI_LEAP_POKE, /* ask for one */
	TPI_LEAP_FORCE /* take one all the same */
};

/*
 * Owner, joining `forked`: takes a fork from whoever runs that, and runs it.
 * It is one that that one waits for, or will, before it can end.  false: there
 * was none, or it was another, which somebody else runs.
 */
bool tpi_leap(struct tpi_worker *w, struct tpi_forked *forked,
	      enum tpi_leap how);

#endif
