/* SPDX-License-Identifier: MIT */
/*
 * iostream.c - reading, writing and accepting, by the loop thread when the
 * descriptor is ready: it alone touches the caller's buffer, under the lock,
 * while the request is not decided.
 */
#include "config.h"

#include "ioloop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes at a time: others wait for the lock meanwhile. */
#define MOST ((size_t)256 * 1024)

struct stream {
	struct tpi_iorequest request;
	struct tpi_iowatch watch;
	char *into;	  /* [c] the caller's */
	const char *from; /* [c] the caller's */
	size_t size;	  /* [c] */
	size_t count;	  /* [m:lock] so far; [o] of who decided it */
	int fd;		  /* [m:lock] accepted, or -1; the same */
};

/* ---- All three ----------------------------------------------------------- */

static bool
has_to_wait(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static bool
stop(struct tpi_iorequest *r)
{
	struct stream *s = TPI_IO_CONTAINER(r, struct stream, request);

	return tpi_iowatch_remove(r->loop, &s->watch);
}

static void
free_stream(struct tpi_iorequest *r)
{
	free(TPI_IO_CONTAINER(r, struct stream, request));
}

static void
complete(struct tpi_iorequest *r, const char *doing, const void *value)
{
	struct stream *s = TPI_IO_CONTAINER(r, struct stream, request);
	char text[TPI_IO_WORDS];

	if (r->error == 0) {
		(void)tpar_promise_set(r->p, value);
		return;
	}
	(void)tpar_promise_fail(
		r->p, r->error, "%s descriptor %d: %s%s", doing, s->watch.fd,
		tpi_io_words(r->error, text),
		r->error == EPERM ? " (a regular file or a directory)" : "");
}

/* The descriptor, and NULL for an argument that must not be. */
static enum tpar_err
check(int fd, const void *buffer, const char *name, tpar_future **f)
{
	int flags;

	if (f == NULL || buffer == NULL) {
		return tpi_io_is_null(f == NULL ? "f" : name);
	}
	if (fd < 0) {
		return tpar_error_set(TPAR_EINVAL, "fd is %d", fd);
	}
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
		return tpar_error_set(TPAR_EINVAL,
				      "descriptor %d may block: set O_NONBLOCK",
				      fd);
	}
	return TPAR_OK;
}

static enum tpar_err
begin(const struct stream *like, const struct tpi_iokind *kind, tpar_future **f)
{
	struct stream *s = malloc(sizeof *s);
	enum tpar_err err;

	if (s == NULL) {
		return tpi_io_no_memory();
	}
	*s = *like;
	err = tpi_iorequest_open(&s->request, kind);
	if (err != TPAR_OK) {
		free(s);
		return err;
	}
	return tpi_iorequest_watch(&s->request, &s->watch, f);
}

/* ---- Reading ------------------------------------------------------------- */

static bool
read_step(struct tpi_iowatch *w, unsigned ready, int error,
	  struct tpi_iodecided *list)
{
	struct stream *s = TPI_IO_CONTAINER(w, struct stream, watch);
	ssize_t n;

	(void)ready;
	if (error == 0) {
		n = read(w->fd, s->into, s->size < MOST ? s->size : MOST);
		if (n < 0 && has_to_wait(errno)) {
			return false;
		}
		error = n < 0 ? errno : 0;
		s->count = n > 0 ? (size_t)n : 0;
	}
	tpi_iorequest_decide(&s->request, error, list);
	return true;
}

static void
read_complete(struct tpi_iorequest *r)
{
	complete(r, "reading from",
		 &TPI_IO_CONTAINER(r, struct stream, request)->count);
}

static const struct tpi_iokind read_kind = {
	.name = "tpar_io_read",
	.value_size = sizeof(size_t),
	.stop = stop,
	.complete = read_complete,
	.free = free_stream,
};

