/* SPDX-License-Identifier: MIT */
/*
 * window.h - what a window is made of, and waiting in one.  window.c opens it,
 * puts items in and closes it; windowtake.c takes their values out.
 */
#ifndef TPI_WINDOW_H
#define TPI_WINDOW_H

#include "atomics.h"
#include "future.h"
#include "lock.h"

#include <taskpar/gather.h>
#include <taskpar/window.h>

struct tpar_window {
	struct tpi_lock lock;
	tpar_group *group;	   /* [c] */
	size_t width;		   /* [c] */
	size_t value_size;	   /* [c] */
	_Atomic uint64_t put;	   /* [m:lock] items ever accepted */
	_Atomic uint64_t taken;	   /* [m:lock] */
	_Atomic bool putting;	   /* [m:lock] */
	_Atomic bool ended;	   /* [m:lock] no more input */
	bool taking;		   /* [m:lock] */
	struct tpi_watch *waiting; /* [m:lock] for any of these to change */
	tpar_future *next;	   /* [taker] that it waits for */
	enum tpar_err err;	   /* [taker] why it is over, or TPAR_OK */
	struct tpar_failure why;   /* [taker] */
	tpar_future *ring[];	   /* [m:lock] handles */
};

/* Items that were accepted and not taken.  A hint without the lock. */
static inline size_t
tpi_window_in_between(struct tpar_window *w)
{
	return (size_t)(tpi_load_relaxed(&w->put) -
			tpi_load_relaxed(&w->taken));
}

/* Wakes all who wait for a change.  Under the lock. */
void tpi_window_wake_locked(struct tpar_window *w);

/* In the child of a fork: its items and its locks are its parent's. */
enum tpar_err tpi_window_refuse_lost(void);

/*
 * Lets others go first for a moment.  On few CPUs those who put, run and take
 * would else put each other to sleep and wake each other for each item.  A
 * worker does not: others may need its place.
 */
void tpi_window_linger(struct tpar_window *w,
		       bool (*is_met)(struct tpar_window *w));

/* What a put or a take waits for: that something has changed. */
struct tpi_window_change {
	struct tpar_window *w;
	bool (*is_met)(struct tpar_window *w);
	uint64_t taken; /* as the waiter knows it */
};

/*
 * Sleeps until that, or the window has failed; `f`, held, is run if threads are
 * used up, NULL: nothing.
 */
enum tpar_err tpi_window_await(struct tpi_window_change *change, tpar_future *f,
			       int64_t deadline_ns);

#endif
