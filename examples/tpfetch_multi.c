/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_multi.c - an engine of events: each URL is a promise, and one thread,
 * that of libtaskpar-io, drives all transfers (tpfetch_drive.c).  So thousands of
 * URLs at a time need no thread each.
 *
 * All of curl is used by that thread alone.  What others want is put into an
 * inbox; a pipe tells that it is not empty.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <taskpar/io.h>
#include <unistd.h>

#define EACH 250  /* transfers of one multi handle */
#define MANY 1000 /* transfers, each of which has to be small */

#define SPARE 16 /* connections of a drive, for URLs that come later */

#define OTHERS 200 /* descriptors for other purposes */

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
	struct drive *drive;
	enum stage stage;
	tpar_future *rest;
	/* Under inbox_lock: */
	STAILQ_ENTRY(request) in_inbox;
	bool queued;
	bool cancelled;
	bool dead; /* has ended, and is freed when it comes out */
};

static pthread_mutex_t inbox_lock = PTHREAD_MUTEX_INITIALIZER;
static STAILQ_HEAD(inbox, request) inbox = STAILQ_HEAD_INITIALIZER(inbox);
static int inbox_pipe[2] = { -1, -1 };
static tpar_promise *closed; /* completed when curl is no longer used */
static tpar_future *closed_future;
static bool closing; /* under inbox_lock */

static unsigned jobs;
static long buffer_size; /* of each transfer, in bytes */
static struct drive *drives;
static unsigned drive_count;
static unsigned drive_next; /* where the last one has ended */
static CURLSH *share;	    /* host names are looked up once for all */
static TAILQ_HEAD(requests, request) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static unsigned active; /* those that run or rest */
static CURL **idle;	/* handles for those to come */
static unsigned idle_count;
static long connections; /* that a drive keeps while there are URLs to come */

static void begin_waiting(void);

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

/* One of those that have room, as there are not too many active ones. */
static struct drive *
choose_drive(void)
{
	while (drives[drive_next].active >= EACH) {
		drive_next = (drive_next + 1) % drive_count;
	}
	return &drives[drive_next];
}

/*
 * As many as there is something for; the others are closed one by one, while
 * there are answers to be waited for, and not all at the end.
 */
static void
keep_connections(struct drive *drive)
{
	long keep = connections;

	if (TAILQ_EMPTY(&waiting) && (long)drive->active + SPARE < keep) {
		keep = (long)drive->active + SPARE;
	}
	if (keep != drive->keep) {
		drive->keep = keep;
		curl_multi_setopt(drive->multi, CURLMOPT_MAXCONNECTS, keep);
	}
}

/* The handle, out of curl's hands. */
static void
give_back(struct request *r)
{
	curl_multi_remove_handle(r->drive->multi, r->transfer.easy);
	r->drive->active--;
	drive_next = (unsigned)(r->drive - drives);
	idle[idle_count++] = r->transfer.easy;
	r->transfer.easy = NULL;
	keep_connections(r->drive);
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
	r->drive = choose_drive();
	r->drive->active++;
	transfer_begin(&r->transfer);
	curl_easy_setopt(easy, CURLOPT_SHARE, share);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer_size);
	rc = curl_multi_add_handle(r->drive->multi, easy);
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
	report_unless_ok(
		tpar_io_timer(tpar_in(r->transfer.delay_ns), &r->rest));
	report_unless_ok(tpar_future_on_done(r->rest, on_rested, r));
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
		drive_cancel(r->rest); /* and then on_rested() */
		break;
	default:
		end_cancelled(r);
	}
}

/* What curl has done with. */
static void
collect(struct drive *drive)
{
	struct transfer *transfer;
	struct request *r;
	CURLMsg *message;
	CURLcode code;
	enum verdict verdict;
	int left;

	while ((message = curl_multi_info_read(drive->multi, &left)) != NULL) {
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

/* ---- What others want ---------------------------------------------------- */

static void
stop_using_curl(void)
{
	unsigned i;

	while (idle_count > 0) {
		curl_easy_cleanup(idle[--idle_count]);
	}
	for (i = 0; i < drive_count; i++) {
		drive_fini(&drives[i]);
	}
	curl_share_cleanup(share);
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
		report_unless_ok(watch_inbox());
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

/* That each drive keeps, be they idle: as many as there are descriptors for. */
static long
count_connections(void)
{
	struct rlimit limit;
	long all = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur <= LONG_MAX) {
		all = ((long)limit.rlim_cur - OTHERS) / (long)drive_count;
	}
	return all < EACH ? EACH : all > 4 * EACH ? 4L * EACH : all;
}

static enum tpar_err
multi_open(const struct options *options)
{
	enum tpar_err err;
	unsigned i;

#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1); /* those of other threads grow page by page */
#endif
	jobs = options->jobs;
	buffer_size = jobs < MANY ? CURL_MAX_WRITE_SIZE : 4096L;
	drive_count = (jobs + EACH - 1) / EACH;
	if (pipe2(inbox_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		return TPAR_EAGAIN;
	}
	connections = count_connections();
	idle = calloc(jobs, sizeof idle[0]);
	drives = calloc(drive_count, sizeof drives[0]);
	share = curl_share_init();
	if (idle == NULL || drives == NULL || share == NULL) {
		return TPAR_ENOMEM;
	}
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	for (i = 0; i < drive_count; i++) {
		if (!drive_init(&drives[i], collect)) {
			return TPAR_ENOMEM;
		}
		drives[i].keep = connections;
		curl_multi_setopt(drives[i].multi, CURLMOPT_MAXCONNECTS,
				  connections);
	}
	err = watch_inbox();
	if (err == TPAR_OK) {
		report_unless_ok(
			tpar_promise_create(0, NULL, &closed, &closed_future));
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
	free(drives);
}

const struct engine engine_multi = { "multi", multi_open, multi_start,
				     multi_close };
