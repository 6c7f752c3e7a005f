/* SPDX-License-Identifier: MIT */
/*
 * region.h - one fork-join computation: under which task it runs, and why it
 * fails.
 *
 * It lives on the stack of the thread that started it, from before its first
 * fork until after its last join; who runs one of its tasks elsewhere has been
 * waited for by then.
 */
#ifndef TPI_REGION_H
#define TPI_REGION_H

#include "atomics.h"
#include "base.h"
#include "cancel.h"
#include "thread.h"

#include <taskpar/future.h>
#include <taskpar/gather.h>

#include <stdarg.h>

struct tpi_region {
	struct tpi_run *run; /* [c] others read its task and stopper only */
	struct tpi_region *outer; /* [c] that it was started in, or NULL */
	const char *name;	  /* [c] of its root, or NULL */
	bool shielded;		  /* [c] a stop of its task does not reach it */
	unsigned shields;	  /* [c] of its run, when it began */
	bool apart; /* [c] in a shield of a task of `outer`, which may fail */
	_Atomic uint32_t failed;	/* [a:L5] */
	_Atomic uint32_t skipped;	/* part of it, so there is no result */
	enum tpar_err err;		/* [L5] the first failure */
	int code;			/* [L5] */
	char message[TPAR_MESSAGE_MAX]; /* [L5] */
};

/* How often a run was shielded when the computation whose root it is began. */
static inline unsigned
tpi_region_shields_below(const struct tpi_run *run)
{
	const struct tpi_region *region = run->region;

	return region != NULL && region->run == run ? region->shields : 0;
}

/* In the calling run, which it ends in. */
void tpi_region_begin(struct tpi_region *region, const char *name);
void tpi_region_end(struct tpi_region *region);

/* That it is part of, unless it is shielded from how that fares; or NULL. */
static inline struct tpi_region *
tpi_region_around(struct tpi_region *region)
{
	return TPI_UNLIKELY(region->apart) ? NULL : region->outer;
}

/* Has it, or one that it is part of, failed? */
static inline bool
tpi_region_failed(struct tpi_region *region)
{
	for (; region != NULL; region = tpi_region_around(region)) {
		/* ORDER L5 seq_cst -- tpi_region_fail() */
		if (atomic_load_explicit(&region->failed,
					 memory_order_seq_cst) != 0) {
			return true;
		}
	}
	return false;
}

/* The same, or was its task asked to stop?  A hint. */
bool tpi_region_stopped(struct tpi_region *region);

/*
 * Has it neither failed by itself nor left anything undone?  For who has joined
 * all of it; if one that it is part of has failed meanwhile, that does not count.
 */
static inline bool
tpi_region_is_whole(struct tpi_region *region)
{
	return tpi_load_relaxed(&region->failed) == 0 &&
	       tpi_load_relaxed(&region->skipped) == 0;
}

/* Part of it is not done, for a failure of one that it is part of. */
static inline void
tpi_region_skip(struct tpi_region *region)
{
	tpi_store_relaxed(&region->skipped, 1);
}

/* Why, in words; NULL: it was not. */
const char *tpi_region_reason(struct tpi_region *region);

/*
 * The first failure counts.  fmt may be NULL.  true: it was this one; then all
 * limits are to be poked, so that forks are skipped.
 */
bool tpi_region_fail(struct tpi_region *region, enum tpar_err err, int code,
		     const char *fmt, va_list args);

/* The calling thread's outcome of a region that has ended; fills why, if any. */
enum tpar_err tpi_region_outcome(struct tpi_region *region,
				 struct tpar_failure *why);

#endif
