/* SPDX-License-Identifier: MIT */
/*
 * rng.h - a small generator for choosing victims (xorshift32; George Marsaglia,
 * "Xorshift RNGs", 2003).  One state per worker; never 0.
 */
#ifndef TPI_RNG_H
#define TPI_RNG_H

#include "base.h"

static inline uint32_t
tpi_rng_next(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* A number in 0..n-1 without a division. */
static inline uint32_t
tpi_rng_below(uint32_t *state, uint32_t n)
{
	return (uint32_t)(((uint64_t)tpi_rng_next(state) * n) >> 32);
}

#endif
