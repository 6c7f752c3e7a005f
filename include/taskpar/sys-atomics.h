/* SPDX-License-Identifier: MIT */
/*
 * sys-atomics.h - <stdatomic.h> with a point before each access, for the runs of
 * sys.h.  sys-pthread.h includes it.
 *
 * In a run all are sequentially consistent, whatever order they name.  Operators on
 * atomic objects (x++, x = 1) have no points: they cannot be replaced by macros.
 */
#ifndef TASKPAR_SYS_ATOMICS_H
#define TASKPAR_SYS_ATOMICS_H

#if defined(__GNUC__) && !defined(__cplusplus) &&                              \
	!defined(__STDC_NO_ATOMICS__) && defined(__STDC_VERSION__) &&          \
	__STDC_VERSION__ >= 201112L

#include <stdatomic.h>
#include <taskpar/sys.h>

#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or
#undef atomic_fetch_or_explicit
#undef atomic_fetch_xor
#undef atomic_fetch_xor_explicit
#undef atomic_fetch_and
#undef atomic_fetch_and_explicit
#undef atomic_flag_test_and_set
#undef atomic_flag_test_and_set_explicit

/* clang-format off */
#ifdef __clang__
#define atomic_load_explicit(p, order)                                         \
	(tpar_sys_point(), __c11_atomic_load((p), (order)))
#define atomic_store_explicit(p, v, order)                                     \
	(tpar_sys_point(), __c11_atomic_store((p), (v), (order)))
#define atomic_exchange_explicit(p, v, order)                                  \
	(tpar_sys_point(), __c11_atomic_exchange((p), (v), (order)))
#define TPAR_SYS_CAS_(p, old, v, weak, yes, no)                                \
	(tpar_sys_point(), __c11_atomic_compare_exchange_strong(               \
				   (p), (old), (v), (yes), (no)))
#define TPAR_SYS_FETCH_(op, p, v, order)                                       \
	(tpar_sys_point(), __c11_atomic_fetch_##op((p), (v), (order)))
#else
#define atomic_load_explicit(p, order)                                         \
	__extension__({                                                        \
		__auto_type tpar_p_ = (p);                                     \
		__typeof__((void)0, *tpar_p_) tpar_v_;                         \
		tpar_sys_point();                                              \
		__atomic_load(tpar_p_, &tpar_v_, (order));                     \
		tpar_v_;                                                       \
	})
#define atomic_store_explicit(p, v, order)                                     \
	__extension__({                                                        \
		__auto_type tpar_p_ = (p);                                     \
		__typeof__((void)0, *tpar_p_) tpar_v_ = (v);                   \
		tpar_sys_point();                                              \
		__atomic_store(tpar_p_, &tpar_v_, (order));                    \
	})
#define atomic_exchange_explicit(p, v, order)                                  \
	__extension__({                                                        \
		__auto_type tpar_p_ = (p);                                     \
		__typeof__((void)0, *tpar_p_) tpar_v_ = (v);                   \
		__typeof__((void)0, *tpar_p_) tpar_was_;                       \
		tpar_sys_point();                                              \
		__atomic_exchange(tpar_p_, &tpar_v_, &tpar_was_, (order));     \
		tpar_was_;                                                     \
	})
#define TPAR_SYS_CAS_(p, old, v, weak, yes, no)                                \
	__extension__({                                                        \
		__auto_type tpar_p_ = (p);                                     \
		__typeof__((void)0, *tpar_p_) tpar_v_ = (v);                   \
		tpar_sys_point();                                              \
		__atomic_compare_exchange(tpar_p_, (old), &tpar_v_, 0, (yes),  \
					  (no));                               \
	})
#define TPAR_SYS_FETCH_(op, p, v, order)                                       \
	(tpar_sys_point(), __atomic_fetch_##op((p), (v), (order)))
#endif

#define atomic_load(p) atomic_load_explicit((p), memory_order_seq_cst)
#define atomic_store(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)
#define atomic_exchange(p, v)                                                  \
	atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define atomic_compare_exchange_strong_explicit(p, old, v, yes, no)            \
	TPAR_SYS_CAS_(p, old, v, 0, yes, no)
#define atomic_compare_exchange_strong(p, old, v)                              \
	TPAR_SYS_CAS_(p, old, v, 0, memory_order_seq_cst, memory_order_seq_cst)
#define atomic_compare_exchange_weak_explicit(p, old, v, yes, no)              \
	TPAR_SYS_CAS_(p, old, v, 1, yes, no)
#define atomic_compare_exchange_weak(p, old, v)                                \
	TPAR_SYS_CAS_(p, old, v, 1, memory_order_seq_cst, memory_order_seq_cst)
#define atomic_fetch_add(p, v) TPAR_SYS_FETCH_(add, p, v, memory_order_seq_cst)
#define atomic_fetch_add_explicit(p, v, order) TPAR_SYS_FETCH_(add, p, v, order)
#define atomic_fetch_sub(p, v) TPAR_SYS_FETCH_(sub, p, v, memory_order_seq_cst)
#define atomic_fetch_sub_explicit(p, v, order) TPAR_SYS_FETCH_(sub, p, v, order)
#define atomic_fetch_or(p, v) TPAR_SYS_FETCH_(or, p, v, memory_order_seq_cst)
#define atomic_fetch_or_explicit(p, v, order) TPAR_SYS_FETCH_(or, p, v, order)
#define atomic_fetch_xor(p, v) TPAR_SYS_FETCH_(xor, p, v, memory_order_seq_cst)
#define atomic_fetch_xor_explicit(p, v, order) TPAR_SYS_FETCH_(xor, p, v, order)
#define atomic_fetch_and(p, v) TPAR_SYS_FETCH_(and, p, v, memory_order_seq_cst)
#define atomic_fetch_and_explicit(p, v, order) TPAR_SYS_FETCH_(and, p, v, order)
#define atomic_flag_test_and_set(p)                                            \
	(tpar_sys_point(),                                                     \
	 __atomic_test_and_set((void *)(p), __ATOMIC_SEQ_CST))
#define atomic_flag_test_and_set_explicit(p, order)                            \
	(tpar_sys_point(), __atomic_test_and_set((void *)(p), (order)))
/* clang-format on */

#endif

#endif
