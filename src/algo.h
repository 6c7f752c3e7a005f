/* SPDX-License-Identifier: MIT */
/*
 * algo.h - what the parallel algorithms share: running one as a fork-join
 * computation, calling the user's function, its failure, waking others for it.
 *
 * Who has sleepers woken?  Waking one costs more than a short loop does.  So
 * each worker remembers of its last loops whether they took less than
 * TPI_ALGO_BRIEF_NS, and announces those that did only once they have taken
 * longer.
 */
#ifndef TPI_ALGO_H
#define TPI_ALGO_H

#include "atomics.h"
#include "base.h"
#include "region.h"
#include "slots.h"

#include <taskpar/base.h>
#include <taskpar/forkjoin.h>
#include <taskpar/gather.h>

struct tpar_pool;

/* Not worth a wake-up. */
#define TPI_ALGO_BRIEF_NS 5000

/* One call; lives as long, on the caller's stack. */
struct tpi_algo {
	const char *name; /* [c] for messages */
	const void *fn;	  /* [c] the user's function and its argument, */
	const void *arg;  /* [c] and how many items: by these it is */
	size_t items;	  /* [c] known the next time */
	struct tpi_region *region; /* [c] since tpi_algo_begin() */
	int64_t began;		   /* [c] likewise */
	bool announced;		   /* [o] of whoever runs the root */
	bool was_long;		   /* [c] the last time, likewise */
	_Atomic uint32_t elected;  /* [h] somebody's is the failure */
	_Atomic uint32_t lock;	   /* [a:A1] */
	size_t index;		   /* his, read after the end: where, */
	int code;		   /* his: what; */
	enum tpar_err err;	   /* his: the library's own; or TPAR_OK */
};

/* What one call of a function of the user's is within. */
struct tpi_algo_call {
	char *message;
};

/*
 * Runs a root task, which begins with tpi_algo_begin() and ends with
 * tpi_algo_end(), to its end.  The caller has set the first four fields, the
 * others are 0.
 */
enum tpar_err tpi_algo_run(struct tpi_algo *algo, struct tpar_pool *pool,
			   tpar_slot_fn fn, struct tpar_slot *self,
			   struct tpar_failure *why);
void tpi_algo_begin(struct tpi_algo *algo, struct tpar_slot *head);
void tpi_algo_end(struct tpi_algo *algo, struct tpar_slot *head);

/* The root has not been announced: now it is, if it has taken long enough. */
void tpi_algo_tick(struct tpi_algo *algo, struct tpar_slot *head, int64_t now);

/* Must no function of the user's be called any more? */
bool tpi_algo_stops(struct tpi_algo *algo);

/*
 * Around each call of one, so that what it says with tpar_fail() is its own: the
 * calling task may have said something before.  leave: its code; what it said,
 * if that is wanted, goes to text, of TPAR_MESSAGE_MAX bytes.
 */
void tpi_algo_enter(struct tpi_algo_call *call);
void tpi_algo_leave(struct tpi_algo_call *call, char *text);

/* It has returned code, not 0, for the part that begins at index. */
void tpi_algo_fail(struct tpi_algo *algo, size_t index, int code,
		   const char *text);

/* The same, after tpi_algo_enter() and in place of tpi_algo_leave(). */
void tpi_algo_leave_failed(struct tpi_algo *algo, struct tpi_algo_call *call,
			   size_t index, int code);

/* An error of the library's own is the failure. */
void tpi_algo_refuse(struct tpi_algo *algo, enum tpar_err err,
		     const char *text);

/* Around a few steps on what its threads share. */
void tpi_algo_hold(struct tpi_algo *algo);
void tpi_algo_release(struct tpi_algo *algo);

/*
 * Where the library chooses, long parts end at a multiple of so many items: one
 * that begins within a cache line makes vector code take up to 1.3 times as long,
 * and neighbours share a line.
 */
#define TPI_ALGO_EVEN 64
#define TPI_ALGO_LONG 1024

/* How many items, of at least `grain` from begin on, make a part: about n. */
static inline size_t
tpi_algo_part(size_t begin, size_t n, size_t grain)
{
	n = n < grain ? grain : n - n % grain;
	if (grain == 1 && n >= TPI_ALGO_LONG) {
		n -= (begin + n) % TPI_ALGO_EVEN;
	}
	return n;
}

/* The square root of n, rounded down. */
size_t tpi_algo_root(size_t n);

/* The length of blocks of n items if it is the library's: a part of the root. */
static inline size_t
tpi_algo_grain(size_t n, size_t part)
{
	size_t grain = tpi_algo_root(n) / part;

	grain -= grain >= TPI_ALGO_EVEN ? grain % TPI_ALGO_EVEN : 0;
	return grain > 0 ? grain : 1;
}

/* Before anything has begun: records it, fills in why. */
enum tpar_err tpi_algo_invalid(struct tpar_failure *why, const char *text);

#endif
