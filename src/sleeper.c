/* SPDX-License-Identifier: MIT */
/*
 * sleeper.c - sleeping in a system call until the calling task is asked to stop:
 * the region, the place that is handed over, the signal that is let through.
 */
#include "config.h"

#include "cancel.h"
#include "clock.h"
#include "kick.h"
#include "sleeper.h"

#include <taskpar/blocking.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

/* Nobody asks what is no task, or only drops what it had. */
bool
tpi_sleeper_in_task(void)
{
	return tpi_thread_self.run != NULL && !tpi_thread_self.run->ending;
}

/* true: the task was asked to stop, errno says so. */
bool
tpi_sleeper_asked(void)
{
	if (tpi_cancel_requested_here()) {
		errno = ECANCELED;
		return true;
	}
	return false;
}

bool
tpi_sleeper_broken(void)
{
	return errno == EINTR && tpi_sleeper_in_task() && !tpi_sleeper_asked();
}

static int
errno_of(enum tpar_err err)
{
	switch (err) {
	case TPAR_ESTOPPED:
		return ECANCELED;
	case TPAR_EBUSY:
		return EBUSY;
	case TPAR_EINVAL:
		return EINVAL;
	case TPAR_ENOTSUP:
		return ENOTSUP;
	default:
		return ENOMEM;
	}
}

/* Once.  false: errno says why not. */
bool
tpi_sleeper_begin(struct tpi_sleeper *s)
{
	enum tpar_err err;

	if (s->begun) {
		return true;
	}
	s->run = tpi_thread_self.run;
	s->region = s->run->interrupt;
	if (s->region == NULL) {
		s->region = &s->own;
		err = tpi_interrupt_begin(&s->own, NULL);
		if (err != TPAR_OK) {
			errno = errno_of(err);
			return false;
		}
	}
	(void)tpi_kick_block(&s->mask);
	tpar_blocking_enter();
	s->begun = true;
	return true;
}

/* The call itself is about to be made: the signal may come, if there is one. */
void
tpi_sleeper_let_through(struct tpi_sleeper *s)
{
	if (s->region->open) {
		tpi_kick_unblock();
	}
}

/* It has been made.  errno is kept. */
void
tpi_sleeper_hold_back(void)
{
	int saved = errno;

	(void)tpi_kick_block(NULL);
	errno = saved;
}

void
tpi_sleeper_end(struct tpi_sleeper *s)
{
	int saved = errno;

	if (!s->begun) {
		return;
	}
	if (s->region == &s->own) {
		tpi_interrupt_end(s->run);
	} else {
		tpi_sleeper_let_through(s);
	}
	tpar_blocking_leave();
	errno = saved;
}

/* Does the caller not want to wait, or would be refused?  errno is kept. */
bool
tpi_sleeper_declines(int fd, int only)
{
	int saved = errno;
	int flags = fcntl(fd, F_GETFL);

	errno = saved;
	/*
	 * What is no descriptor is none to wait for: poll() passes over -1, and
	 * never finds ready what is opened for the other direction only.
	 */
	return flags < 0 || (flags & O_NONBLOCK) != 0 ||
	       (flags & O_ACCMODE) == only;
}

bool
tpi_sleeper_would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Until one is ready: how many; 0: the deadline has come; -1: errno says why. */
int
tpi_sleeper_poll(struct tpi_sleeper *s, struct pollfd *fds, nfds_t n,
		 int64_t deadline_ns)
{
	struct timespec left;
	int64_t ns;
	int ready;

	/* ENDS: one is ready, the deadline comes, the task is asked to stop. */
	for (;;) {
		if (tpi_sleeper_asked()) {
			return -1;
		}
		if (deadline_ns != TPAR_FOREVER) {
			ns = deadline_ns - tpi_clock_now();
			ns = ns > 0 ? ns : 0;
			left.tv_sec = (time_t)(ns / TPAR_SECOND);
			left.tv_nsec = (long)(ns % TPAR_SECOND);
		}
		ready = ppoll(fds, n,
			      deadline_ns != TPAR_FOREVER ? &left : NULL,
			      &s->mask);
		if (ready >= 0 || errno != EINTR) {
			return ready;
		}
	}
}

/* SO_RCVTIMEO or SO_SNDTIMEO as a deadline.  Of what is no socket: none. */
static int64_t
deadline_of(int fd, int option)
{
	struct timeval timeout;
	socklen_t length = sizeof timeout;
	int64_t seconds;

	if (getsockopt(fd, SOL_SOCKET, option, &timeout, &length) != 0 ||
	    (timeout.tv_sec == 0 && timeout.tv_usec == 0)) {
		return TPAR_FOREVER;
	}
	seconds = timeout.tv_sec;
	/* The system takes thousands of years. */
	if (seconds >= INT64_MAX / TPAR_SECOND) {
		return INT64_MAX;
	}
	return tpar_in(seconds * TPAR_SECOND + (int64_t)timeout.tv_usec * 1000);
}

/* One for the whole call, however often it sleeps. */
void
tpi_sleeper_time(struct tpi_sleeper *s, int fd, short events)
{
	if (!s->timed) {
		s->timed = true;
		s->deadline_ns = deadline_of(
			fd, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO);
	}
}

/* Sleeps until fd is ready.  false: errno says why not. */
bool
tpi_sleeper_await(struct tpi_sleeper *s, int fd, short events)
{
	struct pollfd one = { fd, events, 0 };
	int ready;

	if (!tpi_sleeper_begin(s)) {
		return false;
	}
	tpi_sleeper_time(s, fd, events);
	ready = tpi_sleeper_poll(s, &one, 1, s->deadline_ns);
	if (ready == 0) {
		errno = EAGAIN;
	}
	return ready > 0;
}
