/* SPDX-License-Identifier: MIT */
/*
 * forkend.h - the end of what a thread runs of a computation, also when forks are
 * left that nobody has joined: by mistake, or as a future that is waited for has
 * called pthread_exit().
 */
#ifndef TPI_FORKEND_H
#define TPI_FORKEND_H

#include "slots.h"

/* The root or a stolen fork, whose span it is, has returned. */
void tpi_forkend_leave(struct tpi_slots *slots, struct tpi_span *span);

/* It is unwound: the handler of its span. */
void tpi_forkend_abandon(void *span);

/*
 * The calling run is about to be unwound, if it is one of a computation: what it
 * has forked ends first, as it may use what lies on this stack.  For handlers
 * above it, as those further below find it overwritten.
 */
void tpi_forkend_exit(void);

#endif
