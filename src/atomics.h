/* SPDX-License-Identifier: MIT */
/*
 * atomics.h - the only includer of <stdatomic.h>.
 *
 * Every access says its order.  Data is published by release stores and read
 * through acquire loads; where a store must be ordered before a later load of
 * another variable (the Dekker pairs of doc/ORDER.md) both are seq_cst.  There
 * are no fences, which ThreadSanitizer does not understand, but for the pair of
 * fence.h.
 */
#ifndef TPI_ATOMICS_H
#define TPI_ATOMICS_H

#include "point.h"

#include <stdatomic.h>

#ifdef TPI_POINTS
#include "atompoint.h"
#endif

#define tpi_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define tpi_store_relaxed(p, v)                                                \
	atomic_store_explicit((p), (v), memory_order_relaxed)

#endif
