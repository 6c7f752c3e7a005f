/* SPDX-License-Identifier: MIT */
/*
 * algorithm.h - loops, sums, prefix sums and searches on all cores.
 *
 *     static int
 *     scale(size_t begin, size_t end, void *arg)
 *     {
 *             double *x = arg;
 *
 *             for (size_t i = begin; i < end; i++)
 *                     x[i] *= 2;
 *             return 0;
 *     }
 *
 *     err = tpar_for(NULL, 0, n, 0, scale, x, &why);
 *
 * A function of yours gets part of the range and runs a plain loop over it.  How
 * long the parts are is found while the loop runs: a call takes some
 * microseconds, and what is left is shared whenever a worker is idle.  So items
 * may differ wildly in what they cost, and very short loops stay on one core.
 *
 * All of these are fork-join computations (forkjoin.h).  On a worker of `pool`
 * (or any, if pool is NULL) they run here, as part of the calling task;
 * elsewhere as a task that is waited for.  They may be called in each other's
 * functions, at any depth; these may do all that tasks may, but must not call
 * pthread_exit(), nor wait for what another call of the same loop does: parts may
 * run one after the other.
 *
 * Such a function returns 0, or a code of its own, and all of it fails.  Then
 * no further call begins, those that run see tpar_cancelled(), and when they
 * have returned so does the loop, with TPAR_EFAILED.  The first failure in time
 * counts; tpar_fail() says it in words.  TPAR_ESTOPPED is for one that ends
 * early because it was asked to.  Once the calling task has been asked to stop,
 * no further call begins.
 *
 * The grain: 0 is what you want, unless the function is only good at long or at
 * aligned parts.  Each call but the last of the range then gets a multiple of
 * `grain` items, so it begins at a multiple of it from `begin`; and of
 * tpar_reduce() and tpar_scan() the grain decides how values are bracketed.
 * With 0, calls of tpar_for() and tpar_find_first() for more than 1024 items end
 * at multiples of 64, apart from the last: if arrays are aligned, so are parts.
 */
#ifndef TASKPAR_ALGORITHM_H
#define TASKPAR_ALGORITHM_H

#include <taskpar/base.h>
#include <taskpar/gather.h>

#include <stdbool.h>

/* Does items begin .. end - 1; begin < end. */
typedef int (*tpar_range_fn)(size_t begin, size_t end, void *arg);

/**
 * tpar_for - call body for all of a range, in parts, in parallel.
 *
 * Shapes:    items begin .. end - 1, any number; begin == end: nothing is called.
 *            Each item is in exactly one call, if it is TPAR_OK.
 * Units:     grain, in items; see above.
 * Ownership: arg is the caller's; the call returns when all bodies have.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    TPAR_EINVAL (body NULL, begin > end); TPAR_EFAILED (a body failed:
 *            why->code; why->index is where its part begins); TPAR_ESTOPPED (the
 *            calling task was asked to stop before all had begun, or a body
 *            returned that, or the pool was cancelled); TPAR_ENOMEM (nothing has
 *            begun); and from outside of the pool those of tpar_submit() and
 *            tpar_gather().  If all bodies succeed it is TPAR_OK, whoever was
 *            asked to stop.
 * Serial:    if (begin < end) body(begin, end, arg);
 * Source:    oneTBB's parallel_for with auto_partitioner.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_for(tpar_pool *pool, size_t begin, size_t end,
				size_t grain, tpar_range_fn body, void *arg,
				struct tpar_failure *why);

/* Rows row_begin .. row_end - 1, of each these columns. */
struct tpar_tile {
	size_t row_begin;
	size_t row_end;
	size_t column_begin;
	size_t column_end;
};

typedef int (*tpar_tile_fn)(const struct tpar_tile *tile, void *arg);

/**
 * tpar_for_2d - call body for all of a matrix, in tiles, in parallel.
 *
 * What is left is cut across its longer side, counted in grains, so tiles tend
 * to be squares of grains.
 *
 * Shapes:    rows * columns items, which may be more than SIZE_MAX; one of them
 *            0: nothing is called.  Each is in exactly one tile.
 * Units:     row_grain and column_grain as the grain above, one for each side.
 *            For rows that stay whole: column_grain = columns.
 * Ownership: the tile is the library's and gone after the call.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    as tpar_for(); why->index is the first row of the tile that failed.
 * Serial:    body(&(struct tpar_tile){ 0, rows, 0, columns }, arg);
 * Source:    oneTBB's blocked_range2d.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_for_2d(tpar_pool *pool, size_t rows, size_t columns,
				   size_t row_grain, size_t column_grain,
				   tpar_tile_fn body, void *arg,
				   struct tpar_failure *why);

/*
 * Takes items begin .. end - 1 into *value, which is the identity before, from
 * left to right.
 */
