/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_flow.c - the main thread's loop: it reads URLs as long as there is
 * room for them, has an engine begin them, collects those that have ended and
 * reports them in their order.  It never waits for a single one, so output goes
 * on while input has to be waited for.  Memory is bounded by the room.
 */
#include "tpfetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Items held beyond the jobs, so that a slow one does not soon stop all. */
#define HELD_PER_JOB 3
#define HELD_AT_LEAST 256
#define HELD_BEYOND 1024

#define PROGRESS_MS 100

struct flow {
	const struct options *options;
	struct source *source;
	struct counts *counts;
	struct item *first; /* those that have not been reported */
	struct item *last;
	size_t held;
	size_t room;
};

/* Those that have ended and were not collected, in the order of their ends. */
static pthread_mutex_t ended_lock = PTHREAD_MUTEX_INITIALIZER;
static struct item *ended_first;
static struct item **ended_end = &ended_first;

/* On whatever thread ends the future; the item is the main thread's again. */
static void
on_ended(tpar_future *future, void *arg)
{
	struct item *item = arg;
	bool first;

	(void)future;
	pthread_mutex_lock(&ended_lock);
	first = ended_first == NULL;
	item->next_ended = NULL;
	*ended_end = item;
	ended_end = &item->next_ended;
	pthread_mutex_unlock(&ended_lock);
	if (first) {
		wake();
	}
}

static struct item *
take_ended(void)
{
	struct item *item;

	pthread_mutex_lock(&ended_lock);
	item = ended_first;
	ended_first = NULL;
	ended_end = &ended_first;
	pthread_mutex_unlock(&ended_lock);
	return item;
}

static void
append(struct flow *flow, struct item *item)
{
	item->previous = flow->last;
	if (flow->last != NULL) {
		flow->last->next = item;
	} else {
		flow->first = item;
	}
	flow->last = item;
	flow->held++;
}

static void
forget(struct flow *flow, struct item *item)
{
	if (item->previous != NULL) {
		item->previous->next = item->next;
	} else {
		flow->first = item->next;
	}
	if (item->next != NULL) {
		item->next->previous = item->previous;
	} else {
		flow->last = item->previous;
	}
	flow->held--;
	body_drop(&item->body);
	tpar_future_unref(item->future);
	free(item->url);
	free(item);
}

static bool
is_cancelled(const struct item *item)
{
	return item->future != NULL &&
	       tpar_future_state(item->future) == TPAR_CANCELLED;
}

/* No more is begun, what runs is cancelled: soon all have ended. */
static void
stop(struct flow *flow)
{
	struct item *item;

	if (flow->counts->stopped) {
		return;
	}
	flow->counts->stopped = true;
	for (item = flow->first; item != NULL; item = item->next) {
		if (!item->ended) {
			tpar_future_cancel(item->future);
		}
	}
}

static void
count_failure(struct flow *flow, struct item *item)
{
	flow->counts->failed++;
	if (flow->options->fail_fast && !flow->counts->stopped) {
		report_failure(item); /* before its turn, which may not come */
		stop(flow);
	}
}

static void
begin(struct flow *flow, char *url, const char *fault)
{
	struct item *item = calloc(1, sizeof *item);
	enum tpar_err err;

	if (item == NULL) {
		report_no_memory();
	}
	item->url = url;
	item->fault = fault != NULL ? fault : transfer_check(url);
	body_init(&item->body, flow->options);
	append(flow, item);
	flow->counts->given++;
	if (item->fault == NULL) {
		err = flow->options->engine->start(item);
		if (err == TPAR_OK) {
			flow->counts->active++;
			if (tpar_future_on_done(item->future, on_ended, item) !=
			    TPAR_OK) {
				report_no_memory();
			}
			return;
		}
		item->fault = tpar_strerror(err);
	}
	item->ended = true;
	count_failure(flow, item);
}

/* SOURCE_ITEM: there is no more room. */
static enum source_state
fill(struct flow *flow)
{
	enum source_state state = SOURCE_ITEM;
	const char *fault;
	char *url;

	while (flow->held < flow->room && !flow->counts->stopped) {
		state = source_next(flow->source, &url, &fault);
		if (state != SOURCE_ITEM) {
			break;
		}
		begin(flow, url, fault);
	}
	return flow->counts->stopped ? SOURCE_END : state;
}

static void
report(struct flow *flow, struct item *item)
{
	if (!report_item(flow->options, item)) {
		flow->counts->done--;
		count_failure(flow, item);
	}
	forget(flow, item);
}

static void
collect(struct flow *flow)
{
	struct item *item = take_ended(), *next;

	for (; item != NULL; item = next) {
		next = item->next_ended;
		item->ended = true;
		flow->counts->active--;
		flow->counts->retries += item->retries;
		flow->counts->connections += item->connections;
		if (is_cancelled(item)) {
			continue;
		}
		if (report_has_failed(item)) {
			count_failure(flow, item);
		} else {
			flow->counts->done++;
			flow->counts->bytes += item->body.bytes;
		}
		if (flow->options->unordered) {
			report(flow, item);
		}
	}
}

/* Those at the front; of what was stopped, what comes before the first gap. */
static void
report_front(struct flow *flow)
{
	while (flow->first != NULL && flow->first->ended &&
	       !is_cancelled(flow->first)) {
		report(flow, flow->first);
	}
}

/* What comes after a gap does not count. */
static void
drop_rest(struct flow *flow)
{
	struct item *item;

	while ((item = flow->first) != NULL) {
		if (!is_cancelled(item) && !item->told) {
			if (report_has_failed(item)) {
				flow->counts->failed--;
			} else {
				flow->counts->done--;
				flow->counts->bytes -= item->body.bytes;
			}
		}
		forget(flow, item);
	}
}

/* Shows what there is, and waits until there is something to be done. */
static void
pause_flow(struct flow *flow, bool for_input)
{
	const struct options *options = flow->options;
	bool prints = options->output == OUTPUT_BODY || !options->quiet;
	bool moves = report_has_progress() && flow->counts->active > 0;
	unsigned what;

	if (!report_flush()) {
		stop(flow);
	}
	report_progress(flow->counts);
	what = wake_wait(for_input ? flow->source->fd : -1,
			 prints && !flow->counts->stopped ? STDOUT_FILENO : -1,
			 moves ? PROGRESS_MS : -1);
	if (what & WAKE_INPUT) {
		flow->source->ready = true;
	}
	if (what & WAKE_NO_READER) {
		report_no_reader();
		stop(flow);
	}
	if (wake_signal() != 0) {
		stop(flow);
	}
}

static size_t
choose_room(size_t jobs)
{
	size_t beyond = jobs * HELD_PER_JOB;

	if (beyond > HELD_BEYOND) {
		beyond = HELD_BEYOND;
	}
	return jobs + beyond < HELD_AT_LEAST ? HELD_AT_LEAST : jobs + beyond;
}

void
flow_run(const struct options *options, struct source *source,
	 struct counts *counts)
{
	struct flow flow = { .options = options,
			     .source = source,
			     .counts = counts,
			     .room = choose_room(options->jobs) };
	enum source_state state;

	for (;;) {
		state = fill(&flow);
		collect(&flow);
		report_front(&flow);
		if (state == SOURCE_ITEM && flow.held < flow.room) {
			continue;
		}
		if (state == SOURCE_END && counts->active == 0) {
			break;
		}
		pause_flow(&flow, state == SOURCE_WAIT);
	}
	drop_rest(&flow);
}
