/* SPDX-License-Identifier: MIT */
/*
 * merge.h - merging and sorting short arrays by a comparison function, in order
 * of the elements and stably.
 *
 * All of it holds with any function, be it an order or not: the elements are the
 * same afterwards, and the number of steps has the same bound.
 */
#ifndef TPI_MERGE_H
#define TPI_MERGE_H

#include "base.h"

/* What orders elements, and how large they are. */
struct tpi_order {
	int (*compare)(const void *a, const void *b, void *arg);
	void *arg;
	size_t size; /* > 0 */
};

/* A sorted array, or a part of one. */
struct tpi_sorted {
	const char *at;
	size_t n;
};

/* Is b to be before a?  If they are equal, it is not. */
static inline bool
tpi_order_is_before(const struct tpi_order *order, const void *b, const void *a)
{
	return order->compare(b, a, order->arg) < 0;
}

/*
 * Merges left and right into `to`, which overlaps neither.  Of equal elements,
 * those of left come first.
 */
void tpi_merge(const struct tpi_order *order, char *to, struct tpi_sorted left,
	       struct tpi_sorted right);

/*
 * How many of the first k elements of tpi_merge()'s result are from left: from
 * 0 to left.n, and so that k - it is from 0 to right.n.
 */
size_t tpi_merge_split(const struct tpi_order *order, struct tpi_sorted left,
		       struct tpi_sorted right, size_t k);

/* Where to divide n > 4 elements, so that halves of halves are of good sizes. */
size_t tpi_merge_half(size_t n);

/*
 * Sorts n elements at `from`; leaves them in `to`, if `there`, else at `from`.
 * Both are used.
 */
void tpi_merge_sort(const struct tpi_order *order, char *from, char *to,
		    size_t n, bool there);

/*
 * The length of the run that the n > 0 elements begin with: no element before
 * its predecessor, or, then *descending, each before its predecessor.
 */
size_t tpi_merge_run(const struct tpi_order *order, const char *from, size_t n,
		     bool *descending);

/* Reverses n elements in place. */
void tpi_merge_reverse(char *from, size_t n, size_t size);

#endif
