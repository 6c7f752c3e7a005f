/* SPDX-License-Identifier: MIT */
/*
 * leap.h - what a join may run on top of itself.
 */
#ifndef TPI_LEAP_H
#define TPI_LEAP_H

#include "base.h"

struct tpi_forked;
struct tpi_worker;

/*
 * Owner, joining `forked`: steals a fork from whoever runs that, and runs it.
 * poke: asks for more.  false: there was none.  It is one
 * that that one waits for, or will, before it can end: there was none in its
 * deque when it began (tpi_forkjoin_run()), and it has not ended by now.
 */
bool tpi_leap(struct tpi_worker *w, struct tpi_forked *forked, bool poke);

#endif
