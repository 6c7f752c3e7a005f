/* SPDX-License-Identifier: MIT */
/*
 * ioresolve.c - addresses of a name.
 */
#include "config.h"

#include "ioloop.h"
#include "ioname.h"

#include <taskpar/future.h>

#include <stdlib.h>
#include <string.h>

struct resolve {
	struct tpi_iorequest request;
	struct tpi_ioname name;
};

static void
found(struct tpi_ioname *name, struct tpi_iodecided *list)
{
	tpi_iorequest_decide(name->request, name->error, list);
}

/* It waits for nothing that could be taken back. */
static bool
stop(struct tpi_iorequest *r)
{
	(void)r;
	return true;
}

static void
complete(struct tpi_iorequest *r)
{
	struct tpi_ioname *name =
		&TPI_IO_CONTAINER(r, struct resolve, request)->name;
	char text[TPI_IO_WORDS];

	if (r->error != 0) {
		(void)tpar_promise_fail(r->p, r->error, "resolving %s: %s",
					name->host,
					name->words != NULL
						? name->words
						: tpi_io_words(r->error, text));
	} else if (tpar_promise_set(r->p, &name->found) == TPAR_OK) {
		name->found.address = NULL;
	}
}

static void
free_resolve(struct tpi_iorequest *r)
{
	struct resolve *resolve = TPI_IO_CONTAINER(r, struct resolve, request);

	tpi_ioname_fini(&resolve->name);
	free(resolve);
}

static void
drop_addresses(void *value)
{
	tpi_ioname_free(value);
}

static const struct tpi_iokind resolve_kind = {
	.name = "tpar_io_resolve",
	.value_size = sizeof(struct tpar_io_addresses),
	.drop_value = drop_addresses,
	.at_once = true,
	.stop = stop,
	.complete = complete,
	.free = free_resolve,
};

static enum tpar_err
start(struct resolve *resolve, tpar_future **f)
{
	tpar_future *future = resolve->request.f;
	enum tpar_err err = TPAR_OK;
	struct tpi_ioloop *loop;

	tpi_ioloop_lock();
	loop = tpi_ioloop_get(&err);
	if (loop != NULL) {
		tpi_iorequest_start(&resolve->request, loop);
		/* A shutdown may end it as soon as the lock is free. */
		tpi_iorequest_hold(&resolve->request);
	}
	tpi_ioloop_unlock();
	if (loop == NULL) {
		tpi_iorequest_abandon(&resolve->request);
		return err;
	}
	err = tpi_ioname_submit(&resolve->name);
	if (err != TPAR_OK) {
		tpar_future_unref(future);
		return err;
	}
	*f = future;
	return TPAR_OK;
}

enum tpar_err
tpar_io_resolve(const char *host, const char *port, tpar_future **f)
{
	struct resolve *resolve;
	enum tpar_err err;

	if (host == NULL || f == NULL) {
		return tpi_io_is_null(host == NULL ? "host" : "f");
	}
	err = port != NULL ? tpi_ioname_check_port(port) : TPAR_OK;
	if (err != TPAR_OK) {
		return err;
	}
	resolve = calloc(1, sizeof *resolve);
	if (resolve == NULL) {
		return tpi_io_no_memory();
	}
	resolve->name.request = &resolve->request;
	resolve->name.then = found;
	resolve->name.host = strdup(host);
	resolve->name.port = port != NULL ? strdup(port) : NULL;
	if (resolve->name.host == NULL ||
	    (port != NULL && resolve->name.port == NULL)) {
		err = tpi_io_no_memory();
	} else {
		err = tpi_iorequest_open(&resolve->request, &resolve_kind);
	}
	if (err != TPAR_OK) {
		tpi_ioname_fini(&resolve->name);
		free(resolve);
		return err;
	}
	return start(resolve, f);
}