typedef int (*tpar_fold_fn)(size_t begin, size_t end, void *value, void *arg);

/*
 * *left = *left and then *right.  It must be associative, as far as you care;
 * left and right need not commute.
 */
typedef int (*tpar_combine_fn)(void *left, const void *right, void *arg);

/*
 * What tpar_reduce() does; all but size, value_size, fold and combine may be 0.
 *
 * value_size  of a value, in bytes, at least 1.  Values lie as in an array that
 *             malloc() made, and are moved by copying their bytes.
 * identity    such a value, of which combine makes nothing; NULL: all bytes 0.
 * arg         for fold and combine.
 * name        for messages; a string literal, or NULL.
 */
struct tpar_reduction {
	size_t size;
	size_t value_size;
	const void *identity;
	tpar_fold_fn fold;
	tpar_combine_fn combine;
	void *arg;
	const char *name;
};

#define TPAR_REDUCTION_INIT                                                    \
	{                                                                      \
		sizeof(struct tpar_reduction), 0, NULL, NULL, NULL, NULL, NULL \
	}

/**
 * tpar_reduce - one value from all items of a range.
 *
 * The range is cut into blocks of `grain` items, the last one may be shorter;
 * each is folded from the identity, and neighbours are combined in a tree.  The
 * tree depends on the number of items and on the grain alone, neither on the
 * number of workers nor on what happens to run where: sums of floating-point
 * numbers repeat bit for bit.  A grain of 0 is a quarter of the square root of
 * the number of items, at least 1, and from 64 on the next lower multiple of 64:
 * give 1 for few items that take long, and more if an item takes less than a
 * nanosecond.
 *
 * Shapes:    value: value_size bytes; of an empty range it is the identity.
 * Ownership: all is the caller's.  *value is written at the end and untouched on
 *            error.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    as tpar_for(); TPAR_EINVAL also for a struct of a wrong size, a
 *            value_size of 0, value NULL; TPAR_ENOMEM also for values of more
 *            than 128 bytes, of which some per level of the tree and worker are
 *            allocated (not one per block).  why->index is where the block
 *            begins that failed, or the right one of two.
 * Serial:    copy(value, identity); fold(begin, end, value, arg);
 * Source:    oneTBB's parallel_deterministic_reduce.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_reduce(tpar_pool *pool, size_t begin, size_t end,
				   size_t grain,
				   const struct tpar_reduction *how,
				   void *value, struct tpar_failure *why);

/*
 * What tpar_scan() does; all but size, value_size and combine may be 0.
 *
 * value_size, identity, combine, arg, name  as in struct tpar_reduction.
 * exclusive   without the value's own: out[0] is the identity.
 */
struct tpar_prefix {
	size_t size;
	size_t value_size;
	const void *identity;
	tpar_combine_fn combine;
	void *arg;
	bool exclusive;
	const char *name;
};

#define TPAR_PREFIX_INIT                                                       \
	{                                                                      \
		sizeof(struct tpar_prefix), 0, NULL, NULL, NULL, false, NULL   \
	}

/**
 * tpar_scan - all prefix sums of an array, whatever "sum" is.
 *
 * out[i] is the identity, in[0], ..., in[i] combined; exclusive: without in[i].
 * Blocks of `grain` values are summed up, then each is gone through from the sum
 * of those before it.  This depends on n and the grain alone, as in
 * tpar_reduce(), so results repeat bit for bit; the price are two combinations
 * per value, on one worker, too.  A grain of 0 is half the square root of n, at
 * least 1, and from 64 on the next lower multiple of 64.
 *
 * Shapes:    in and out: n * value_size bytes; in may be out, but not overlap it
 *            otherwise.  n may be 0.
 * Ownership: all is the caller's.  On failure out is indeterminate.
 * Threads:   any; in a task it takes part in the work.
 * Errors:    as tpar_for(); TPAR_EINVAL also for a struct of a wrong size, a
 *            value_size of 0, in or out NULL, arrays that overlap, a product that
 *            overflows; TPAR_ENOMEM (two values per block).  why->index is the
 *            value that was on the right.
 * Serial:    for (i = 0; i < n; i++) { combine(sum, in[i]); out[i] = sum; }
 * Source:    C++'s std::inclusive_scan, exclusive_scan.
 * Since:     0.1
 */
