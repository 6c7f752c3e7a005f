/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_multi.c - an engine of events: each URL is a promise, and one thread,
 * that of libtaskpar-io, drives all transfers.  curl says which sockets and what
 * time it waits for; each is a future of that library, whose callback tells
 * curl.  So thousands of URLs at a time need no thread each.
 *
 * All of curl is used by that thread alone.  What others want is put into an
 * inbox; a pipe tells that it is not empty.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <taskpar/io.h>
#include <unistd.h>

enum stage {
	STAGE_NEW,     /* in the inbox */
	STAGE_WAITING, /* for others to end, as there are so many jobs */
	STAGE_RUNNING, /* curl has it */
	STAGE_RESTING  /* until the next attempt */
};

/* One URL. */
struct request {
	struct transfer transfer; /* first: curl gives that back */
	TAILQ_ENTRY(request) link;
	tpar_promise *promise;
	enum stage stage;
	tpar_future *rest;
	/* Under inbox_lock: */
	STAILQ_ENTRY(request) in_inbox;
	bool queued;
	bool cancelled;
	bool dead; /* has ended, and is freed when it comes out */
};

/* A socket that curl waits for. */
struct socket_watch {
	curl_socket_t fd;
	unsigned events;
	struct armed *armed;
};

/* A future for it, once; without a watch if nobody wants to know any more. */
struct armed {
	tpar_future *future;
	struct socket_watch *watch;
};

static pthread_mutex_t inbox_lock = PTHREAD_MUTEX_INITIALIZER;
static STAILQ_HEAD(inbox, request) inbox = STAILQ_HEAD_INITIALIZER(inbox);
static int inbox_pipe[2] = { -1, -1 };
static tpar_promise *closed; /* completed when curl is no longer used */
static tpar_future *closed_future;
static bool closing; /* under inbox_lock */

static unsigned jobs;
static CURLM *multi;
static TAILQ_HEAD(requests, request) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static unsigned active; /* those that run or rest */
static CURL **idle;	/* handles for those to come */
static unsigned idle_count;
static struct socket_watch *acting; /* curl is told of it; NULL: it went */

/* When curl wants to be called; and when it will be, which may be earlier. */
static int64_t wanted_ns;
static int64_t timer_ns;
static tpar_future *timer;

static void begin_waiting(void);

static void
need(enum tpar_err err)
{
	if (err != TPAR_OK) {
		report_fatal(tpar_strerror(err));
	}
}

/* Its callback may release the last handle. */
static void
cancel_future(tpar_future *future)
{
	tpar_future_ref(future);
	tpar_future_cancel(future);
	tpar_future_unref(future);
}

/* ---- The inbox ----------------------------------------------------------- */

/* Called with the lock. */
static void
knock(void)
{
	(void)!write(inbox_pipe[1], "", 1); /* a full pipe tells as well */
}

static void
inbox_put(struct request *r, bool cancelled)
{
	pthread_mutex_lock(&inbox_lock);
	r->cancelled |= cancelled;
	if (!r->queued) {
		if (STAILQ_EMPTY(&inbox)) {
			knock();
		}
		r->queued = true;
		STAILQ_INSERT_TAIL(&inbox, r, in_inbox);
	}
	pthread_mutex_unlock(&inbox_lock);
}

static struct request *
inbox_take(bool *cancelled, bool *dead)
{
	struct request *r;

	pthread_mutex_lock(&inbox_lock);
	r = STAILQ_FIRST(&inbox);
	if (r != NULL) {
		STAILQ_REMOVE_HEAD(&inbox, in_inbox);
		r->queued = false;
		*cancelled = r->cancelled;
		*dead = r->dead;
	}
	pthread_mutex_unlock(&inbox_lock);
	return r;
}

/* ---- Requests ------------------------------------------------------------ */

/* Its promise was completed: the item is no longer ours. */
static void
forget(struct request *r)
{
	bool queued;

	tpar_promise_destroy(r->promise); /* nobody is in on_cancel now */
	pthread_mutex_lock(&inbox_lock);
	queued = r->queued;
	r->dead = true;
	pthread_mutex_unlock(&inbox_lock);
	if (!queued) {
		free(r);
	}
}

static void
end_cancelled(struct request *r)
{
	body_drop(&r->transfer.item->body);
	tpar_promise_set_cancelled(r->promise);
	forget(r);
}

static void
end_failed(struct request *r, int code, const char *text)
{
	body_drop(&r->transfer.item->body);
	tpar_promise_fail(r->promise, code, "%s", text);
	forget(r);
}

