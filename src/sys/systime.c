/* SPDX-License-Identifier: MIT */
/*
 * systime.c - clocks, sleeping, and waiting for descriptors in a run.
 */
#include "config.h"

#define TPAR_SYS_DECLARE_ONLY
#include "systime.h"
#include "systurn.h"

#include <taskpar/sys-pthread.h>

#include <errno.h>

/* To look at the clock takes so long: loops that wait for a time only end. */
#define LOOK_NS 100

static int64_t
to_ns(const struct timespec *time)
{
	if (time->tv_sec > INT64_MAX / TPAR_SECOND - 1) {
		return INT64_MAX;
	}
	return (int64_t)time->tv_sec * TPAR_SECOND + time->tv_nsec;
}

int64_t
tpi_systime_deadline(const struct timespec *until)
{
	int64_t ns = to_ns(until);

	return ns > 0 ? ns : 1;
}

static int64_t
add(int64_t now, int64_t ns)
{
	return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

int
tpar_sys_clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t ns;

	if (tpi_sysworld_self == NULL) {
		return clock_gettime(clock, now);
	}
	tpi_systurn_spend(LOOK_NS);
	ns = tpi_sysworld->now;
	now->tv_sec = (time_t)(ns / TPAR_SECOND);
	now->tv_nsec = (long)(ns % TPAR_SECOND);
	return 0;
}

static void
sleep_until(int64_t deadline)
{
	/* ENDS: the time comes. */
	while (tpi_sysworld->now < deadline) {
		(void)tpi_systurn_wait(TPI_SYS_SLEEP, NULL, deadline);
	}
}

int
tpar_sys_clock_nanosleep(clockid_t clock, int flags,
			 const struct timespec *time, struct timespec *left)
{
	int64_t ns;

	if (tpi_sysworld_self == NULL) {
		return clock_nanosleep(clock, flags, time, left);
	}
	ns = to_ns(time);
	sleep_until((flags & TIMER_ABSTIME) != 0 ? ns
						 : add(tpi_sysworld->now, ns));
	return 0;
}

int
tpar_sys_nanosleep(const struct timespec *time, struct timespec *left)
{
	if (tpi_sysworld_self == NULL) {
		return nanosleep(time, left);
	}
	sleep_until(add(tpi_sysworld->now, to_ns(time)));
	return 0;
}

int
tpar_sys_usleep(unsigned long us)
{
	struct timespec time = { (time_t)(us / 1000000),
				 (long)(us % 1000000) * 1000 };

	return tpar_sys_nanosleep(&time, NULL);
}

unsigned
tpar_sys_sleep(unsigned s)
{
	struct timespec time = { (time_t)s, 0 };

	(void)tpar_sys_nanosleep(&time, NULL);
	return 0;
}

/* ---- Descriptors ----------------------------------------------------------------- */

/* timeout NULL: none. */
static int
poll_in_run(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	    const sigset_t *mask)
{
	static const struct timespec at_once = { 0, 0 };
	int64_t deadline =
		timeout != NULL ? add(tpi_sysworld->now, to_ns(timeout)) : 0;
	int ready;

	/* ENDS: somebody makes one ready or sends a signal, or the time comes. */
	while ((ready = ppoll(fds, n, &at_once, mask)) == 0) {
		if (deadline != 0 && tpi_sysworld->now >= deadline) {
			break;
		}
		(void)tpi_systurn_wait(TPI_SYS_DESCRIPTORS, fds, deadline);
	}
	return ready;
}

int
tpar_sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	       const sigset_t *mask)
{
	return tpi_sysworld_self != NULL ? poll_in_run(fds, n, timeout, mask)
					 : ppoll(fds, n, timeout, mask);
}

int
tpar_sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000,
				    (long)(timeout_ms % 1000) * 1000000 };

	if (tpi_sysworld_self == NULL) {
		return poll(fds, n, timeout_ms);
	}
	return poll_in_run(fds, n, timeout_ms < 0 ? NULL : &timeout, NULL);
}
