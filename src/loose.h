/* SPDX-License-Identifier: MIT */
/*
 * loose.h - futures that belong to no pool and have no function: those of
 * promises and of gathers in the background.
 *
 * PENDING, it is ended by whoever claims it, a canceller included; nobody who
 * waits for it tries to run it.  RUNNING, it is like a task that runs: a cancel
 * is a request, and who created it ends it.
 */
#ifndef TPI_LOOSE_H
#define TPI_LOOSE_H

#include "base.h"
#include "future.h"

/*
 * value_size, value_align, drop_value, name and site of `task` count.  One
 * handle, and one reference for who will end it.  NULL: no memory, or the size
 * or the alignment is out of range, which `shape` says before.
 */
struct tpar_future *tpi_loose_create(const struct tpar_task *task,
				     const struct tpi_shape *shape,
				     bool running);

/* No pool's thread can run it? */
static inline bool
tpi_loose_is(const struct tpar_future *f)
{
	return f->fn == NULL;
}

#endif
