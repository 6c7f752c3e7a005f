/* SPDX-License-Identifier: MIT */
/*
 * trim.h - queue entries of tasks that were claimed by pointer, by whoever
 * waited for them, so that a task that gathers for hours does not fill a queue.
 */
#ifndef TPI_TRIM_H
#define TPI_TRIM_H

#include "base.h"

struct tpar_future;
struct tpi_worker;

/* A set f[0..n), none of it PENDING, is through: removes its queue entries. */
void tpi_trim_set(struct tpi_worker *worker, struct tpar_future *const *f,
		  size_t n);

/* The same for members that are held by references: nobody has a handle. */
void tpi_trim_held(struct tpi_worker *worker, struct tpar_future *const *f,
		   size_t n);

#endif
