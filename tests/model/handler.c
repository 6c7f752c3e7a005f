/* SPDX-License-Identifier: MIT */
/*
 * handler.c - a task that adds a handler and removes it, unless it KEEPs it, and
 * those who ask it to stop: a canceller, or its POOL, or BOTH.  The handler is
 * called or refused, once, and not after it was removed.  The table and the
 * list of calls have room for the one handler here.
 *
 * CFLAGS: -DCANCEL -DKEEP
 * CFLAGS: -DPOOL -DKEEP
 * CFLAGS: -DCANCEL -DPOOL -DKEEP
 * CFLAGS: -DPOOL
 * CFLAGS: -DCANCEL -DPOOL
 * CFLAGS: -DCANCEL
 * MUTANT: -DKEEP -DNO_LOOK
 * MUTANT: -DKEEP -DLOOK_FIRST
 * MUTANT: -DNO_NOTE
 * MUTANT: -DLATE_NOTE
 * MUTANT: -DKEEP -DPOOL -DRUN_AND_REFUSE
 * MUTANT: -DKEEP handler.h /ORDER K1 seq_cst -- tpi_handler_mark/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DKEEP handler.h /ORDER K1 seq_cst -- tpi_handler_stop/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DKEEP state.h /ORDER G3 seq_cst -- tpi_frame_publish/,/;/s/_seq_cst/_acq_rel/
 * BLOCKED: where the task would still wait for the call
 */
#include "src/handler.h"

#include <assert.h>
#include <pthread.h>

static struct tpar_future task;
static _Atomic uint32_t closed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *listed; /* [m:lock] */
static int note;    /* [m:lock] a call is under way */
static int handler; /* the task's: 7 while it must be there */
static _Atomic int called;

void
tpi_handler_call(struct tpar_future *of)
{
	int *taken;

	(void)of;
	pthread_mutex_lock(&lock);
	taken = listed;
	listed = NULL;
#if !defined(NO_NOTE) && !defined(LATE_NOTE)
	note += taken != NULL;
#endif
	pthread_mutex_unlock(&lock);
	if (taken == NULL) {
		return;
	}
#ifdef LATE_NOTE
	pthread_mutex_lock(&lock);
	note++;
	pthread_mutex_unlock(&lock);
#endif
	assert(*taken == 7);
	atomic_fetch_add_explicit(&called, 1, memory_order_relaxed);
	pthread_mutex_lock(&lock);
	note = 0;
	pthread_mutex_unlock(&lock);
}

#ifdef CANCEL
static void *
canceller(void *arg)
{
	(void)tpi_state_request_stop(&task.state);
	tpi_handler_stop(&task);
	return arg;
}
#endif

#ifdef POOL
static void *
closer(void *arg)
{
	atomic_store_explicit(&closed, 1, memory_order_seq_cst);
	tpi_handler_call(&task);
	return arg;
}
#endif

static bool
was_asked(void)
{
	return tpi_state_stop_requested(&task.state) ||
	       tpi_load_relaxed(&closed) != 0;
}

/* false: refused. */
static bool
add(void)
{
	bool asked = false;
	bool mine;

#ifdef LOOK_FIRST
	asked = was_asked();
#endif
	handler = 7;
	pthread_mutex_lock(&lock);
	listed = &handler;
	pthread_mutex_unlock(&lock);
	tpi_handler_mark(&task);
#if !defined(LOOK_FIRST) && !defined(NO_LOOK)
	asked = was_asked();
#endif
	if (!asked) {
		return true;
	}
	pthread_mutex_lock(&lock);
	mine = listed != NULL;
	listed = NULL;
	pthread_mutex_unlock(&lock);
#ifdef RUN_AND_REFUSE
	mine = true;
#endif
	return !mine;
}

#ifndef KEEP
static void
remove_it(void)
{
	int under_way;

	pthread_mutex_lock(&lock);
	under_way = listed == NULL && note != 0;
	listed = NULL;
	pthread_mutex_unlock(&lock);
	__VERIFIER_assume(!under_way);
	handler = 0; /* it is something else now */
}
#endif

int
main(void)
{
	pthread_t thread[2];
	bool added;

	tpi_state_init(&task.state, true);
	(void)tpi_state_claim(&task.state);
	atomic_init(&task.pins, 0);
#ifdef CANCEL
	pthread_create(&thread[0], NULL, canceller, NULL);
#endif
#ifdef POOL
	pthread_create(&thread[1], NULL, closer, NULL);
#endif
	added = add();
#ifndef KEEP
	remove_it();
#endif
#ifdef CANCEL
	pthread_join(thread[0], NULL);
#endif
#ifdef POOL
	pthread_join(thread[1], NULL);
#endif
#ifdef KEEP
	assert(called == added);
#else
	assert(called <= added);
#endif
	return 0;
}
