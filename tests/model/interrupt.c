/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - a task that begins a region and ends it, unless it KEEPs it, one
 * who asks it to stop, and the timer that kicks again.  Who is in the region is
 * kicked, or was refused; after the end nothing is pending, and nothing comes.
 * That the handler is called or refused is handler.c's.
 *
 * A signal that was sent is counted in `pending` before the sender goes on, as
 * pthread_kill() does it.
 *
 * CFLAGS: -DKEEP
 * CFLAGS: -DKEEP -DTIMER
 * CFLAGS: -DTIMER
 * MUTANT: -DKEEP -DOPEN_BLINDLY
 * MUTANT: -DKEEP -DTELL_NOTHING
 * MUTANT: -DKICK_CLOSED
 * MUTANT: -DTIMER_KICKS_CLOSED
 * MUTANT: -DDRAIN_FIRST
 * MUTANT: -DCLOSE_WITHOUT_LOCK
 * MUTANT: -DLEAVE_AT_ONCE
 * MUTANT: -DKEEP handler.h /ORDER K1 seq_cst -- tpi_handler_mark/,/;/s/_seq_cst/_acquire/
 * BLOCKED: where the task would still wait for the call
 */
#include "src/handler.h"

#include <assert.h>
#include <pthread.h>

/* src/interrupt.h */
struct region {
	int there;	     /* 7 until its memory is something else's */
	_Atomic int open;    /* [m:lock] atomic for a mutant */
	int asked;	     /* [m:lock] */
	int listed;	     /* [m:lock] is kicked again */
	_Atomic int pending; /* signals of its thread */
};

static struct tpar_future task;
static struct region region;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int handler; /* [m:table] it is there */
static int note;    /* [m:table] a call is under way */

static void
kick(void)
{
	atomic_fetch_add_explicit(&region.pending, 1, memory_order_relaxed);
}

static bool
is_open(void)
{
	return atomic_load_explicit(&region.open, memory_order_relaxed) != 0;
}

static void
begin_kicks(void)
{
	region.listed = 1;
	kick();
}

static void
tell(void)
{
	pthread_mutex_lock(&lock);
	assert(region.there == 7);
#ifndef TELL_NOTHING
	region.asked = 1;
#endif
#ifdef KICK_CLOSED
	begin_kicks();
#else
	if (is_open()) {
		begin_kicks();
	}
#endif
	pthread_mutex_unlock(&lock);
}

void
tpi_handler_call(struct tpar_future *of)
{
	bool taken;

	(void)of;
	pthread_mutex_lock(&table);
	taken = handler;
	handler = 0;
	note = taken;
	pthread_mutex_unlock(&table);
	if (taken) {
		tell();
		pthread_mutex_lock(&table);
		note = 0;
		pthread_mutex_unlock(&table);
	}
}

static void *
canceller(void *arg)
{
	(void)tpi_state_request_stop(&task.state);
	tpi_handler_stop(&task);
	return arg;
}

#ifdef TIMER
static void *
timer(void *arg)
{
	pthread_mutex_lock(&lock);
#ifdef TIMER_KICKS_CLOSED
	if (region.asked) {
		kick();
	}
#else
	if (region.listed) {
		kick();
	}
#endif
	pthread_mutex_unlock(&lock);
	return arg;
}
#endif

/* false: refused. */
static bool
begin(void)
{
	bool mine;

	pthread_mutex_lock(&table);
	handler = 1;
	pthread_mutex_unlock(&table);
	tpi_handler_mark(&task);
	if (tpi_state_stop_requested(&task.state)) {
		pthread_mutex_lock(&table);
		mine = handler;
		handler = 0;
		pthread_mutex_unlock(&table);
		if (mine) {
			return false;
		}
	}
	pthread_mutex_lock(&lock);
	atomic_store_explicit(&region.open, 1, memory_order_relaxed);
#ifndef OPEN_BLINDLY
	if (region.asked) {
		begin_kicks();
	}
#endif
	pthread_mutex_unlock(&lock);
	return true;
}

#ifndef KEEP
static void
drain(void)
{
	atomic_store_explicit(&region.pending, 0, memory_order_relaxed);
}

static void
end(void)
{
	bool under_way;

#ifdef DRAIN_FIRST
	drain();
#endif
#ifndef CLOSE_WITHOUT_LOCK
	pthread_mutex_lock(&lock);
	region.listed = 0;
#endif
	atomic_store_explicit(&region.open, 0, memory_order_relaxed);
#ifndef CLOSE_WITHOUT_LOCK
	pthread_mutex_unlock(&lock);
#endif
#ifndef DRAIN_FIRST
	drain();
#endif
	pthread_mutex_lock(&table);
	under_way = !handler && note;
	handler = 0;
	pthread_mutex_unlock(&table);
#ifndef LEAVE_AT_ONCE
	__VERIFIER_assume(!under_way);
#else
	(void)under_way;
#endif
	region.there = 0;
}
#endif

int
main(void)
{
	pthread_t thread[2];
	bool begun;

	tpi_state_init(&task.state, true);
	(void)tpi_state_claim(&task.state);
	atomic_init(&task.pins, 0);
	region.there = 7;
	pthread_create(&thread[0], NULL, canceller, NULL);
#ifdef TIMER
	pthread_create(&thread[1], NULL, timer, NULL);
#endif
	begun = begin();
#ifndef KEEP
	if (begun) {
		end();
	}
#endif
	pthread_join(thread[0], NULL);
#ifdef TIMER
	pthread_join(thread[1], NULL);
#endif
#ifdef KEEP
	assert((region.pending > 0) == begun);
	assert(region.listed == begun);
#else
	assert(region.pending == 0);
#endif
	return 0;
}
