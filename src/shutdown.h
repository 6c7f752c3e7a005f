/* SPDX-License-Identifier: MIT */
/*
 * shutdown.h - the end of a pool's work.
 */
#ifndef TPI_SHUTDOWN_H
#define TPI_SHUTDOWN_H

#include "base.h"

#include <taskpar/pool.h>

/*
 * No task is accepted from now on; waits until all have ended and nothing
 * begins any more.  Not by one of the pool's own tasks.  `stoppable`: a stop of
 * the calling task ends the wait.  Errors: as tpar_pool_shutdown().
 */
enum tpar_err tpi_shutdown_pool(struct tpar_pool *pool, enum tpar_shutdown how,
				int64_t deadline_ns, bool stoppable);

#endif
