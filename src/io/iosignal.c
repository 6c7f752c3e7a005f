/* SPDX-License-Identifier: MIT */
/*
 * iosignal.c - futures for signals.
 *
 * The handler marks the signal and writes to an eventfd, which the loop thread
 * waits for as for any descriptor.  The eventfd is never closed: a handler may
 * be on its way to it.
 */
#include "config.h"

#include "ioloop.h"
#include "iosignal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SIGNALS NSIG

struct waiter {
	struct tpi_iorequest request;
	struct waiter *next;  /* [m:lock] of the same signal */
	struct waiter **link; /* [m:lock] */
	int signo;	      /* [c] */
};

/* One signal. */
static struct {
	struct waiter *first;	 /* [m:lock] */
	struct sigaction before; /* [m:lock] if it is taken */
	bool taken;		 /* [m:lock] our handler is there */
} signals[SIGNALS];

static unsigned taken;			 /* [m:lock] of them */
static unsigned char delivered[SIGNALS]; /* by atomic accesses */
static volatile sig_atomic_t event = -1; /* the eventfd, once there is one */
static struct tpi_iowatch watch;	 /* [m:lock] of it */

/* Handlers run on any thread; write() and read() are the order there is. */
static void
set_delivered(int signo, bool is)
{
	__atomic_store_n(&delivered[signo], is, __ATOMIC_RELAXED);
}

static bool
is_delivered(int signo)
{
	return __atomic_load_n(&delivered[signo], __ATOMIC_RELAXED) != 0;
}

static void
handle(int signo)
{
	const uint64_t one = 1;
	int error = errno;

	set_delivered(signo, true);
	/* It does not fail: a count that is full is read soon. */
	(void)!write((int)event, &one, sizeof one);
	errno = error;
}

/* ---- Under the lock ------------------------------------------------------ */

static void
take_out(struct waiter *w)
{
	*w->link = w->next;
	if (w->next != NULL) {
		w->next->link = w->link;
	}
	w->link = NULL;
}

/* All that wait for it end; with none it is kept for the next one. */
static void
deliver(int signo, struct tpi_iodecided *list)
{
	struct waiter *w;

	if (signals[signo].first == NULL) {
		return;
	}
	set_delivered(signo, false);
	while ((w = signals[signo].first) != NULL) {
		take_out(w);
		tpi_iorequest_decide(&w->request, 0, list);
	}
}

static bool
event_step(struct tpi_iowatch *w, unsigned ready, int error,
	   struct tpi_iodecided *list)
{
	uint64_t count;
	int signo;

	(void)ready;
	if (error != 0) {
		return true;
	}
	(void)!read(w->fd, &count, sizeof count);
	for (signo = 1; signo < SIGNALS; signo++) {
		if (is_delivered(signo)) {
			deliver(signo, list);
		}
	}
	return false;
}

/* 0, or an errno value. */
static int
take(int signo)
{
	struct sigaction action = { 0 };

	if (signals[signo].taken) {
		return 0;
	}
	action.sa_handler = handle;
	action.sa_flags = SA_RESTART;
	(void)sigfillset(&action.sa_mask);
	set_delivered(signo, false);
	if (sigaction(signo, &action, &signals[signo].before) != 0) {
		return errno;
	}
	signals[signo].taken = true;
	taken++;
	return 0;
}

/* With the last one there is nothing to be told of any more. */
static void
give_back(struct tpi_ioloop *loop, int signo)
{
	(void)sigaction(signo, &signals[signo].before, NULL);
	signals[signo].taken = false;
	set_delivered(signo, false);
	if (--taken == 0) {
		(void)tpi_iowatch_remove(loop, &watch);
	}
}

