/* SPDX-License-Identifier: MIT */
/*
 * ioloop.c - the loop thread, from its first use to its end, and forks.
 */
#include "config.h"

#include "ioloop.h"
#include "iosignal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEVER INT64_MAX

uint32_t tpi_ioloop_generation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tpi_ioloop *running;	     /* [m:lock] */
static _Thread_local struct tpi_ioloop *own; /* in a loop thread: its loop */

static void
require(bool held)
{
	if (!held) {
		abort();
	}
}

void
tpi_ioloop_lock(void)
{
	require(pthread_mutex_lock(&lock) == 0);
}

void
tpi_ioloop_unlock(void)
{
	require(pthread_mutex_unlock(&lock) == 0);
}

struct tpi_ioloop *
tpi_ioloop_running(void)
{
	return running;
}

/* ---- The loop thread ----------------------------------------------------- */

static void
on_alarm(uv_timer_t *alarm)
{
	struct tpi_ioloop *loop = alarm->data;
	struct tpi_iodecided list;

	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop->armed_ns = NEVER;
	tpi_iotimer_fire(&loop->timers, tpar_in(0), &list);
	tpi_ioloop_unlock();
	tpi_iorequest_complete(&list);
}

static void
on_events(uv_poll_t *events, int status, int which)
{
	struct tpi_ioloop *loop = events->data;
	struct tpi_iodecided list;

	(void)status;
	(void)which;
	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	tpi_iowatch_look(loop, &list);
	tpi_ioloop_unlock();
	tpi_iorequest_complete(&list);
}

/* What has to be seen to is seen to before it sleeps. */
static void
on_wake(uv_async_t *wake)
{
	(void)wake;
}

/*
 * libuv counts in milliseconds, of the same clock: not before the first one that
 * is not earlier than the deadline.
 */
static void
arm(struct tpi_ioloop *loop, int64_t deadline_ns)
{
	uint64_t at = (uint64_t)(deadline_ns / TPAR_MILLISECOND +
				 (deadline_ns % TPAR_MILLISECOND > 0));
	uint64_t now;

	uv_update_time(&loop->uv);
	now = uv_now(&loop->uv);
	if (deadline_ns < 0) {
		at = 0;
	}
	require(uv_timer_start(&loop->alarm, on_alarm, at > now ? at - now : 0,
			       0) == 0);
}

static void
before_sleep(uv_prepare_t *before)
{
	struct tpi_ioloop *loop = before->data;
	int64_t next = NEVER;
	bool changed;
	bool over;

	tpi_ioloop_lock();
	if (loop->timers != NULL) {
		next = loop->timers->deadline_ns;
	}
	changed = loop->hurried || next != loop->armed_ns;
	loop->armed_ns = next;
	loop->hurried = false;
	over = loop->ends && loop->requests == NULL;
	tpi_ioloop_unlock();
	if (over) {
		uv_stop(&loop->uv);
	} else if (changed && next == NEVER) {
		require(uv_timer_stop(&loop->alarm) == 0);
	} else if (changed) {
		arm(loop, next);
	}
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle)) {
		uv_close(handle, NULL);
	}
}

/* Whatever of it has been made.  It must not be running. */
static void
fini(struct tpi_ioloop *loop)
{
	uv_walk(&loop->uv, close_handle, NULL);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	require(uv_loop_close(&loop->uv) == 0);
	tpi_iowatch_fini(&loop->watches);
	free(loop);
}

static void *
loop_main(void *arg)
{
	struct tpi_ioloop *loop = arg;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
#ifdef HAVE_PTHREAD_SETNAME_NP
	(void)pthread_setname_np(pthread_self(), "taskpar-io");
#endif
	own = loop;
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	own = NULL;
	return NULL;
}

/* ---- Starting it --------------------------------------------------------- */

/* 0, or an errno value. */
static int
init_handles(struct tpi_ioloop *loop)
{
	int rc = tpi_iowatch_init(&loop->watches);

	if (rc != 0) {
		return rc;
	}
	rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
	if (rc == 0) {
		rc = uv_prepare_init(&loop->uv, &loop->before);
	}
	if (rc == 0) {
		rc = uv_prepare_start(&loop->before, before_sleep);
	}
	if (rc == 0) {
		rc = uv_timer_init(&loop->uv, &loop->alarm);
	}
	if (rc == 0) {
		rc = uv_poll_init(&loop->uv, &loop->events,
				  loop->watches.epoll);
	}
	if (rc == 0) {
		rc = uv_poll_start(&loop->events, UV_READABLE, on_events);
	}
	loop->before.data = loop;
	loop->alarm.data = loop;
	loop->events.data = loop;
	return -rc;
}

