/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - cancelling futures at a given time, unless they have ended.
 */
#ifndef TPI_DEADLINE_H
#define TPI_DEADLINE_H

#include "base.h"

struct tpar_future;
struct tpi_deadline;

/* For n futures.  NULL: no memory, or no thread to serve it. */
struct tpi_deadline *tpi_deadline_create(size_t n);

/* It was not started. */
void tpi_deadline_discard(struct tpi_deadline *deadline);

/* One of the n; held until it has ended or its time has come. */
void tpi_deadline_add(struct tpi_deadline *deadline, struct tpar_future *f);

/* All n were added.  RELEASE POINT: deadline. */
void tpi_deadline_start(struct tpi_deadline *deadline, int64_t when);

#endif
