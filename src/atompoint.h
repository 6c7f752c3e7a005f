/* SPDX-License-Identifier: MIT */
/*
 * atompoint.h - the atomic accesses of <stdatomic.h>, each with a point before
 * it (point.h).
 */
#ifndef TPI_ATOMPOINT_H
#define TPI_ATOMPOINT_H

#include "point.h"

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit

#ifdef __clang__
#define TPI_ATOMIC(name) __c11_atomic_##name
#define TPI_ATOMIC_N(name) __c11_atomic_##name
#else
#define TPI_ATOMIC(name) __atomic_##name
#define TPI_ATOMIC_N(name) __atomic_##name##_n
#endif

#define atomic_load_explicit(p, order)                                         \
	(tpi_point(), TPI_ATOMIC_N(load)((p), (order)))
#define atomic_store_explicit(p, v, order)                                     \
	(tpi_point(), TPI_ATOMIC_N(store)((p), (v), (order)))
#define atomic_exchange_explicit(p, v, order)                                  \
	(tpi_point(), TPI_ATOMIC_N(exchange)((p), (v), (order)))
#define atomic_fetch_add_explicit(p, v, order)                                 \
	(tpi_point(), TPI_ATOMIC(fetch_add)((p), (v), (order)))
#define atomic_fetch_sub_explicit(p, v, order)                                 \
	(tpi_point(), TPI_ATOMIC(fetch_sub)((p), (v), (order)))
#define atomic_fetch_or_explicit(p, v, order)                                  \
	(tpi_point(), TPI_ATOMIC(fetch_or)((p), (v), (order)))
#define atomic_fetch_and_explicit(p, v, order)                                 \
	(tpi_point(), TPI_ATOMIC(fetch_and)((p), (v), (order)))

#ifdef __clang__
#define TPI_CAS(p, old, new, weak, yes, no)                                    \
	(tpi_point(),                                                          \
	 TPI_ATOMIC(compare_exchange_##weak)((p), (old), (new), (yes), (no)))
#else
#define TPI_CAS_weak 1
#define TPI_CAS_strong 0
#define TPI_CAS(p, old, new, weak, yes, no)                                    \
	(tpi_point(), TPI_ATOMIC_N(compare_exchange)(                          \
			      (p), (old), (new), TPI_CAS_##weak, (yes), (no)))
#endif

#define atomic_compare_exchange_weak_explicit(p, old, new, yes, no)            \
	TPI_CAS(p, old, new, weak, yes, no)
#define atomic_compare_exchange_strong_explicit(p, old, new, yes, no)          \
	TPI_CAS(p, old, new, strong, yes, no)

#endif