/* With all signals blocked, but those that an error of its own would raise. */
static int
start_thread(struct tpi_ioloop *loop)
{
	static const int own_errors[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
					  SIGTRAP };
	sigset_t blocked;
	sigset_t before;
	size_t i;
	int rc;

	(void)sigfillset(&blocked);
	for (i = 0; i < sizeof own_errors / sizeof own_errors[0]; i++) {
		(void)sigdelset(&blocked, own_errors[i]);
	}
	require(pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0);
	rc = pthread_create(&loop->thread, NULL, loop_main, loop);
	require(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return rc;
}

static int
start(struct tpi_ioloop **started)
{
	struct tpi_ioloop *loop = calloc(1, sizeof *loop);
	int rc;

	if (loop == NULL) {
		return ENOMEM;
	}
	rc = -uv_loop_init(&loop->uv);
	if (rc != 0) {
		free(loop);
		return rc;
	}
	loop->armed_ns = NEVER;
	loop->watches.epoll = -1;
	rc = init_handles(loop);
	if (rc == 0) {
		rc = start_thread(loop);
	}
	if (rc != 0) {
		fini(loop);
		return rc;
	}
	*started = loop;
	return 0;
}

struct tpi_ioloop *
tpi_ioloop_get(enum tpar_err *err)
{
	char text[TPI_IO_WORDS];
	int rc;

	if (running != NULL) {
		return running;
	}
	rc = start(&running);
	if (rc == 0) {
		return running;
	}
	*err = tpar_error_set(rc == ENOMEM ? TPAR_ENOMEM : TPAR_EAGAIN,
			      "the I/O thread cannot be started: %s",
			      tpi_io_words(rc, text));
	return NULL;
}

void
tpi_ioloop_wake(struct tpi_ioloop *loop)
{
	if (own != loop) {
		require(uv_async_send(&loop->wake) == 0);
	}
}

void
tpi_ioloop_hurry(struct tpi_ioloop *loop, int64_t deadline_ns)
{
	if (deadline_ns < loop->armed_ns && own != loop) {
		/* So that of many one wakes it. */
		loop->armed_ns = deadline_ns;
		loop->hurried = true;
		tpi_ioloop_wake(loop);
	}
}

/* ---- Its end ------------------------------------------------------------- */

enum tpar_err
tpar_io_shutdown(void)
{
	struct tpi_iodecided list;
	struct tpi_ioloop *loop;

	if (own != NULL) {
		return tpar_error_set(TPAR_EDEADLK,
				      "the I/O thread would wait for itself");
	}
	tpi_iodecided_init(&list);
	tpi_ioloop_lock();
	loop = running;
	running = NULL;
	if (loop == NULL) {
		tpi_ioloop_unlock();
		return TPAR_OK;
	}
	loop->ends = true;
	tpi_iorequest_stop_all(loop, &list);
	tpi_iosignal_end(loop);
	tpi_ioloop_wake(loop);
	tpi_ioloop_unlock();
	tpi_iorequest_complete(&list);
	/* ENDS: nothing new is started, and what is left was told to stop. */
	require(pthread_join(loop->thread, NULL) == 0);
	fini(loop);
	return TPAR_OK;
}

/* ---- Around fork() ------------------------------------------------------- */

static void
in_parent(void)
{
	tpi_ioloop_unlock();
}

/*
 * The loop stays as it is, as its thread may have been in the middle of it; the
 * child does without its descriptors.
 */
static void
in_child(void)
{
	tpi_ioloop_generation++;
	if (running != NULL) {
		(void)close(running->watches.epoll);
		(void)close(uv_backend_fd(&running->uv));
	}
	running = NULL;
	own = NULL;
	tpi_iosignal_fork();
	tpi_ioloop_unlock();
}

/*
 * After that of libtaskpar, which is loaded before: so its locks are taken later
 * before a fork, and released earlier after it.
 */
__attribute__((constructor)) static void
watch_forks(void)
{
	require(pthread_atfork(tpi_ioloop_lock, in_parent, in_child) == 0);
}
