/* SPDX-License-Identifier: MIT */
/*
 * gather.h - what the calls over a set share: checking it, and collecting its
 * values.
 */
#ifndef TPI_GATHER_H
#define TPI_GATHER_H

#include "base.h"
#include "frame.h"

#include <taskpar/base.h>
#include <taskpar/gather.h>

/* What one look over a set before the wait has found. */
struct tpi_survey {
	size_t value_size;
	struct tpar_future *first_bad; /* lowest that has ended, not as done */
	size_t cancelled;	       /* that have ended so */
	size_t begin;		       /* those before it have ended */
	bool drops;		       /* a member's value is moved */
	bool all_ended;
	bool taken; /* a member's value is gone */
};

/* n > 0.  `mixed`: sizes may differ; `values`: they are wanted. */
enum tpar_err tpi_gather_survey(tpar_future *const *f, size_t n, bool mixed,
				bool values, struct tpi_survey *found);

/*
 * Moves the values of a set that has ended, all as done.  false: one of them was
 * taken before, and nothing is moved.
 */
bool tpi_gather_move(tpar_future *const *f, size_t n, void *values,
		     const struct tpi_survey *found);

/* Did all members end as done? */
bool tpi_gather_is_complete(tpar_future *const *f, size_t n);

/* The position of a member. */
size_t tpi_gather_index(tpar_future *const *f, const struct tpar_future *of);

#endif
