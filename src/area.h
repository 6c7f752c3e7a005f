/* SPDX-License-Identifier: MIT */
/*
 * area.h - an array that is being sorted, and as much memory beside it: its
 * elements are moved from one to the other and back.
 */
#ifndef TPI_AREA_H
#define TPI_AREA_H

#include "base.h"

#include <taskpar/base.h>
#include <taskpar/gather.h>

#include <string.h>

/* Where elements are; 0 is where they are at first, and in the end. */
enum tpi_place { TPI_IN_ARRAY = 0, TPI_IN_SPARE = 1 };

struct tpi_area {
	size_t size; /* of an element */
	char *at[2]; /* by place */
	void *memory;
};

/*
 * Looks at the arguments of a call that sorts n elements by some function, and
 * gets the memory.  On an error nothing is to be freed, and why is filled.
 */
enum tpar_err tpi_area_make(struct tpi_area *area, void *base, size_t n,
			    size_t size, bool has_function,
			    struct tpar_failure *why);

/* Also as a handler: what runs may end its thread (doc/STATES.md#exit). */
void tpi_area_free(void *area);

static inline enum tpi_place
tpi_place_other(enum tpi_place place)
{
	return place == TPI_IN_ARRAY ? TPI_IN_SPARE : TPI_IN_ARRAY;
}

static inline char *
tpi_area_element(const struct tpi_area *area, enum tpi_place place, size_t i)
{
	return area->at[place] + i * area->size;
}

/* Moves n elements to the other place, where they stand at the same index. */
static inline void
tpi_area_move(const struct tpi_area *area, enum tpi_place from, size_t first,
	      size_t n)
{
	memcpy(tpi_area_element(area, tpi_place_other(from), first),
	       tpi_area_element(area, from, first), n * area->size);
}

/*
 * A task that sorts looks at this once in a while: if it is to stop, so is all
 * that was forked, and what is forked from then on is skipped.
 */
bool tpi_area_stopped(void);

#endif
