/* SPDX-License-Identifier: MIT */
/*
 * help.h - what a waiting worker may run meanwhile, and finding it.
 */
#ifndef TPI_HELP_H
#define TPI_HELP_H

#include "base.h"
#include "frame.h"
#include "pool.h"
#include "worker.h"

/* A wait under way, as its owner sees it. */
struct tpi_wait {
	struct tpi_frame *frame;
	struct tpi_worker *worker; /* NULL outside of pools */
	int64_t deadline_ns;
	size_t begin;	     /* members before it had ended before it */
	size_t unregistered; /* members from here on: no memory for a node */
	size_t cursor;	     /* members before it have ended */
	size_t claimed;	     /* by us, and not counted yet; n: none is */
	size_t polled;	     /* of those from `unregistered` on */
	size_t missing;	     /* of those polled: not waited for */
	bool left_pending;   /* a member was not claimed */
	bool exiting;	     /* what ran on top has called pthread_exit() */
	bool insists;	     /* tied, and there was a cycle: others leave it */
	char *cycle;	     /* in words, or NULL */
	struct tpi_watch watch; /* of a member of another pool that runs here */
	struct tpi_watch uneasy;   /* for tpi_alarm_watch() */
	bool watches;		   /* it is registered there */
	struct tpar_future *found; /* runs on top, no member; held, or NULL */
};

/* Is there enough stack to put another task on top? */
static inline bool
tpi_help_stack_left(struct tpi_worker *worker)
{
	return (char *)__builtin_frame_address(0) > worker->stack_low;
}

/* May this worker run f on top of the task it runs? */
static inline bool
tpi_help_may_run(struct tpi_worker *w, struct tpar_future *f)
{
	unsigned flags = f->flags & (TPI_F_NO_INLINE | TPI_F_OWN_THREADS);

	/* What blocks has threads of its own; or this is one that does. */
	if (tpi_future_is_blocking(f) && w->blocked == 0) {
		return false;
	}
	return flags == 0 ||
	       (flags == TPI_F_OWN_THREADS && f->intake == &w->pool->intake);
}

/* Runs one task that a member waits for; false: none was found. */
bool tpi_help_members(struct tpi_wait *wait);

#endif
