/* SPDX-License-Identifier: MIT */
/*
 * iorequest.h - one request: a promise, who completes it, and when it is freed.
 *
 * Everything is decided under the one lock (ioloop.h): whoever takes a request
 * off what it waits for, there and then, is the one who completes it, without
 * the lock.  doc/IO.md#states.
 */
#ifndef TPI_IOREQUEST_H
#define TPI_IOREQUEST_H

#include "iobase.h"

#include <taskpar/promise.h>

struct tpi_ioloop;
struct tpi_iorequest;
struct tpi_iowatch;

/*
 * name        of the promise.
 * at_once     true: a cancel ends the future at once.  false: it ends when the
 *             request is off what it waits for, as it uses memory of the caller's.
 * stop        [m:lock] its future was cancelled, or the loop ends: takes it off
 *             what it waits for.  false: it ends by itself, soon.
 * complete    completes the promise, with what was found.
 * free        frees the request, whose promise is destroyed.
 */
struct tpi_iokind {
	const char *name;
	size_t value_size;
	tpar_drop_fn drop_value;
	bool at_once;
	bool (*stop)(struct tpi_iorequest *r);
	void (*complete)(struct tpi_iorequest *r);
	void (*free)(struct tpi_iorequest *r);
};

struct tpi_iorequest {
	const struct tpi_iokind *kind; /* [c] */
	tpar_promise *p;	       /* [c] */
	tpar_future *f;		       /* [c] the caller's handle */
	struct tpi_ioloop *loop;       /* [m:lock] NULL: it was decided */
	struct tpi_iorequest *next;    /* [m:lock] of the loop's; decided */
	struct tpi_iorequest **link;   /* [m:lock] */
	unsigned holders;    /* [m:lock] who completes it, who is told */
	uint32_t generation; /* [c] of the process (ioloop.h) */
	int error;	     /* [o] errno value, of who decided it */
};

/* In place of an errno value: it ends as cancelled. */
#define TPI_IO_STOPPED (-1)

/* Requests that were decided and are to be completed without the lock. */
struct tpi_iodecided {
	struct tpi_iorequest *first;
	struct tpi_iorequest **last;
};

/* Makes the promise of a request that is zeroed.  On error it is untouched. */
enum tpar_err tpi_iorequest_open(struct tpi_iorequest *r,
				 const struct tpi_iokind *kind);

/* [m:lock] It is the loop's from now on. */
void tpi_iorequest_start(struct tpi_iorequest *r, struct tpi_ioloop *loop);

/*
 * Starts one that waits for a descriptor; *f is its future then, which has failed
 * if that cannot be waited for.  On error it is gone.
 */
enum tpar_err tpi_iorequest_watch(struct tpi_iorequest *r,
				  struct tpi_iowatch *w, tpar_future **f);

/* [m:lock] One more who looks at it; tpi_iorequest_drop() without the lock. */
void tpi_iorequest_hold(struct tpi_iorequest *r);
void tpi_iorequest_drop(struct tpi_iorequest *r);

/* One that was never started goes. */
void tpi_iorequest_abandon(struct tpi_iorequest *r);

/*
 * [m:lock] It was taken off all it waits for: the caller completes it, by
 * tpi_iorequest_complete() of the list.
 */
void tpi_iorequest_decide(struct tpi_iorequest *r, int error,
			  struct tpi_iodecided *list);

/* Without the lock; empties the list. */
void tpi_iorequest_complete(struct tpi_iodecided *list);

/* [m:lock] All of the loop's are told to stop. */
void tpi_iorequest_stop_all(struct tpi_ioloop *loop,
			    struct tpi_iodecided *list);

static inline void
tpi_iodecided_init(struct tpi_iodecided *list)
{
	list->first = NULL;
	list->last = &list->first;
}

#endif
