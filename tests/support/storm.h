/* SPDX-License-Identifier: MIT */
/*
 * storm.h - a signal that comes a thousand times a second to each thread that has
 * asked for it, and breaks what system calls it meets.
 */
#ifndef STORM_H
#define STORM_H

#include "unit.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int storm_number;
static _Atomic long storm_signals;
static _Thread_local timer_t storm_timer;

static inline void
storm_count(int number)
{
	(void)number;
	atomic_fetch_add(&storm_signals, 1);
}

/* Without SA_RESTART. */
static inline void
storm_take(int number)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	storm_number = number;
	action.sa_handler = storm_count;
	ck_assert_int_eq(sigemptyset(&action.sa_mask), 0);
	ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* On the calling thread, from now on. */
static inline void
storm_begin(unsigned index, void *arg)
{
	struct itimerspec every = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent event;
	sigset_t set;

	(void)index;
	(void)arg;
	UNIT_MUST(sigemptyset(&set) == 0);
	UNIT_MUST(sigaddset(&set, storm_number) == 0);
	UNIT_MUST(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = storm_number;
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	UNIT_MUST(timer_create(CLOCK_MONOTONIC, &event, &storm_timer) == 0);
	UNIT_MUST(timer_settime(storm_timer, 0, &every, NULL) == 0);
}

static inline void
storm_end(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	UNIT_MUST(timer_delete(storm_timer) == 0);
}

#endif
