/* SPDX-License-Identifier: MIT */
/*
 * shutdown.c - closing a pool, and waiting until it is quiet: all its threads
 * are parked, none of its tasks runs on another pool's thread, and nothing is
 * queued.  doc/STATES.md#pool.
 */
#include "config.h"

#include "err.h"
#include "future.h"
#include "handler.h"
#include "park.h"
#include "pool.h"
#include "run.h"
#include "shutdown.h"
#include "thread.h"
#include "wait.h"
#include "worker.h"

#include <string.h>

/* So many of the tasks that still run are named. */
#define NAMED_MAX 8

/* How long to look whether an idle pool comes to rest: a millisecond or so. */
#define REST_YIELDS 1000

static bool
is_quiet(void *arg)
{
	struct tpar_pool *pool = arg;
	bool quiet;

	/* Under one lock: nobody is taken from the parked and finds work. */
	tpi_lock_enter(&pool->lock);
	quiet = tpi_pool_quiet_locked(pool) && !tpi_pool_any_queued(pool);
	if (quiet) {
		tpi_intake_close(&pool->intake, TPI_SHUT);
	}
	tpi_lock_leave(&pool->lock);
	return quiet;
}

/* Waits until all is quiet. */
static enum tpar_err
await_quiet(struct tpar_pool *pool, int64_t deadline_ns, bool stoppable)
{
	struct tpi_watch watch = { .parker = tpi_thread_parker() };
	enum tpar_err err;

	tpi_lock_enter(&pool->lock);
	tpi_watch_add_locked(&pool->waiting, &watch);
	tpi_lock_leave(&pool->lock);
	err = tpi_wait_pool(pool, is_quiet, watch.parker, deadline_ns,
			    stoppable);
	tpi_lock_enter(&pool->lock);
	tpi_watch_remove_locked(&watch);
	tpi_lock_leave(&pool->lock);
	return err;
}

/* Ends a queue entry that was taken out. */
static void
end_entry(struct tpar_future *f)
{
	if (tpi_future_claim(f)) {
		tpi_future_end_cancelled(f);
	}
	tpi_future_release(f);
}

static void
end_injected(struct tpi_inject *q)
{
	struct tpi_link *link;

	do {
		/* ENDS: a consumer leaves after a bounded number of steps. */
		while (!tpi_inject_enter(q)) {
			tpi_yield();
		}
		link = tpi_inject_pop(q);
		tpi_inject_leave(q);
		if (link != NULL) {
			end_entry(tpi_future_of_link(link));
		}
	} while (link != NULL);
}

/*
 * What is queued ends now, as a thief would take it, and not only when a worker
 * gets to it: they may all be busy.
 */
static void
end_queued(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	struct tpi_watch watch;
	struct tpar_future *f;
	enum tpi_steal got;
	uint32_t i;

	if (!tpi_run_enter_pool(pool, &watch)) {
		return;
	}
	for (i = 0; i < tpi_pool_injectors(pool); i++) {
		end_injected(tpi_pool_injector(pool, i));
	}
	for (i = 0; i < n; i++) {
		struct tpi_worker *w = tpi_pool_worker(pool, i);

		while ((got = tpi_deque_steal(&w->deque, &f)) !=
		       TPI_STEAL_EMPTY) {
			if (got == TPI_STEAL_GOT) {
				end_entry(f);
			}
		}
	}
	tpi_run_leave_pool(pool, &watch);
}

/* What still runs, for the words of a shutdown that gives up. */
struct rest {
	char names[TPI_DETAIL_MAX / 2];
	struct tpar_future *task[NAMED_MAX]; /* held */
	unsigned named;
	unsigned more;
};

static bool
is_new(void *arg, struct tpar_future *task)
{
	struct rest *rest = arg;
	unsigned i;

	for (i = 0; i < rest->named; i++) {
		if (rest->task[i] == task) {
			return false;
		}
	}
	return tpi_state_peek(&task->state) == TPI_RUNNING;
}

/* Takes over the caller's reference. */
static void
add_running(struct rest *rest, struct tpar_future *task)
{
	char one[160];
	size_t used = strlen(rest->names);

	if (!is_new(rest, task) || rest->named == NAMED_MAX) {
		rest->more += is_new(rest, task);
		tpi_future_release(task);
		return;
	}
	rest->task[rest->named++] = task;
	tpi_future_describe(task, one, sizeof one);
	if (used > 0) {
		tpi_copy_text(rest->names + used, sizeof rest->names - used,
			      ", ");
		used = strlen(rest->names);
	}
	tpi_copy_text(rest->names + used, sizeof rest->names - used, one);
}

/* Records who is not through yet. */
static void
describe_rest(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	struct rest rest = { .names = "" };
	const char *queued;
	struct tpar_future *task;
	uint32_t i;

	for (i = 0; i < n; i++) {
		task = tpi_worker_taken(tpi_pool_worker(pool, i));
		if (task != NULL) {
			add_running(&rest, task);
		}
	}
	while (rest.named < NAMED_MAX &&
	       (task = tpi_pool_foreign_task(pool, is_new, &rest)) != NULL) {
		add_running(&rest, task);
	}
	for (i = 0; i < rest.named; i++) {
		tpi_future_release(rest.task[i]);
	}
	queued = tpi_pool_any_queued(pool) ? "; others are queued" : "";
	if (rest.named == 0) {
		(void)tpi_err(TPAR_ETIMEDOUT,
			      "no task runs, but not all threads are at rest%s",
			      queued);
	} else {
		(void)tpi_err(TPAR_ETIMEDOUT, "%u task%s: %s%s%s",
			      rest.named + rest.more,
			      rest.named == 1 ? " runs" : "s run", rest.names,
			      rest.more > 0 ? ", ..." : "", queued);
	}
}

/* A hint: is a task run by one of the pool's own threads? */
static bool
seems_busy(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (tpi_load_relaxed(&tpi_pool_worker(pool, i)->taken)) {
			return true;
		}
	}
	return tpi_pool_any_queued(pool);
}

/* Are its threads only on their way to sleep?  Then a moment longer. */
static bool
comes_to_rest(struct tpar_pool *pool)
{
	unsigned i;

	for (i = 0; i < REST_YIELDS && !seems_busy(pool); i++) {
		if (is_quiet(pool)) {
			return true;
		}
		tpi_yield();
	}
	return false;
}

enum tpar_err
tpi_shutdown_pool(struct tpar_pool *pool, enum tpar_shutdown how,
		  int64_t deadline_ns, bool stoppable)
{
	enum tpar_err err;

	tpi_intake_close(&pool->intake,
			 how == TPAR_CANCEL ? TPI_CANCELLING : TPI_DRAINING);
	/* ENDS: see tpi_intake_empty(). */
	while (!tpi_intake_empty(&pool->intake)) {
		tpi_yield();
	}
	if (how == TPAR_CANCEL) {
		tpi_park_wake_blocked(pool);
		tpi_handler_stop_pool(&pool->intake);
		end_queued(pool);
	}
	if (tpi_pool_any_work(pool)) {
		tpi_park_notify(&pool->park, pool);
	}
	err = await_quiet(pool, deadline_ns, stoppable);
	if (err != TPAR_ETIMEDOUT) {
		return err;
	}
	if (comes_to_rest(pool)) {
		return TPAR_OK;
	}
	describe_rest(pool);
	return TPAR_ETIMEDOUT;
}
