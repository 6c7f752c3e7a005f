/* SPDX-License-Identifier: MIT */
/*
 * eventfd.h - the descriptor of a future, for event loops.
 */
#ifndef TPI_EVENTFD_H
#define TPI_EVENTFD_H

#include "base.h"
#include "fork.h"

struct tpar_future;

/* Before and after a fork: the table. */
void tpi_eventfd_fork(enum tpi_fork when);

/* Nobody holds f any more, whose state word says HAS_FD: closes it. */
void tpi_eventfd_close(struct tpar_future *f);

#endif
