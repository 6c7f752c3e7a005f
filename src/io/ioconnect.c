/* SPDX-License-Identifier: MIT */
/*
 * ioconnect.c - connecting to and listening on an address: one after the other of
 * those that the name has, until one does.
 */
#include "config.h"

#include "ioloop.h"
#include "ioname.h"

#include <taskpar/future.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct connect {
	struct tpi_iorequest request;
	struct tpi_iowatch watch; /* of the connection that is being made */
	struct tpi_ioname name;
	char *address; /* [c] owned; for messages */
	int backlog;   /* [c] -1: it connects */
	size_t next;   /* [m:lock] the address to be tried next */
	int fd;	       /* [m:lock] or -1; then of who decided it */
	int error;     /* [m:lock] of the last one that was tried */
};

static struct connect *
of(struct tpi_iorequest *r)
{
	return TPI_IO_CONTAINER(r, struct connect, request);
}

/* ---- One address after the other ----------------------------------------- */

static void
close_fd(struct connect *c)
{
	if (c->fd >= 0) {
		(void)close(c->fd);
	}
	c->fd = -1;
}

/* 0: it listens. */
static int
listen_on(const struct connect *c, const struct tpar_io_address *address)
{
	const int on = 1;

	if (address->storage.ss_family != AF_UNIX &&
	    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
		return errno;
	}
	if (bind(c->fd, (const struct sockaddr *)&address->storage,
		 address->length) != 0 ||
	    listen(c->fd, c->backlog) != 0) {
		return errno;
	}
	return 0;
}

/* 0: it is connected.  EINPROGRESS: the watch waits for that. */
static int
connect_to(struct connect *c, const struct tpar_io_address *address,
	   struct tpi_iodecided *list)
{
	int rc;

	if (connect(c->fd, (const struct sockaddr *)&address->storage,
		    address->length) == 0) {
		return 0;
	}
	if (errno != EINPROGRESS && errno != EINTR) {
		return errno;
	}
	c->watch.fd = c->fd;
	rc = tpi_iowatch_add(c->request.loop, &c->watch, list);
	return rc != 0 ? rc : EINPROGRESS;
}

static void
try_next(struct connect *c, struct tpi_iodecided *list)
{
	while (c->next < c->name.found.count) {
		const struct tpar_io_address *address =
			&c->name.found.address[c->next++];
		int rc;

		c->fd = socket(address->storage.ss_family,
			       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd < 0) {
			c->error = errno;
			continue;
		}
		rc = c->backlog >= 0 ? listen_on(c, address)
				     : connect_to(c, address, list);
		if (rc == EINPROGRESS) {
			return;
		}
		c->error = rc;
		if (rc == 0) {
			break;
		}
		close_fd(c);
	}
	tpi_iorequest_decide(&c->request, c->error, list);
}

static bool
step(struct tpi_iowatch *w, unsigned ready, int error,
     struct tpi_iodecided *list)
{
	struct connect *c = TPI_IO_CONTAINER(w, struct connect, watch);
	socklen_t length = sizeof error;

	(void)ready;
	if (error == 0 &&
	    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
		error = errno;
	}
	if (error == 0) {
		tpi_iorequest_decide(&c->request, 0, list);
		return true;
	}
	c->error = error;
	close_fd(c);
	try_next(c, list);
	return true;
}

static void
found(struct tpi_ioname *name, struct tpi_iodecided *list)
{
	struct connect *c = of(name->request);

	c->error = name->error;
	if (name->error == TPI_IO_STOPPED) {
		tpi_iorequest_decide(&c->request, TPI_IO_STOPPED, list);
	} else {
		try_next(c, list);
	}
}

/* ---- The request --------------------------------------------------------- */

/* While the name is looked up there is nothing to be taken back. */
static bool
stop(struct tpi_iorequest *r)
{
	(void)tpi_iowatch_remove(r->loop, &of(r)->watch);
	return true;
}

static void
complete(struct tpi_iorequest *r)
{
	struct connect *c = of(r);
	char text[TPI_IO_WORDS];

	if (r->error == 0) {
		(void)tpar_promise_set(r->p, &c->fd);
		c->fd = -1;
		return;
	}
	(void)tpar_promise_fail(
		r->p, r->error, "%s %s: %s",
		c->backlog >= 0 ? "listening on" : "connecting to", c->address,
		c->name.words != NULL ? c->name.words
				      : tpi_io_words(r->error, text));
}

static void
free_connect(struct tpi_iorequest *r)
{
	struct connect *c = of(r);

	close_fd(c);
	tpi_ioname_fini(&c->name);
	free(c->address);
	free(c);
}

static const struct tpi_iokind connect_kind = {
	.name = "tpar_io_connect",
	.value_size = sizeof(int),
	.drop_value = tpi_io_close_value,
	.stop = stop,
	.complete = complete,
	.free = free_connect,
};