/* The handle, out of curl's hands. */
static void
give_back(struct request *r)
{
	curl_multi_remove_handle(multi, r->transfer.easy);
	idle[idle_count++] = r->transfer.easy;
	r->transfer.easy = NULL;
}

static void
begin(struct request *r)
{
	CURL *easy = idle_count > 0 ? idle[--idle_count] : curl_easy_init();
	CURLMcode rc;

	if (easy == NULL) {
		active--;
		end_failed(r, ENOMEM, strerror(ENOMEM));
		return;
	}
	r->stage = STAGE_RUNNING;
	r->transfer.easy = easy;
	transfer_begin(&r->transfer);
	rc = curl_multi_add_handle(multi, easy);
	if (rc != CURLM_OK) {
		active--;
		give_back(r);
		end_failed(r, (int)rc, curl_multi_strerror(rc));
	}
}

static void
on_rested(tpar_future *future, void *arg)
{
	struct request *r = arg;
	bool cancelled;

	tpar_future_unref(future);
	pthread_mutex_lock(&inbox_lock);
	cancelled = r->cancelled;
	pthread_mutex_unlock(&inbox_lock);
	if (cancelled) {
		active--;
		end_cancelled(r);
	} else {
		begin(r);
	}
	begin_waiting();
}

static void
rest(struct request *r)
{
	r->stage = STAGE_RESTING;
	need(tpar_io_timer(tpar_in(r->transfer.delay_ns), &r->rest));
	need(tpar_future_on_done(r->rest, on_rested, r));
}

/* As many as there are jobs. */
static void
begin_waiting(void)
{
	struct request *r;

	while (active < jobs && (r = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, r, link);
		active++;
		begin(r);
	}
}

static void
cancel(struct request *r)
{
	switch (r->stage) {
	case STAGE_RUNNING:
		active--;
		give_back(r);
		end_cancelled(r);
		break;
	case STAGE_WAITING:
		TAILQ_REMOVE(&waiting, r, link);
		end_cancelled(r);
		break;
	case STAGE_RESTING:
		cancel_future(r->rest); /* and then on_rested() */
		break;
	default:
		end_cancelled(r);
	}
}

/* What curl has done with. */
static void
collect(void)
{
	struct transfer *transfer;
	struct request *r;
	CURLMsg *message;
	CURLcode code;
	enum verdict verdict;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL) {
		code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
				  (char **)&transfer);
		r = (struct request *)transfer;
		verdict = transfer_end(transfer, code);
		give_back(r);
		if (verdict == VERDICT_AGAIN) {
			rest(r);
			continue;
		}
		active--;
		if (verdict == VERDICT_DONE) {
			tpar_promise_set(r->promise, NULL);
			forget(r);
		} else {
			end_failed(r, transfer->code, transfer->text);
		}
	}
	begin_waiting();
}

/* ---- curl's sockets and its time ----------------------------------------- */

static void arm(struct socket_watch *watch);

static void
disarm(struct socket_watch *watch)
{
	struct armed *armed = watch->armed;

	if (armed != NULL) {
		watch->armed = NULL;
		armed->watch = NULL;
		cancel_future(armed->future);
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
	const unsigned *value = tpar_future_value(future);
	bool failed = value == NULL;
	int flags = failed ? CURL_CSELECT_ERR : flags_of(*value);
	int running;

	tpar_future_unref(armed->future);
	free(armed);
	if (watch == NULL) {
		return;
	}
	watch->armed = NULL;
	acting = watch;
	curl_multi_socket_action(multi, watch->fd, flags, &running);
	if (acting != NULL && watch->armed == NULL && !failed) {
		arm(watch);
	}
	acting = NULL;
	collect();
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
	need(tpar_io_ready(watch->fd, watch->events, &armed->future));
	need(tpar_future_on_done(armed->future, on_ready, armed));
}

/* curl says what it waits for. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct socket_watch *watch = of_socket;

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL) {
			acting = acting == watch ? NULL : acting;
			disarm(watch);
			free(watch);
			curl_multi_assign(multi, fd, NULL);
		}
		return 0;
	}
	if (watch == NULL) {
		watch = calloc(1, sizeof *watch);
		if (watch == NULL) {
			return -1;
		}
		watch->fd = fd;
		curl_multi_assign(multi, fd, watch);
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
set_timer(int64_t deadline_ns)
{
	tpar_future *old = timer;

	timer = NULL;
	if (old != NULL) {
		cancel_future(old);
	}
	timer_ns = deadline_ns;
	need(tpar_io_timer(deadline_ns, &timer));
	need(tpar_future_on_done(timer, on_timer, NULL));
}

static void
on_timer(tpar_future *future, void *arg)
{
	bool is_over = future == timer;
	int running;

	(void)arg;
	tpar_future_unref(future);
	if (!is_over) {
		return; /* another one is set */
	}
	timer = NULL;
	if (wanted_ns == 0) {
		return;
	}
	if (tpar_in(0) < wanted_ns) {
		set_timer(wanted_ns);
		return;
	}
	wanted_ns = 0;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect();
}

