/* SPDX-License-Identifier: MIT */
/*
 * radix.h - sorting by integer keys, digit by digit, stably.
 *
 * All of it holds with any key function, also one that changes its mind: the
 * elements are the same afterwards.
 */
#ifndef TPI_RADIX_H
#define TPI_RADIX_H

#include "base.h"

#define TPI_RADIX_BITS 8
#define TPI_RADIX_DIGITS (1 << TPI_RADIX_BITS)

/* What the key of an element is, and how large elements are. */
struct tpi_keys {
	uint64_t (*key)(const void *element, void *arg); /* NULL: it itself */
	void *arg;
	uint64_t flip; /* bits that are turned, of itself */
	size_t size;   /* > 0; if key is NULL 4 or 8 */
};

/* The bits in which the keys of n elements differ from `first`. */
uint64_t tpi_radix_vary(const struct tpi_keys *keys, const char *from, size_t n,
			uint64_t first);
uint64_t tpi_radix_key(const struct tpi_keys *keys, const char *element);

/* How many of n elements have which digit, the lowest bit of which is `low`. */
void tpi_radix_count(const struct tpi_keys *keys, const char *from, size_t n,
		     unsigned low, size_t *count);

/*
 * Copies n elements to at[digit] and following, in elements of `to`, which moves
 * on.  false: some digit had not as many as `count` says: what is at `to` is of
 * no use.
 */
bool tpi_radix_scatter(const struct tpi_keys *keys, const char *from, size_t n,
		       unsigned low, char *to, size_t *at, size_t *count);

/*
 * Sorts n > 0 elements at `from`, whose keys differ in the lowest `bits` bits
 * only.  true: they are at `to` now.
 */
bool tpi_radix_sort(const struct tpi_keys *keys, char *from, char *to, size_t n,
		    unsigned bits);

#endif
