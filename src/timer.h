/* SPDX-License-Identifier: MIT */
/*
 * timer.h - calling functions at given times: one thread for the process, and
 * one heap of what is pending.
 *
 * The thread is started by the first timer and sleeps without a timeout while
 * none is pending.  It is woken only for a deadline earlier than all others.
 * When it ends: service.h.
 */
#ifndef TPI_TIMER_H
#define TPI_TIMER_H

#include "base.h"
#include "fork.h"

/* Embedded by its user. */
struct tpi_timer {
	void (*fn)(struct tpi_timer *timer); /* [c] */
	size_t index; /* [m:timer] its place in the heap, if it is in */
	bool keeps;   /* [c] see tpi_timer_reserve() */
};

static inline void
tpi_timer_init(struct tpi_timer *timer, void (*fn)(struct tpi_timer *timer))
{
	timer->fn = fn;
	timer->index = 0;
	timer->keeps = false;
}

/*
 * Has fn called once `when` (CLOCK_MONOTONIC, ns) has come, at once if it has:
 * on the timer thread, without a lock, once.  fn may free the timer or add it
 * again, and add and remove others; it must be short.  The timer is not pending.
 * RELEASE POINT: timer.
 * false: there is no memory or no thread for it, and nothing was done.
 */
bool tpi_timer_add(struct tpi_timer *timer, int64_t when);

/*
 * The same in two steps: tpi_timer_add_reserved() cannot fail, after a
 * tpi_timer_reserve() of its own that was true; or that is given back.  For one
 * that keeps, it is as before once fn is called or the timer removed.
 */
bool tpi_timer_reserve(void);
void tpi_timer_add_reserved(struct tpi_timer *timer, int64_t when);
void tpi_timer_give_back(void);

/*
 * true: it was pending and is not any more, fn will not be called.  false: fn
 * is being called, or has been; or the timer was never added.
 */
bool tpi_timer_remove(struct tpi_timer *timer);

/* No pool is left: if nothing is pending, waits for the thread to end. */
void tpi_timer_end(void);

/* Before and after a fork.  In the child nothing is pending, and there is no thread. */
void tpi_timer_fork(enum tpi_fork when);

#endif