static const struct tpi_iokind listen_kind = {
	.name = "tpar_io_listen",
	.value_size = sizeof(int),
	.drop_value = tpi_io_close_value,
	.stop = stop,
	.complete = complete,
	.free = free_connect,
};

/* ---- Addresses ----------------------------------------------------------- */

/* unix:PATH, or unix:@NAME, which is in no directory. */
static enum tpar_err
parse_unix(struct connect *c, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	struct tpar_io_address *one;

	if (length == 0 || length >= sizeof un.sun_path) {
		return tpar_error_set(TPAR_EINVAL,
				      "address %s: a path of %zu bytes, not of "
				      "1 to %zu",
				      c->address, length,
				      sizeof un.sun_path - 1);
	}
	one = calloc(1, sizeof *one);
	if (one == NULL) {
		return tpi_io_no_memory();
	}
	memcpy(un.sun_path, path, length);
	one->length = (unsigned)(offsetof(struct sockaddr_un, sun_path) +
				 length + (path[0] != '@'));
	if (path[0] == '@') {
		un.sun_path[0] = '\0';
	}
	memcpy(&one->storage, &un, sizeof un);
	c->name.found.address = one;
	c->name.found.count = 1;
	return TPAR_OK;
}

/* HOST:PORT, [HOST]:PORT; to listen also :PORT and *:PORT. */
static enum tpar_err
parse_name(struct connect *c)
{
	const char *text = c->address;
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	bool none = length == 0 || (length == 1 && text[0] == '*');

	if (colon == NULL || colon[1] == '\0' || (none && c->backlog < 0)) {
		return tpar_error_set(TPAR_EINVAL,
				      "address %s is neither HOST:PORT nor "
				      "unix:PATH",
				      text);
	}
	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	c->name.any = none;
	c->name.host = none ? NULL : strndup(text, length);
	c->name.port = strdup(colon + 1);
	if ((c->name.host == NULL && !none) || c->name.port == NULL) {
		return tpi_io_no_memory();
	}
	return tpi_ioname_check_port(c->name.port);
}

static enum tpar_err
parse(struct connect *c, const char *address)
{
	c->address = strdup(address);
	if (c->address == NULL) {
		return tpi_io_no_memory();
	}
	return strncmp(address, "unix:", 5) == 0 ? parse_unix(c, address + 5)
						 : parse_name(c);
}

static enum tpar_err
start(struct connect *c, tpar_future **f)
{
	tpar_future *future = c->request.f;
	enum tpar_err err = TPAR_OK;
	struct tpi_iodecided list;
	struct tpi_ioloop *loop;
	bool known = c->name.found.count > 0 ||
		     tpi_ioname_look_up(&c->name, c->name.host != NULL);

	c->name.words = NULL;
	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop = tpi_ioloop_get(&err);
	if (loop != NULL) {
		tpi_iorequest_start(&c->request, loop);
		if (known) {
			try_next(c, &list);
		} else {
			/* A shutdown may end it as soon as the lock is free. */
			tpi_iorequest_hold(&c->request);
		}
	}
	tpi_ioloop_unlock();
	if (loop == NULL) {
		tpi_iorequest_abandon(&c->request);
		return err;
	}
	if (!known) {
		err = tpi_ioname_submit(&c->name);
	}
	if (err != TPAR_OK) {
		tpar_future_unref(future);
		return err;
	}
	tpi_iorequest_complete(&list);
	*f = future;
	return TPAR_OK;
}

static enum tpar_err
begin(const char *address, int backlog, const struct tpi_iokind *kind,
      tpar_future **f)
{
	struct connect *c;
	enum tpar_err err;

	if (address == NULL || f == NULL) {
		return tpi_io_is_null(address == NULL ? "address" : "f");
	}
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		return tpi_io_no_memory();
	}
	c->fd = -1;
	c->backlog = backlog;
	c->watch.events = TPAR_IO_WRITABLE;
	c->watch.step = step;
	c->name.request = &c->request;
	c->name.then = found;
	err = parse(c, address);
	if (err == TPAR_OK) {
		err = tpi_iorequest_open(&c->request, kind);
	}
	if (err != TPAR_OK) {
		free_connect(&c->request);
		return err;
	}
	return start(c, f);
}

enum tpar_err
tpar_io_connect(const char *address, tpar_future **f)
{
	return begin(address, -1, &connect_kind, f);
}

enum tpar_err
tpar_io_listen(const char *address, int backlog, tpar_future **f)
{
	if (backlog < 1) {
		return tpar_error_set(TPAR_EINVAL, "backlog is %d", backlog);
	}
	return begin(address, backlog, &listen_kind, f);
}