/* 0, or an errno value. */
static int
watch_event(struct tpi_ioloop *loop, struct tpi_iodecided *list)
{
	if (event < 0) {
		event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	if (event < 0) {
		return errno;
	}
	if (watch.link != NULL) {
		return 0;
	}
	watch.fd = (int)event;
	watch.events = TPAR_IO_READABLE;
	watch.step = event_step;
	return tpi_iowatch_add(loop, &watch, list);
}

static int
wait_for(struct waiter *w, struct tpi_ioloop *loop, struct tpi_iodecided *list)
{
	int rc = watch_event(loop, list);

	if (rc == 0) {
		rc = take(w->signo);
	}
	if (rc != 0) {
		tpi_iorequest_decide(&w->request, rc, list);
		return rc;
	}
	tpi_iorequest_start(&w->request, loop);
	w->next = signals[w->signo].first;
	w->link = &signals[w->signo].first;
	if (w->next != NULL) {
		w->next->link = &w->next;
	}
	signals[w->signo].first = w;
	if (is_delivered(w->signo)) {
		deliver(w->signo, list);
	}
	return 0;
}

void
tpi_iosignal_end(struct tpi_ioloop *loop)
{
	int signo;

	for (signo = 1; signo < SIGNALS; signo++) {
		if (signals[signo].taken) {
			give_back(loop, signo);
		}
	}
	(void)tpi_iowatch_remove(loop, &watch);
}

/* What waits, and its loop, stays behind. */
void
tpi_iosignal_fork(void)
{
	int signo;

	for (signo = 1; signo < SIGNALS; signo++) {
		if (signals[signo].taken) {
			(void)sigaction(signo, &signals[signo].before, NULL);
			signals[signo].taken = false;
		}
		signals[signo].first = NULL;
	}
	taken = 0;
	watch.link = NULL;
	if (event >= 0) {
		(void)close((int)event);
		event = -1;
	}
}

/* ---- The request --------------------------------------------------------- */

/* With the last one that is cancelled the signal is what it was. */
static bool
stop(struct tpi_iorequest *r)
{
	struct waiter *w = TPI_IO_CONTAINER(r, struct waiter, request);

	take_out(w);
	if (signals[w->signo].first == NULL) {
		give_back(r->loop, w->signo);
	}
	return true;
}

static void
complete(struct tpi_iorequest *r)
{
	struct waiter *w = TPI_IO_CONTAINER(r, struct waiter, request);
	char text[TPI_IO_WORDS];

	if (r->error == 0) {
		(void)tpar_promise_set(r->p, &w->signo);
	} else {
		(void)tpar_promise_fail(r->p, r->error,
					"awaiting signal %d: %s", w->signo,
					tpi_io_words(r->error, text));
	}
}

static void
free_waiter(struct tpi_iorequest *r)
{
	free(TPI_IO_CONTAINER(r, struct waiter, request));
}

static const struct tpi_iokind signal_kind = {
	.name = "tpar_io_signal",
	.value_size = sizeof(int),
	.at_once = true,
	.stop = stop,
	.complete = complete,
	.free = free_waiter,
};

static enum tpar_err
check(int signo, tpar_future **f)
{
	static const int never[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
				     SIGFPE,  SIGILL,  SIGTRAP };
	bool good = signo > 0 && signo < SIGNALS;
	size_t i;

	for (i = 0; i < sizeof never / sizeof never[0]; i++) {
		good = good && signo != never[i];
	}
	if (f == NULL) {
		return tpi_io_is_null("f");
	}
	return good ? TPAR_OK
		    : tpar_error_set(TPAR_EINVAL,
				     "signal %d cannot be waited for", signo);
}

enum tpar_err
tpar_io_signal(int signo, tpar_future **f)
{
	enum tpar_err err = check(signo, f);
	struct tpi_iodecided list;
	struct tpi_ioloop *loop;
	tpar_future *future;
	struct waiter *w;

	if (err != TPAR_OK) {
		return err;
	}
	w = calloc(1, sizeof *w);
	if (w == NULL) {
		return tpi_io_no_memory();
	}
	w->signo = signo;
	err = tpi_iorequest_open(&w->request, &signal_kind);
	if (err != TPAR_OK) {
		free(w);
		return err;
	}
	future = w->request.f;
	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop = tpi_ioloop_get(&err);
	if (loop != NULL) {
		(void)wait_for(w, loop, &list);
	}
	tpi_ioloop_unlock();
	if (loop == NULL) {
		tpi_iorequest_abandon(&w->request);
		return err;
	}
	tpi_iorequest_complete(&list);
	*f = future;
	return TPAR_OK;
}
