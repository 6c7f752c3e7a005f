/* SPDX-License-Identifier: MIT */
/*
 * ioname.c - names are looked up by a task that blocks.  If the request is
 * cancelled the task is left behind, and its result thrown away.
 */
#include "config.h"

#include "ioloop.h"
#include "ioname.h"

#include <taskpar/future.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

void
tpi_ioname_free(struct tpar_io_addresses *addresses)
{
	free(addresses->address);
	addresses->address = NULL;
	addresses->count = 0;
}

void
tpi_ioname_fini(struct tpi_ioname *name)
{
	tpi_ioname_free(&name->found);
	free(name->host);
	free(name->port);
}

/* ---- Looking up ---------------------------------------------------------- */

static int
errno_of(int rc)
{
	switch (rc) {
	case EAI_SYSTEM:
		return errno;
	case EAI_MEMORY:
		return ENOMEM;
	case EAI_AGAIN:
		return EAGAIN;
	case EAI_NONAME:
	case EAI_FAIL:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
		return ENOENT;
	default:
		return EINVAL;
	}
}

static bool
copy(struct tpar_io_addresses *to, const struct addrinfo *from)
{
	const struct addrinfo *at;
	size_t n = 1; /* who succeeds has found one */

	for (at = from->ai_next; at != NULL; at = at->ai_next) {
		n++;
	}
	to->address = calloc(n, sizeof *to->address);
	if (to->address == NULL) {
		return false;
	}
	for (at = from; at != NULL; at = at->ai_next) {
		struct tpar_io_address *one = &to->address[to->count];

		if (at->ai_addrlen <= sizeof one->storage) {
			one->length = (unsigned)at->ai_addrlen;
			memcpy(&one->storage, at->ai_addr, at->ai_addrlen);
			to->count++;
		}
	}
	return true;
}

bool
tpi_ioname_look_up(struct tpi_ioname *name, bool numbers_only)
{
	struct addrinfo hints = { 0 };
	struct addrinfo *list = NULL;
	int rc;

	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = (name->any ? AI_PASSIVE : 0) |
			 (numbers_only ? AI_NUMERICHOST : 0);
	rc = getaddrinfo(name->host, name->port, &hints, &list);
	if (rc != 0) {
		name->error = errno_of(rc);
		name->words = rc == EAI_SYSTEM ? NULL : gai_strerror(rc);
		return false;
	}
	if (!copy(&name->found, list)) {
		name->error = ENOMEM;
	} else if (name->found.count == 0) {
		name->error = ENOENT;
	}
	freeaddrinfo(list);
	return name->error == 0;
}

enum tpar_err
tpi_ioname_check_port(const char *port)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	if (port[0] >= '0' && port[0] <= '9' && *end == '\0' &&
	    number > 65535) {
		return tpar_error_set(TPAR_EINVAL, "port %s is beyond 65535",
				      port);
	}
	return TPAR_OK;
}

/* ---- By a task ----------------------------------------------------------- */

static int
look_up(void *arg, void *value)
{
	struct tpi_ioname *name = arg;
	bool wanted;

	(void)value;
	/* It may have been cancelled while it was queued. */
	tpi_ioloop_lock();
	wanted = name->request->loop != NULL;
	tpi_ioloop_unlock();
	if (wanted) {
		name->error = 0;
		(void)tpi_ioname_look_up(name, false);
	}
	return 0;
}

/* After the task, or in place of it. */
static void
through(void *arg)
{
	struct tpi_ioname *name = arg;
	struct tpi_iorequest *r = name->request;
	struct tpi_iodecided list;

	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	if (r->loop != NULL && r->generation == tpi_ioloop_generation) {
		name->then(name, &list);
	}
	tpi_ioloop_unlock();
	tpi_iorequest_complete(&list);
	tpi_iorequest_drop(r);
}

/* No task could be had for it; a shutdown may have been faster. */
static void
withdraw(struct tpi_iorequest *r)
{
	struct tpi_iodecided list;

	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	if (r->loop != NULL) {
		tpi_iorequest_decide(r, TPI_IO_STOPPED, &list);
	}
	tpi_ioloop_unlock();
	tpi_iorequest_complete(&list);
	tpi_iorequest_drop(r);
}

enum tpar_err
tpi_ioname_submit(struct tpi_ioname *name)
{
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	task.fn = look_up;
	task.arg = name;
	task.drop_arg = through;
	task.name = "tpar_io: a name is looked up";
	task.flags = TPAR_BLOCKING;
	name->error = TPI_IO_STOPPED; /* if it never runs */
	err = tpar_submit_task(NULL, &task, NULL);
	if (err != TPAR_OK) {
		withdraw(name->request);
	}
	return err;
}
