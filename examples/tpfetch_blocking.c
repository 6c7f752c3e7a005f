/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_blocking.c - an engine of plain code: each URL is a task that blocks,
 * in curl_multi_poll(), until its answer has come.  As many tasks as there are
 * jobs run at a time, each on a thread of its own; the others are queued.
 *
 * A cancel reaches a transfer at once: a handler wakes curl_multi_poll(), which
 * is why a multi handle is used for a single transfer.
 */
#include "tpfetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What a task borrows; connections are kept in `multi`. */
struct session {
	struct session *next;
	CURLM *multi;
	struct transfer transfer;
};

static tpar_pool *pool;

/* Those that no task has; the one that was used last is first. */
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *idle;

/* Host names are looked up once for all. */
static CURLSH *share;
static pthread_mutex_t share_lock[CURL_LOCK_DATA_LAST];

static void
lock_share(CURL *easy, curl_lock_data what, curl_lock_access access, void *arg)
{
	(void)easy;
	(void)access;
	(void)arg;
	pthread_mutex_lock(&share_lock[what]);
}

static void
unlock_share(CURL *easy, curl_lock_data what, void *arg)
{
	(void)easy;
	(void)arg;
	pthread_mutex_unlock(&share_lock[what]);
}

static void
session_free(struct session *session)
{
	curl_easy_cleanup(session->transfer.easy);
	curl_multi_cleanup(session->multi);
	free(session);
}

/* NULL: errno. */
static struct session *
session_make(void)
{
	struct session *session = calloc(1, sizeof *session);

	if (session == NULL) {
		return NULL;
	}
	session->transfer.easy = curl_easy_init();
	session->multi = curl_multi_init();
	if (session->transfer.easy == NULL || session->multi == NULL) {
		session_free(session);
		errno = ENOMEM;
		return NULL;
	}
	/* Without descriptors for it there is a handle all the same. */
	if (curl_multi_wakeup(session->multi) != CURLM_OK) {
		session_free(session);
		errno = EMFILE;
		return NULL;
	}
	return session;
}

static struct session *
session_take(void)
{
	struct session *session;

	pthread_mutex_lock(&idle_lock);
	session = idle;
	if (session != NULL) {
		idle = session->next;
	}
	pthread_mutex_unlock(&idle_lock);
	return session != NULL ? session : session_make();
}

static void
session_give_back(struct session *session)
{
	pthread_mutex_lock(&idle_lock);
	session->next = idle;
	idle = session;
	pthread_mutex_unlock(&idle_lock);
}

/* One attempt.  false: the task was asked to stop. */
static bool
perform(struct session *session, CURLcode *code)
{
	CURLM *multi = session->multi;
	CURL *easy = session->transfer.easy;
	CURLMcode rc = curl_multi_add_handle(multi, easy);
	CURLMsg *message;
	int running = 1, left;
	bool asked = false;

	while (rc == CURLM_OK && !(asked = tpar_cancelled())) {
		rc = curl_multi_perform(multi, &running);
		if (rc != CURLM_OK || running == 0) {
			break;
		}
		rc = curl_multi_poll(multi, NULL, 0, 60 * 1000, NULL);
	}
	*code = CURLE_OUT_OF_MEMORY;
	message = curl_multi_info_read(multi, &left);
	if (message != NULL) {
		*code = message->data.result;
	}
	curl_multi_remove_handle(multi, easy);
	return !asked;
}

static void
wake_session(void *session)
{
	curl_multi_wakeup(((struct session *)session)->multi);
}

/* Attempts, until one is good enough. */
static int
fetch_with(struct session *session)
{
	struct transfer *transfer = &session->transfer;
	enum verdict verdict;
	CURLcode code;

	for (;;) {
		transfer_begin(transfer);
		curl_easy_setopt(transfer->easy, CURLOPT_SHARE, share);
		if (!perform(session, &code)) {
			return TPAR_ESTOPPED;
		}
		verdict = transfer_end(transfer, code);
		if (verdict != VERDICT_AGAIN) {
			break;
		}
		if (tpar_sleep(tpar_in(transfer->delay_ns)) != TPAR_OK) {
			return TPAR_ESTOPPED;
		}
	}
	return verdict == VERDICT_DONE
		       ? 0
		       : tpar_fail(transfer->code, "%s", transfer->text);
}

/* The task. */
static int
fetch(void *arg, void *value)
{
	struct item *item = arg;
	struct session *session = session_take();
	tpar_handler handler;
	int rc;

	(void)value;
	if (session == NULL) {
		return tpar_fail(errno, "%s", strerror(errno));
	}
	session->transfer.item = item;
	rc = (int)tpar_on_cancel(wake_session, session, &handler);
	if (rc == 0) {
		rc = fetch_with(session);
		tpar_off_cancel(&handler);
	}
	if (rc != 0) {
		body_drop(&item->body);
	}
	session_give_back(session);
	return rc;
}

static enum tpar_err
blocking_open(const struct options *options)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	size_t i;

	for (i = 0; i < CURL_LOCK_DATA_LAST; i++) {
		pthread_mutex_init(&share_lock[i], NULL);
	}
	share = curl_share_init();
	if (share == NULL) {
		return TPAR_ENOMEM;
	}
	curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock_share);
	curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock_share);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	config.workers = 1; /* nothing is computed */
	config.blocking_limit = options->jobs;
	config.stack_size = (size_t)512 * 1024;
	config.name = "tpfetch";
	return tpar_pool_create(&pool, &config);
}

static enum tpar_err
blocking_start(struct item *item)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fetch;
	task.arg = item;
	task.flags = TPAR_BLOCKING;
	task.name = "fetch";
	return tpar_submit_task(pool, &task, &item->future);
}

static void
blocking_close(void)
{
	struct session *session;

	if (pool != NULL) {
		(void)tpar_pool_destroy(pool);
	}
	while ((session = idle) != NULL) {
		idle = session->next;
		session_free(session);
	}
	curl_share_cleanup(share);
}

const struct engine engine_blocking = { "blocking", blocking_open,
					blocking_start, blocking_close };
