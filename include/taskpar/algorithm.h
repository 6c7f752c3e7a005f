/* SPDX-License-Identifier: MIT */
/*
 * algorithm.h - parallel algorithms on top of forkjoin.h.
 */
#ifndef TASKPAR_ALGORITHM_H
#define TASKPAR_ALGORITHM_H

#include <taskpar/base.h>
#include <taskpar/gather.h>

/**
 * tpar_sort - sort an array by a comparison function, stably.
 *
 * Elements that compare as equal stay in their order.  Parts that are in order
 * already, or in the opposite one, cost one comparison for each element.
 *
 * A comparison function that is no order (that contradicts itself, or changes
 * its mind) is harmless: the array has the same elements afterwards, in some
 * order, after no more comparisons than any other array takes.
 *
 * Shapes:    base[0..n) of `size` bytes each, anywhere in memory; n may be 0.
 *            compare: as for qsort(), and `arg` is handed on; it may be called
 *            by many threads at once.  It sees elements in the array, or copied
 *            to memory of the same alignment.  Large ones are moved often: it
 *            is faster to sort pointers to them.
 * Ownership: the array is the call's alone until it returns.  It takes memory
 *            for another n * size bytes meanwhile.
 * Threads:   any.  On a worker of `pool` (or any, if that is NULL) it runs here
 *            as part of the calling task; else it is a task of its own.  compare
 *            runs in fork-join tasks: it may call tpar_run_fail(), and must not
 *            call pthread_exit() or longjmp() out of the call.
 * Errors:    TPAR_EINVAL (size 0; base or compare NULL; n * size overflows),
 *            TPAR_ENOMEM: the array is untouched.  TPAR_ESTOPPED (the task it
 *            runs under was asked to stop), TPAR_EFAILED (compare called
 *            tpar_run_fail()), and what else TPAR_RUN gives: the array has the
 *            same elements, in some order.  why is filled on any error.
 * Serial:    qsort_r(base, n, size, compare, arg)
 * Source:    std::stable_sort with std::execution::par.
 * Since:     0.1
 */
TPAR_API enum tpar_err
tpar_sort(tpar_pool *pool, void *base, size_t n, size_t size,
	  int (*compare)(const void *a, const void *b, void *arg), void *arg,
	  struct tpar_failure *why);

#endif