/* curl says when; it may change its mind often, a timer stays if it can. */
static int
on_time(CURLM *all, long timeout_ms, void *arg)
{
	(void)all;
	(void)arg;
	wanted_ns = 0;
	if (timeout_ms >= 0) {
		wanted_ns = tpar_in(timeout_ms * TPAR_MILLISECOND);
		if (timer == NULL || timer_ns > wanted_ns) {
			set_timer(wanted_ns);
		}
	}
	return 0;
}

/* ---- What others want ---------------------------------------------------- */

static void
stop_using_curl(void)
{
	tpar_future *old = timer;

	timer = NULL;
	if (old != NULL) {
		cancel_future(old);
	}
	while (idle_count > 0) {
		curl_easy_cleanup(idle[--idle_count]);
	}
	curl_multi_cleanup(multi);
	multi = NULL;
	tpar_promise_set(closed, NULL);
}

static void on_inbox(tpar_future *future, void *arg);

static enum tpar_err
watch_inbox(void)
{
	tpar_future *future;
	enum tpar_err err =
		tpar_io_ready(inbox_pipe[0], TPAR_IO_READABLE, &future);

	if (err == TPAR_OK) {
		err = tpar_future_on_done(future, on_inbox, NULL);
	}
	return err;
}

static void
on_inbox(tpar_future *future, void *arg)
{
	char buffer[64];
	struct request *r;
	bool cancelled, dead, over;

	(void)arg;
	if (tpar_future_state(future) != TPAR_DONE) {
		report_fatal(tpar_future_message(future));
	}
	tpar_future_unref(future);
	while (read(inbox_pipe[0], buffer, sizeof buffer) > 0) {
		;
	}
	while ((r = inbox_take(&cancelled, &dead)) != NULL) {
		if (dead) {
			free(r);
		} else if (cancelled) {
			cancel(r);
		} else {
			r->stage = STAGE_WAITING;
			TAILQ_INSERT_TAIL(&waiting, r, link);
		}
	}
	begin_waiting();
	pthread_mutex_lock(&inbox_lock);
	over = closing;
	pthread_mutex_unlock(&inbox_lock);
	if (over) {
		stop_using_curl();
	} else {
		need(watch_inbox());
	}
}

/* ---- The engine ---------------------------------------------------------- */

static void
multi_cancel(tpar_promise *promise, void *arg)
{
	(void)promise;
	inbox_put(arg, true);
}

static enum tpar_err
multi_start(struct item *item)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct request *r = calloc(1, sizeof *r);
	enum tpar_err err;

	if (r == NULL) {
		return TPAR_ENOMEM;
	}
	r->transfer.item = item;
	config.name = "fetch";
	config.on_cancel = multi_cancel;
	config.arg = r;
	err = tpar_promise_create_with(&config, &r->promise, &item->future);
	if (err != TPAR_OK) {
		free(r);
		return err;
	}
	inbox_put(r, false);
	return TPAR_OK;
}

static enum tpar_err
multi_open(const struct options *options)
{
	enum tpar_err err;

	jobs = options->jobs;
	if (pipe2(inbox_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		return TPAR_EAGAIN;
	}
	idle = calloc(jobs, sizeof idle[0]);
	multi = curl_multi_init();
	if (idle == NULL || multi == NULL) {
		return TPAR_ENOMEM;
	}
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_time);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)jobs);
	err = watch_inbox();
	if (err == TPAR_OK) {
		need(tpar_promise_create(0, NULL, &closed, &closed_future));
	}
	return err;
}

/* Nothing is under way; but the thread may still be in one of our callbacks. */
static void
multi_close(void)
{
	if (closed != NULL) {
		pthread_mutex_lock(&inbox_lock);
		closing = true;
		knock();
		pthread_mutex_unlock(&inbox_lock);
		(void)tpar_future_wait(closed_future, TPAR_FOREVER);
		tpar_future_unref(closed_future);
		(void)tpar_io_shutdown();
		tpar_promise_destroy(closed);
	}
	free(idle);
}

const struct engine engine_multi = { "multi", multi_open, multi_start,
				     multi_close };
