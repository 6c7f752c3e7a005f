/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - sleeping until a time, in a task as a wait for nothing.
 */
#include "config.h"

#include "cancel.h"
#include "clock.h"
#include "err.h"
#include "thread.h"
#include "wait.h"

#include <taskpar/cancel.h>

#include <time.h>

static bool
has_come(void *deadline_ns)
{
	return tpi_clock_passed(*(int64_t *)deadline_ns);
}

static enum tpar_err
sleep_in_task(int64_t deadline_ns)
{
	enum tpar_err err;

	if (tpi_cancel_requested_here()) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	if (has_come(&deadline_ns)) {
		return TPAR_OK;
	}
	if (deadline_ns == TPAR_FOREVER && tpi_thread_self.run->shield > 0) {
		return tpi_err(TPAR_EDEADLK, "sleeping for ever in a shield");
	}
	err = tpi_wait_among(NULL, 0, has_come, &deadline_ns,
			     tpi_thread_parker(), deadline_ns);
	return err == TPAR_ETIMEDOUT ? TPAR_OK : err;
}

/* Where time_t has 32 bits, 2038 is only the end of one round. */
static time_t
to_seconds(int64_t ns)
{
	int64_t seconds = ns / TPAR_SECOND;

	if (sizeof(time_t) < sizeof seconds && seconds > INT32_MAX) {
		seconds = INT32_MAX;
	}
	return (time_t)seconds;
}

enum tpar_err
tpar_sleep(int64_t deadline_ns)
{
	struct timespec when;

	if (tpi_thread_self.run != NULL) {
		return sleep_in_task(deadline_ns);
	}
	if (deadline_ns == TPAR_FOREVER) {
		return tpi_err(TPAR_EINVAL,
			       "sleeping for ever outside of a task");
	}
	/* ENDS: the time comes; a signal only begins another round. */
	while (!tpi_clock_passed(deadline_ns)) {
		when.tv_sec = to_seconds(deadline_ns);
		when.tv_nsec = (long)(deadline_ns % TPAR_SECOND);
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when,
				      NULL);
	}
	return TPAR_OK;
}
