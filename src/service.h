/* SPDX-License-Identifier: MIT */
/*
 * service.h - how long the threads live that serve the whole process: the timer
 * (timer.h) and the lane (lane.h).
 *
 * They are started when they are first needed, and stay while there is a pool.
 * Who destroys the last one waits for their end, so that no thread of the
 * library is left then.  Without a pool they end as soon as they have nothing
 * to do.
 */
#ifndef TPI_SERVICE_H
#define TPI_SERVICE_H

#include "base.h"
#include "fork.h"

/* There is one more pool. */
void tpi_service_hold(void);

/* One pool is gone; without any lock held. */
void tpi_service_release(void);

/* Before and after a fork: the child has no pool yet. */
void tpi_service_fork(enum tpi_fork when);

/* Is there a pool? */
bool tpi_service_held(void);

#endif
