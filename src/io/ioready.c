/* SPDX-License-Identifier: MIT */
/*
 * ioready.c - futures for times and for descriptors that are ready.
 */
#include "config.h"

#include "ioloop.h"

#include <taskpar/future.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Times --------------------------------------------------------------- */

struct timer {
	struct tpi_iorequest request;
	struct tpi_iotimer timer;
};

static void
timer_due(struct tpi_iotimer *t, struct tpi_iodecided *list)
{
	tpi_iorequest_decide(&TPI_IO_CONTAINER(t, struct timer, timer)->request,
			     0, list);
}

static bool
timer_stop(struct tpi_iorequest *r)
{
	struct timer *timer = TPI_IO_CONTAINER(r, struct timer, request);

	return tpi_iotimer_remove(&r->loop->timers, &timer->timer);
}

static void
timer_complete(struct tpi_iorequest *r)
{
	(void)tpar_promise_set(r->p, NULL);
}

static void
timer_free(struct tpi_iorequest *r)
{
	free(TPI_IO_CONTAINER(r, struct timer, request));
}

static const struct tpi_iokind timer_kind = {
	.name = "tpar_io_timer",
	.at_once = true,
	.stop = timer_stop,
	.complete = timer_complete,
	.free = timer_free,
};

enum tpar_err
tpar_io_timer(int64_t deadline_ns, tpar_future **f)
{
	enum tpar_err err = TPAR_OK;
	struct tpi_ioloop *loop;
	struct timer *timer;
	tpar_future *future;

	if (f == NULL) {
		return tpi_io_is_null("f");
	}
	if (deadline_ns == TPAR_FOREVER) {
		return tpar_error_set(TPAR_EINVAL,
				      "deadline_ns is TPAR_FOREVER: the timer "
				      "would never end");
	}
	timer = calloc(1, sizeof *timer);
	if (timer == NULL) {
		return tpi_io_no_memory();
	}
	timer->timer.deadline_ns = deadline_ns;
	timer->timer.due = timer_due;
	err = tpi_iorequest_open(&timer->request, &timer_kind);
	if (err != TPAR_OK) {
		free(timer);
		return err;
	}
	future = timer->request.f;
	tpi_ioloop_lock();
	loop = tpi_ioloop_get(&err);
	if (loop != NULL) {
		tpi_iorequest_start(&timer->request, loop);
		tpi_iotimer_add(&loop->timers, &timer->timer);
		tpi_ioloop_hurry(loop, deadline_ns);
	}
	tpi_ioloop_unlock();
	if (err != TPAR_OK) {
		tpi_iorequest_abandon(&timer->request);
		return err;
	}
	*f = future;
	return TPAR_OK;
}

/* ---- Descriptors --------------------------------------------------------- */

struct ready {
	struct tpi_iorequest request;
	struct tpi_iowatch watch;
	unsigned ready; /* [o] of who decided it */
};

static bool
ready_step(struct tpi_iowatch *w, unsigned ready, int error,
	   struct tpi_iodecided *list)
{
	struct ready *r = TPI_IO_CONTAINER(w, struct ready, watch);

	r->ready = ready & (w->events | TPAR_IO_HANGUP | TPAR_IO_ERROR);
	tpi_iorequest_decide(&r->request, error, list);
	return true;
}

static bool
ready_stop(struct tpi_iorequest *r)
{
	struct ready *ready = TPI_IO_CONTAINER(r, struct ready, request);

	return tpi_iowatch_remove(r->loop, &ready->watch);
}

static void
ready_complete(struct tpi_iorequest *r)
{
	struct ready *ready = TPI_IO_CONTAINER(r, struct ready, request);
	char text[TPI_IO_WORDS];

	if (r->error == 0) {
		(void)tpar_promise_set(r->p, &ready->ready);
		return;
	}
	(void)tpar_promise_fail(
		r->p, r->error, "awaiting descriptor %d: %s%s", ready->watch.fd,
		tpi_io_words(r->error, text),
		r->error == EPERM ? " (a regular file or a directory)" : "");
}

static void
ready_free(struct tpi_iorequest *r)
{
	free(TPI_IO_CONTAINER(r, struct ready, request));
}

static const struct tpi_iokind ready_kind = {
	.name = "tpar_io_ready",
	.value_size = sizeof(unsigned),
	.at_once = true,
	.stop = ready_stop,
	.complete = ready_complete,
	.free = ready_free,
};

static enum tpar_err
check(int fd, unsigned events, tpar_future **f)
{
	const unsigned all = TPAR_IO_READABLE | TPAR_IO_WRITABLE;

	if (f == NULL) {
		return tpi_io_is_null("f");
	}
	if (fd < 0) {
		return tpar_error_set(TPAR_EINVAL, "fd is %d", fd);
	}
	if ((events & all) == 0 || (events & ~all) != 0) {
		return tpar_error_set(TPAR_EINVAL,
				      "events is %#x, not TPAR_IO_READABLE, "
				      "TPAR_IO_WRITABLE or both",
				      events);
	}
	return TPAR_OK;
}

enum tpar_err
tpar_io_ready(int fd, unsigned events, tpar_future **f)
{
	enum tpar_err err = check(fd, events, f);
	struct ready *ready;

	if (err != TPAR_OK) {
		return err;
	}
	ready = calloc(1, sizeof *ready);
	if (ready == NULL) {
		return tpi_io_no_memory();
	}
	ready->watch.fd = fd;
	ready->watch.events = events;
	ready->watch.step = ready_step;
	err = tpi_iorequest_open(&ready->request, &ready_kind);
	if (err != TPAR_OK) {
		free(ready);
		return err;
	}
	return tpi_iorequest_watch(&ready->request, &ready->watch, f);
}

enum tpar_err
tpar_io_close(int fd)
{
	struct tpi_iodecided list;
	struct tpi_ioloop *loop;
	char text[TPI_IO_WORDS];
	int rc;

	if (fd < 0) {
		return tpar_error_set(TPAR_EINVAL, "fd is %d", fd);
	}
	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop = tpi_ioloop_running();
	if (loop != NULL) {
		tpi_iowatch_forget(loop, fd, EBADF, &list);
	}
	tpi_ioloop_unlock();
	rc = close(fd) == 0 || errno == EINTR ? 0 : errno;
	tpi_iorequest_complete(&list);
	if (rc == 0) {
		return TPAR_OK;
	}
	return tpar_error_set(rc == EBADF ? TPAR_EINVAL : TPAR_EFAILED,
			      "closing descriptor %d: %s", fd,
			      tpi_io_words(rc, text));
}
