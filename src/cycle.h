/* SPDX-License-Identifier: MIT */
/*
 * cycle.h - does a task wait, through others, for the one that asks?
 */
#ifndef TPI_CYCLE_H
#define TPI_CYCLE_H

#include "base.h"

struct tpar_future;

/*
 * Follows from `from`, a member of the calling task's published frame, the
 * waits of running tasks.  true: one of them waits for `task`, and the chain is
 * recorded as the calling thread's error detail.
 */
bool tpi_cycle_find(struct tpar_future *task, struct tpar_future *from);

/* Records that `task` would wait for itself. */
void tpi_cycle_describe_self(struct tpar_future *task);

#endif
