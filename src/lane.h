/* SPDX-License-Identifier: MIT */
/*
 * lane.h - threads for functions that may block: as many as are needed at the
 * same time, up to a limit, one set for the process.
 *
 * They are started when no idle one is there, and an idle one ends after a
 * while.  When all of them end: service.h.
 */
#ifndef TPI_LANE_H
#define TPI_LANE_H

#include "base.h"
#include "fork.h"

/* Embedded by its user, who fills in fn and has all else 0. */
struct tpi_lane_job {
	void (*fn)(struct tpi_lane_job *job); /* [c] */
	struct tpi_lane_job *next;	      /* [m:lane] in the queue */
	struct tpi_lane_job **link;	      /* [m:lane] NULL: not queued */
};

/* What the tests change, before there are threads. */
struct tpi_lane_limits {
	unsigned threads;      /* at most so many */
	int64_t keep_alive_ns; /* how long one stays that has nothing to do */
};
extern struct tpi_lane_limits tpi_lane_limits;

/*
 * Has fn called on a thread of the lane, without a lock: at once if one is idle
 * or can be started, else as soon as one is done with those queued before.  fn
 * may free the job or run it again.  RELEASE POINT: job.
 * false: there is no thread and none can be started; nothing was done.
 */
bool tpi_lane_run(struct tpi_lane_job *job);

/* true: it had not begun, and will not.  false: it has, or was never queued. */
bool tpi_lane_withdraw(struct tpi_lane_job *job);

/* No pool is left: if nothing is queued, waits for all threads to end. */
void tpi_lane_end(void);

/* Before and after a fork.  In the child nothing is queued, and there is no thread. */
void tpi_lane_fork(enum tpi_fork when);

#endif
