/* SPDX-License-Identifier: MIT */
/*
 * submit.h - submitting many tasks, for the library's own use.
 */
#ifndef TPI_SUBMIT_H
#define TPI_SUBMIT_H

#include "base.h"

#include <taskpar/future.h>

/*
 * tpar_submit_many() on a resolved pool.  limited: outside tasks count against
 * the pool's queue_limit.
 */
enum tpar_err tpi_submit_many(struct tpar_pool *pool,
			      const struct tpar_task *tmpl, void *args,
			      size_t arg_stride, size_t n,
			      tpar_future **futures, bool limited);

#endif