TPAR_API enum tpar_err tpar_scan(tpar_pool *pool, const void *in, void *out,
				 size_t n, size_t grain,
				 const struct tpar_prefix *how,
				 struct tpar_failure *why);

/*
 * Looks at items begin .. end - 1, from left to right; sets *hit, which is end
 * before, to the first one that is looked for, and need not go on then.
 */
typedef int (*tpar_find_fn)(size_t begin, size_t end, size_t *hit, void *arg);

/**
 * tpar_find_first - the lowest item of a range that is looked for.
 *
 * Parts are handed out from left to right, so all workers look near the front,
 * and parts beyond the lowest hit so far are not begun.  Those that run are
 * short: they are not told.
 *
 * Shapes:  index: the item, or end if there is none.  Untouched on error.
 * Threads: any; in a task it takes part in the work.
 * Errors:  as tpar_for(); TPAR_EINVAL also for index NULL, and for a hit outside
 *          of its part.  A failure counts only if there is no hit before it, and
 *          of several the lowest one, as if items were looked at one by one.
 * Serial:  for (i = begin; i < end && !is(i); i++) ;  *index = i;
 * Source:  C++'s std::find_if with std::execution::par.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_find_first(tpar_pool *pool, size_t begin,
				       size_t end, size_t grain,
				       tpar_find_fn test, void *arg,
				       size_t *index, struct tpar_failure *why);

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
 *            tpar_run_fail()), and what else TPAR_RUN gives, TPAR_ENOMEM below
 *            a task that has used up the slots for forks included: the array
 *            has the same elements, in some order.  why is filled on any error.
 * Serial:    qsort_r(base, n, size, compare, arg)
 * Source:    std::stable_sort with std::execution::par.
 * Since:     0.1
 */
TPAR_API enum tpar_err
tpar_sort(tpar_pool *pool, void *base, size_t n, size_t size,
	  int (*compare)(const void *a, const void *b, void *arg), void *arg,
	  struct tpar_failure *why);

/**
 * tpar_sort_by_key - sort an array by an integer key of each element, stably.
 *
 * By the digits of the keys, not by comparing them: several times as fast as
 * tpar_sort(), but no faster for what is in order already.  Signed keys order as
 * they should with their highest bit turned.
 *
 * A key function that changes its mind is harmless, as for tpar_sort().
 *
 * Shapes:    base[0..n) of `size` bytes each, anywhere in memory; n may be 0.
 *            key(element, arg): called about ten times for each element, by
 *            many threads at once; elements lie as for tpar_sort().
 * Ownership: as tpar_sort().
 * Threads:   as tpar_sort().
 * Errors:    as tpar_sort().
 * Serial:    qsort_r(), stable, comparing key(a, arg) with key(b, arg)
 * Since:     0.1
 */
TPAR_API enum tpar_err
tpar_sort_by_key(tpar_pool *pool, void *base, size_t n, size_t size,
		 uint64_t (*key)(const void *element, void *arg), void *arg,
		 struct tpar_failure *why);

/**
 * tpar_sort_u64 - sort an array of numbers.
 *
 * Shapes:  numbers[0..n); n may be 0.
 * Threads: as tpar_sort().
 * Errors:  TPAR_EINVAL (numbers is NULL, or there are too many), TPAR_ENOMEM,
 *          TPAR_ESTOPPED and what else TPAR_RUN gives, as tpar_sort().
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_sort_u64(tpar_pool *pool, uint64_t *numbers,
				     size_t n, struct tpar_failure *why);

/**
 * tpar_sort_i64 - the same.
 *
 * Threads: as tpar_sort().
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_sort_i64(tpar_pool *pool, int64_t *numbers,
				     size_t n, struct tpar_failure *why);

/**
 * tpar_sort_u32 - the same.
 *
 * Threads: as tpar_sort().
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_sort_u32(tpar_pool *pool, uint32_t *numbers,
				     size_t n, struct tpar_failure *why);

/**
 * tpar_sort_i32 - the same.
 *
 * Threads: as tpar_sort().
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_sort_i32(tpar_pool *pool, int32_t *numbers,
				     size_t n, struct tpar_failure *why);

#endif
