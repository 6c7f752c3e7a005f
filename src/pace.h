/* SPDX-License-Identifier: MIT */
/*
 * pace.h - how many items a call of a loop's body gets, so that it takes some
 * microseconds: long enough that what is done between two calls does not count,
 * short enough that whoever asks for a share is heard soon.
 *
 * One pace per worker in a loop, on its stack.  It begins with one item and
 * reads the clock about once per call, until the calls take what they should.
 */
#ifndef TPI_PACE_H
#define TPI_PACE_H

#include "atomics.h"
#include "base.h"
#include "clock.h"

/* A call takes up to that; reading the clock takes 30 to 80 ns. */
#define TPI_PACE_CALL_NS 6000

/* ...or, of a loop that takes less than eight such calls, that. */
#define TPI_PACE_SHORT_NS 2000

/* Of calls that take as long as before, the clock is read for one in so many. */
#define TPI_PACE_STEADY 4

/* What took less is not measured well. */
#define TPI_PACE_SURE_NS 500

struct tpi_pace {
	_Atomic size_t chunk; /* [h] items per call; thieves begin with it */
	size_t least;	      /* the grain */
	size_t items;	      /* done since `stamp` */
	int64_t stamp;	      /* when the clock was read; 0: has to be */
	bool sure;	      /* it has been measured */
	bool steady;	      /* and did not change much */
};

/* chunk: to begin with, at least `least`, which is at least 1. */
static inline void
tpi_pace_init(struct tpi_pace *pace, size_t least, size_t chunk, bool sure)
{
	atomic_init(&pace->chunk, chunk > least ? chunk : least);
	pace->least = least;
	pace->items = 0;
	pace->stamp = 0;
	pace->sure = sure;
	pace->steady = false;
}

static inline size_t
tpi_pace_chunk(struct tpi_pace *pace)
{
	return tpi_load_relaxed(&pace->chunk);
}

/* Before a call. */
static inline void
tpi_pace_begin(struct tpi_pace *pace)
{
	if (pace->stamp == 0) {
		pace->stamp = tpi_clock_now();
		pace->items = 0;
	}
}

/* After a call of so many items: is it time for tpi_pace_adapt()? */
static inline bool
tpi_pace_end(struct tpi_pace *pace, size_t items)
{
	pace->items =
		items > SIZE_MAX - pace->items ? SIZE_MAX : pace->items + items;
	return pace->items / (pace->steady ? TPI_PACE_STEADY : 1) >=
	       tpi_pace_chunk(pace);
}

/*
 * Of `rest` items that are left to the caller, at most an eighth at once, but
 * for what takes TPI_PACE_SHORT_NS.  Returns what the clock said.
 */
int64_t tpi_pace_adapt(struct tpi_pace *pace, size_t rest);

/* Before the next call something else is waited for. */
static inline void
tpi_pace_pause(struct tpi_pace *pace)
{
	pace->stamp = 0;
}

#endif
