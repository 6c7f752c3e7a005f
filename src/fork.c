/* SPDX-License-Identifier: MIT */
/*
 * fork.c - who takes part in a fork, and what becomes of futures in its child.
 *
 * The handlers are registered when the library is loaded: before any thread can
 * hold a lock of it, and before those of libraries that use this one, so that
 * theirs, which are called first before a fork and last after it, may call it.
 */
#include "config.h"

#include "alarm.h"
#include "atomics.h"
#include "audit.h"
#include "cycle.h"
#include "eventfd.h"
#include "fork.h"
#include "frame.h"
#include "future.h"
#include "handler.h"
#include "interrupt.h"
#include "intake.h"
#include "lane.h"
#include "lock.h"
#include "loose.h"
#include "oncancel.h"
#include "park.h"
#include "parker.h"
#include "pools.h"
#include "promise.h"
#include "service.h"
#include "state.h"
#include "thread.h"
#include "timer.h"

#include <pthread.h>

/* Those that have something, in the order of their locks. */
static void (*const parts[])(enum tpi_fork when) = {
	tpi_pools_fork_default, tpi_cycle_fork,	    tpi_loose_fork,
	tpi_eventfd_fork,	tpi_alarm_fork,	    tpi_frame_fork,
	tpi_handler_fork,	tpi_oncancel_fork,  tpi_promise_fork,
	tpi_lane_fork,		tpi_interrupt_fork, tpi_timer_fork,
	tpi_parker_fork,	tpi_pools_fork,	    tpi_service_fork,
	tpi_thread_fork,
#ifdef TPI_DEBUG
	tpi_audit_fork,
#endif
};

#define PARTS (sizeof parts / sizeof parts[0])

uint32_t tpi_fork_generation;

void
tpi_fork_lock(struct tpi_lock *lock, enum tpi_fork when)
{
	if (when == TPI_FORK_PREPARE) {
		tpi_lock_enter(lock);
	} else {
		tpi_lock_leave(lock);
	}
}

static _Atomic uint32_t used; /* [h] */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int not_registered = -1; /* 0, or why: an errno value */

static void
prepare(void)
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		parts[i](TPI_FORK_PREPARE);
	}
}

static void
resume(enum tpi_fork when)
{
	size_t i;

	for (i = PARTS; i > 0; i--) {
		parts[i - 1](when);
	}
}

static void
parent(void)
{
	resume(TPI_FORK_PARENT);
}

static void
child(void)
{
	tpi_fork_generation += tpi_load_relaxed(&used);
	resume(TPI_FORK_CHILD);
}

static void
register_handlers(void)
{
	not_registered = pthread_atfork(prepare, parent, child);
}

#if defined(__GNUC__)
__attribute__((constructor))
#endif
static void
watch(void)
{
	(void)pthread_once(&once, register_handlers);
}

int
tpi_fork_watch(void)
{
	watch();
	tpi_store_relaxed(&used, 1);
	return not_registered;
}

void
tpi_fork_look_slow(struct tpar_future *f)
{
	if (tpi_state_peek(&f->state) == TPI_ENDED) {
		return; /* its pool may be gone */
	}
	if (tpi_loose_is(f)) {
		tpi_loose_look(f);
	} else if (tpi_intake_is_dead(f->intake)) {
		tpi_state_forget(&f->state);
	}
}

void
tpi_fork_look_all_slow(struct tpar_future *const *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (f[i] != NULL) {
			tpi_fork_look_slow(f[i]);
		}
	}
}
