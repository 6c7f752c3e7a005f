/* SPDX-License-Identifier: MIT */
/*
 * condwait.c - waiting on a condition variable of the program's until a time, or
 * the calling task is asked to stop.
 *
 * Who cancels broadcasts it, without the mutex, and the timer does so again until
 * the wait is over (interrupt.h): a broadcast that comes between the look at the
 * cancel and the sleep is lost, the next one is not.  So nobody waits for the
 * mutex but those who wait here.  It is broadcast only while this call is under
 * way, during which its owner must not destroy it anyway.
 */
#include "config.h"

#include "cancel.h"
#include "clock.h"
#include "err.h"
#include "interrupt.h"

#include <taskpar/blocking.h>
#include <taskpar/syscalls.h>

#include <errno.h>
#include <string.h>
#include <time.h>

static struct timespec
to_timespec(int64_t ns)
{
	struct timespec when;
	int64_t seconds = ns / TPAR_SECOND;

	/* Where time_t has 32 bits, 2038 is only the end of one round. */
	if (sizeof when.tv_sec < sizeof seconds && seconds > INT32_MAX) {
		seconds = INT32_MAX;
	}
	when.tv_sec = (time_t)seconds;
	when.tv_nsec = (long)(ns % TPAR_SECOND);
	return when;
}

/* 0, ETIMEDOUT: perhaps too early, or why it cannot be waited for. */
static int
wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns)
{
	struct timespec when;

	if (deadline_ns == TPAR_FOREVER) {
		return pthread_cond_wait(cond, mutex);
	}
#ifdef HAVE_PTHREAD_COND_CLOCKWAIT
	when = to_timespec(deadline_ns);
	return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &when);
#else
	{
		struct timespec now;
		int64_t left = deadline_ns - tpi_clock_now();

		(void)clock_gettime(CLOCK_REALTIME, &now);
		/* A second at a time: this clock may be set. */
		if (left > TPAR_SECOND) {
			left = TPAR_SECOND;
		}
		when = to_timespec((int64_t)now.tv_sec * TPAR_SECOND +
				   now.tv_nsec + left);
		return pthread_cond_timedwait(cond, mutex, &when);
	}
#endif
}

static enum tpar_err
wait_for(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns)
{
	int rc;

	/* ENDS: it is signalled, the deadline comes; who cancels broadcasts. */
	do {
		rc = wait_until(cond, mutex, deadline_ns);
	} while (rc == ETIMEDOUT && !tpi_clock_passed(deadline_ns) &&
		 !tpi_cancel_requested_here());
	if (tpi_cancel_requested_here() && (rc == 0 || rc == ETIMEDOUT)) {
		/* It may have been a signal that was meant for anybody. */
		(void)pthread_cond_signal(cond);
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	if (rc == ETIMEDOUT) {
		return tpi_err_plain(TPAR_ETIMEDOUT);
	}
	return rc == 0 ? TPAR_OK
		       : tpi_err(TPAR_EINVAL,
				 "the condition variable cannot be waited "
				 "for: error %d",
				 rc);
}

/* In a region of the task's own, or in the one that it has entered. */
static enum tpar_err
wait_in_task(struct tpi_run *run, pthread_cond_t *cond, pthread_mutex_t *mutex,
	     int64_t deadline_ns)
{
	struct tpi_interrupt *outer = run->interrupt;
	struct tpi_interrupt region;
	enum tpar_err err = TPAR_OK;

	if (outer != NULL) {
		tpi_interrupt_aim(outer, cond);
	} else {
		err = tpi_interrupt_begin(&region, cond);
		if (err != TPAR_OK) {
			return err;
		}
	}
	tpar_blocking_enter();
	err = tpi_cancel_requested_here() ? tpi_err_plain(TPAR_ESTOPPED)
					  : wait_for(cond, mutex, deadline_ns);
	if (outer != NULL) {
		tpi_interrupt_aim(outer, NULL);
	} else {
		tpi_interrupt_end(run);
	}
	tpar_blocking_leave();
	return err;
}

enum tpar_err
tpar_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
	       int64_t deadline_ns)
{
	struct tpi_run *run = tpi_thread_self.run;
	int saved = errno;
	enum tpar_err err;

	if (cond == NULL || mutex == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       cond == NULL ? "cond" : "mutex");
	}
	if (tpi_cancel_requested_here()) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	if (tpi_clock_passed(deadline_ns)) {
		return tpi_err_plain(TPAR_ETIMEDOUT);
	}
	err = run != NULL && !run->ending
		      ? wait_in_task(run, cond, mutex, deadline_ns)
		      : wait_for(cond, mutex, deadline_ns);
	errno = saved;
	return err;
}
