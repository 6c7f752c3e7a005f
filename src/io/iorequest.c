/* SPDX-License-Identifier: MIT */
/*
 * iorequest.c - opening, deciding, completing and freeing requests.
 */
#include "config.h"

#include "ioloop.h"
#include "iorequest.h"

#include <taskpar/future.h>

static void
destroy(struct tpi_iorequest *r)
{
	tpar_promise_destroy(r->p);
	r->kind->free(r);
}

void
tpi_iorequest_hold(struct tpi_iorequest *r)
{
	r->holders++;
}

void
tpi_iorequest_drop(struct tpi_iorequest *r)
{
	bool last;

	/* RELEASE POINT: r. */
	tpi_ioloop_lock();
	last = --r->holders == 0;
	tpi_ioloop_unlock();
	if (last) {
		destroy(r);
	}
}

static void
take_out(struct tpi_iorequest *r)
{
	*r->link = r->next;
	if (r->next != NULL) {
		r->next->link = r->link;
	}
	r->link = NULL;
	if (r->loop->ends && r->loop->requests == NULL) {
		tpi_ioloop_wake(r->loop);
	}
	r->loop = NULL;
}

/* true: nobody completes it any more, but the caller. */
static bool
stop(struct tpi_iorequest *r)
{
	if (r->generation != tpi_ioloop_generation) {
		return true; /* who would have done it is lost in a fork */
	}
	if (r->loop == NULL || !r->kind->stop(r)) {
		return false;
	}
	take_out(r);
	return true;
}

/* The future has ended, by whatever. */
static void
has_ended(tpar_future *f, void *arg)
{
	struct tpi_iorequest *r = arg;
	bool last;

	(void)f;
	/* RELEASE POINT: r. */
	tpi_ioloop_lock();
	if (stop(r)) {
		r->holders--;
	}
	last = --r->holders == 0;
	tpi_ioloop_unlock();
	if (last) {
		destroy(r);
	}
}

/* The future was cancelled; on a thread that may block. */
static void
was_cancelled(tpar_promise *p, void *arg)
{
	struct tpi_iorequest *r = arg;
	bool stopped;

	tpi_ioloop_lock();
	stopped = stop(r);
	tpi_ioloop_unlock();
	if (stopped) {
		(void)tpar_promise_set_cancelled(p);
		tpi_iorequest_drop(r);
	}
}

enum tpar_err
tpi_iorequest_open(struct tpi_iorequest *r, const struct tpi_iokind *kind)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	enum tpar_err err;

	config.site = NULL;
	config.value_size = kind->value_size;
	config.drop_value = kind->drop_value;
	config.name = kind->name;
	config.on_cancel = kind->at_once ? NULL : was_cancelled;
	config.arg = r;
	err = tpar_promise_create_with(&config, &r->p, &r->f);
	if (err != TPAR_OK) {
		return err;
	}
	r->kind = kind;
	r->holders = 1;
	r->generation = tpi_ioloop_generation;
	if (kind->at_once) {
		r->holders = 2;
		err = tpar_future_on_done(r->f, has_ended, r);
	}
	if (err != TPAR_OK) {
		(void)tpar_promise_set_cancelled(r->p);
		tpar_promise_destroy(r->p);
		tpar_future_unref(r->f);
	}
	return err;
}

void
tpi_iorequest_start(struct tpi_iorequest *r, struct tpi_ioloop *loop)
{
	r->loop = loop;
	r->next = loop->requests;
	r->link = &loop->requests;
	if (r->next != NULL) {
		r->next->link = &r->next;
	}
	loop->requests = r;
}

enum tpar_err
tpi_iorequest_watch(struct tpi_iorequest *r, struct tpi_iowatch *w,
		    tpar_future **f)
{
	enum tpar_err err = TPAR_OK;
	struct tpi_iodecided list;
	struct tpi_ioloop *loop;
	tpar_future *future = r->f;

	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop = tpi_ioloop_get(&err);
	if (loop != NULL) {
		int rc = tpi_iowatch_add(loop, w, &list);

		if (rc == 0) {
			tpi_iorequest_start(r, loop);
		} else {
			tpi_iorequest_decide(r, rc, &list);
		}
	}
	tpi_ioloop_unlock();
	if (loop == NULL) {
		tpi_iorequest_abandon(r);
		return err;
	}
	tpi_iorequest_complete(&list);
	*f = future;
	return TPAR_OK;
}

void
tpi_iorequest_abandon(struct tpi_iorequest *r)
{
	tpar_future *f = r->f;

	(void)tpar_promise_set_cancelled(r->p);
	tpi_iorequest_drop(r);
	tpar_future_unref(f);
}

void
tpi_iorequest_decide(struct tpi_iorequest *r, int error,
		     struct tpi_iodecided *list)
{
	if (r->loop != NULL) {
		take_out(r);
	}
	r->error = error;
	r->next = NULL;
	*list->last = r;
	list->last = &r->next;
}

void
tpi_iorequest_complete(struct tpi_iodecided *list)
{
	struct tpi_iorequest *r = list->first;

	tpi_iodecided_init(list);
	while (r != NULL) {
		struct tpi_iorequest *next = r->next;

		if (r->error == TPI_IO_STOPPED) {
			(void)tpar_promise_set_cancelled(r->p);
		} else {
			r->kind->complete(r);
		}
		tpi_iorequest_drop(r);
		r = next;
	}
}

void
tpi_iorequest_stop_all(struct tpi_ioloop *loop, struct tpi_iodecided *list)
{
	struct tpi_iorequest *r = loop->requests;

	while (r != NULL) {
		struct tpi_iorequest *next = r->next;

		if (r->kind->stop(r)) {
			tpi_iorequest_decide(r, TPI_IO_STOPPED, list);
		}
		r = next;
	}
}
