/* SPDX-License-Identifier: MIT */
/*
 * promise.h - what a fork does to promises.
 */
#ifndef TPI_PROMISE_H
#define TPI_PROMISE_H

#include "base.h"
#include "fork.h"

/* Before and after a fork. */
void tpi_promise_fork(enum tpi_fork when);

#endif