enum tpar_err
tpar_io_read(int fd, void *buffer, size_t size, tpar_future **f)
{
	struct stream s = { .into = buffer, .size = size };
	enum tpar_err err = check(fd, buffer, "buffer", f);

	if (err != TPAR_OK) {
		return err;
	}
	if (size == 0) {
		return tpar_error_set(TPAR_EINVAL, "size is 0");
	}
	s.watch.fd = fd;
	s.watch.events = TPAR_IO_READABLE;
	s.watch.step = read_step;
	return begin(&s, &read_kind, f);
}

/* ---- Writing ------------------------------------------------------------- */

/* A SIGPIPE is for the calling thread, the loop thread, which blocks it. */
static bool
write_step(struct tpi_iowatch *w, unsigned ready, int error,
	   struct tpi_iodecided *list)
{
	struct stream *s = TPI_IO_CONTAINER(w, struct stream, watch);
	size_t left = s->size - s->count;
	ssize_t n;

	(void)ready;
	if (error == 0 && left > 0) {
		n = write(w->fd, s->from + s->count, left < MOST ? left : MOST);
		if (n < 0 && !has_to_wait(errno)) {
			error = errno;
		}
		s->count += n > 0 ? (size_t)n : 0;
	}
	if (error == 0 && s->count < s->size) {
		return false;
	}
	tpi_iorequest_decide(&s->request, error, list);
	return true;
}

static void
write_complete(struct tpi_iorequest *r)
{
	complete(r, "writing to",
		 &TPI_IO_CONTAINER(r, struct stream, request)->count);
}

static const struct tpi_iokind write_kind = {
	.name = "tpar_io_write",
	.value_size = sizeof(size_t),
	.stop = stop,
	.complete = write_complete,
	.free = free_stream,
};

enum tpar_err
tpar_io_write(int fd, const void *data, size_t size, tpar_future **f)
{
	struct stream s = { .from = data, .size = size };
	enum tpar_err err = check(fd, size > 0 ? data : "", "data", f);

	if (err != TPAR_OK) {
		return err;
	}
	s.watch.fd = fd;
	s.watch.events = TPAR_IO_WRITABLE;
	s.watch.step = write_step;
	return begin(&s, &write_kind, f);
}

/* ---- Accepting ----------------------------------------------------------- */

static bool
accept_step(struct tpi_iowatch *w, unsigned ready, int error,
	    struct tpi_iodecided *list)
{
	struct stream *s = TPI_IO_CONTAINER(w, struct stream, watch);

	(void)ready;
	if (error == 0) {
		s->fd = accept4(w->fd, NULL, NULL,
				SOCK_NONBLOCK | SOCK_CLOEXEC);
		error = s->fd < 0 ? errno : 0;
		/* One that has gone again is none. */
		if (has_to_wait(error) || error == ECONNABORTED) {
			return false;
		}
	}
	tpi_iorequest_decide(&s->request, error, list);
	return true;
}

static void
accept_complete(struct tpi_iorequest *r)
{
	complete(r, "accepting on",
		 &TPI_IO_CONTAINER(r, struct stream, request)->fd);
}

static const struct tpi_iokind accept_kind = {
	.name = "tpar_io_accept",
	.value_size = sizeof(int),
	.drop_value = tpi_io_close_value,
	.stop = stop,
	.complete = accept_complete,
	.free = free_stream,
};

/*
 * What does not listen, and may be silent for ever, is a connection: that it can
 * be written to has accept4() say so.
 */
static unsigned
accept_events(int fd)
{
	int listens = 1;
	socklen_t size = sizeof listens;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
	    listens == 0) {
		return TPAR_IO_READABLE | TPAR_IO_WRITABLE;
	}
	return TPAR_IO_READABLE;
}

enum tpar_err
tpar_io_accept(int fd, tpar_future **f)
{
	struct stream s = { .fd = -1 };
	enum tpar_err err = check(fd, "", "", f);

	if (err != TPAR_OK) {
		return err;
	}
	s.watch.fd = fd;
	s.watch.events = accept_events(fd);
	s.watch.step = accept_step;
	return begin(&s, &accept_kind, f);
}
