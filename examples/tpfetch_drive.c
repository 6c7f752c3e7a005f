/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_drive.c - curl's multi interface, driven by libtaskpar-io.  curl says
 * which sockets it waits for, and until when; each of these is a future, whose
 * callback tells curl.  All of it runs on the thread of that library.
 *
 * A multi handle goes over all of its connections whenever a transfer has ended
 * (libcurl 7.88), so there are several of them, and none has too many.
 */
#include "tpfetch.h"

#include <stdlib.h>
#include <taskpar/io.h>

/* A socket that curl waits for. */
struct socket_watch {
	struct drive *drive;
	curl_socket_t fd;
	unsigned events;
	struct armed *armed;
};

/* A future for it, once; without a watch if nobody wants to know any more. */
struct armed {
	tpar_future *future;
	struct socket_watch *watch;
};

static struct socket_watch *acting; /* curl is told of it; NULL: it went */

/* Its callback may release the last handle. */
void
drive_cancel(tpar_future *future)
{
	tpar_future_ref(future);
	tpar_future_cancel(future);
	tpar_future_unref(future);
}

static void arm(struct socket_watch *watch);

static void
disarm(struct socket_watch *watch)
{
	struct armed *armed = watch->armed;

	if (armed != NULL) {
		watch->armed = NULL;
		armed->watch = NULL;
		drive_cancel(armed->future);
	}
}

static int
flags_of(unsigned events)
{
	int flags = 0;

	if (events & TPAR_IO_ERROR) {
		flags |= CURL_CSELECT_ERR;
	}
	if (events & (TPAR_IO_READABLE | TPAR_IO_HANGUP)) {
		flags |= CURL_CSELECT_IN;
	}
	if (events & (TPAR_IO_WRITABLE | TPAR_IO_HANGUP)) {
		flags |= CURL_CSELECT_OUT;
	}
	return flags;
}

static void
on_ready(tpar_future *future, void *arg)
{
	struct armed *armed = arg;
	struct socket_watch *watch = armed->watch;
	struct drive *drive;
	const unsigned *value = tpar_future_value(future);
	bool failed = value == NULL;
	int flags = failed ? CURL_CSELECT_ERR : flags_of(*value);
	int running;

	tpar_future_unref(armed->future);
	free(armed);
	if (watch == NULL) {
		return;
	}
	drive = watch->drive;
	watch->armed = NULL;
	acting = watch;
	curl_multi_socket_action(drive->multi, watch->fd, flags, &running);
	if (acting != NULL && watch->armed == NULL && !failed) {
		arm(watch);
	}
	acting = NULL;
	drive->then(drive);
}

static void
arm(struct socket_watch *watch)
{
	struct armed *armed = malloc(sizeof *armed);

	if (armed == NULL) {
		report_no_memory();
	}
	armed->watch = watch;
	watch->armed = armed;
	report_unless_ok(
		tpar_io_ready(watch->fd, watch->events, &armed->future));
	report_unless_ok(tpar_future_on_done(armed->future, on_ready, armed));
}

/* curl says what it waits for. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct socket_watch *watch = of_socket;
	struct drive *drive = arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL) {
			acting = acting == watch ? NULL : acting;
			disarm(watch);
			free(watch);
			curl_multi_assign(drive->multi, fd, NULL);
		}
		return 0;
	}
	if (watch == NULL) {
		watch = calloc(1, sizeof *watch);
		if (watch == NULL) {
			return -1;
		}
		watch->drive = drive;
		watch->fd = fd;
		curl_multi_assign(drive->multi, fd, watch);
	}
	disarm(watch);
	watch->events = (what & CURL_POLL_IN ? TPAR_IO_READABLE : 0) |
			(what & CURL_POLL_OUT ? TPAR_IO_WRITABLE : 0);
	if (watch->events != 0) {
		arm(watch);
	}
	return 0;
}

static void on_timer(tpar_future *future, void *arg);

static void
drop_timer(struct drive *drive)
{
	tpar_future *old = drive->timer;

	drive->timer = NULL;
	if (old != NULL) {
		drive_cancel(old);
	}
}

static void
set_timer(struct drive *drive, int64_t deadline_ns)
{
	drop_timer(drive);
	drive->timer_ns = deadline_ns;
	report_unless_ok(tpar_io_timer(deadline_ns, &drive->timer));
	report_unless_ok(tpar_future_on_done(drive->timer, on_timer, drive));
}

static void
on_timer(tpar_future *future, void *arg)
{
	struct drive *drive = arg;
	bool is_over = future == drive->timer;
	int running;

	tpar_future_unref(future);
	if (!is_over) {
		return; /* another one is set, or none */
	}
	drive->timer = NULL;
	if (drive->wanted_ns == 0) {
		return;
	}
	if (tpar_in(0) < drive->wanted_ns) {
		set_timer(drive, drive->wanted_ns);
		return;
	}
	drive->wanted_ns = 0;
	curl_multi_socket_action(drive->multi, CURL_SOCKET_TIMEOUT, 0,
				 &running);
	drive->then(drive);
}

/* curl says when; it may change its mind often, a timer stays if it can. */
static int
on_time(CURLM *multi, long timeout_ms, void *arg)
{
	struct drive *drive = arg;

	(void)multi;
	drive->wanted_ns = 0;
	if (timeout_ms >= 0) {
		drive->wanted_ns = tpar_in(timeout_ms * TPAR_MILLISECOND);
		if (drive->timer == NULL ||
		    drive->timer_ns > drive->wanted_ns) {
			set_timer(drive, drive->wanted_ns);
		}
	}
	return 0;
}

bool
drive_init(struct drive *drive, void (*then)(struct drive *drive))
{
	drive->multi = curl_multi_init();
	if (drive->multi == NULL) {
		return false;
	}
	drive->then = then;
	curl_multi_setopt(drive->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(drive->multi, CURLMOPT_SOCKETDATA, drive);
	curl_multi_setopt(drive->multi, CURLMOPT_TIMERFUNCTION, on_time);
	curl_multi_setopt(drive->multi, CURLMOPT_TIMERDATA, drive);
	return true;
}

void
drive_fini(struct drive *drive)
{
	curl_multi_cleanup(drive->multi);
	drop_timer(drive);
}
