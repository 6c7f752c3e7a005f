/* SPDX-License-Identifier: MIT */
/*
 * oncancel.c - the user's handlers: a list for each task that has registered
 * some, run by a job of the lane.
 *
 * The list is made with the first handler and freed at the end of the task.  A
 * handle names its task and a number, and is looked up, so that a stale one
 * finds nothing.  doc/STATES.md#handlers.
 */
#include "config.h"

#include "after.h"
#include "err.h"
#include "handler.h"
#include "interrupt.h"
#include "lane.h"
#include "lock.h"
#include "oncancel.h"
#include "parker.h"
#include "thread.h"
#include "wait.h"

#include <taskpar/cancel.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next; /* [m:lock] */
	tpar_cancel_fn fn;  /* [c] */
	void *arg;	    /* [c] */
	uintptr_t number;   /* [c] */
};

struct tpi_handlers {
	struct tpi_handler told;   /* called when the task is asked to stop */
	struct tpi_lane_job job;   /* runs what is in the list */
	struct tpi_callback due;   /* the same where the lane has no thread */
	struct tpi_run *run;	   /* [c] of the task, until it ends */
	struct tpar_future *task;  /* [c] */
	struct tpi_handlers *next; /* [m:lock] in the table */
	struct entry *first;	   /* [m:lock] not run yet, in order */
	struct entry **last;	   /* [m:lock] */
	uintptr_t running;	   /* [m:lock] its number, or 0 */
	const struct tpi_thread *runner; /* [m:lock] if running is not 0 */
	bool asked;			 /* [m:lock] the task was */
	bool job_out; /* [m:lock] the job is queued or runs */
};

/* Somebody who waits for the end of one; on his stack. */
struct waiter {
	struct waiter *next;	   /* [m:lock] */
	struct tpi_parker *parker; /* [c] */
	struct bucket *bucket;	   /* [c] */
	struct tpar_future *task;  /* [c] */
	uintptr_t number;	   /* [c] 0: until the job is done */
};

struct bucket {
	struct tpi_handlers *first; /* [m:lock] */
	struct waiter *waiters;	    /* [m:lock] */
	uintptr_t numbers;	    /* [m:lock] given so far */
};

/* Few locks: a fork takes them all, and ThreadSanitizer can follow 64. */
#define BUCKETS 64
#define LOCKS 8
#define L TPI_LOCK_INIT(TPI_RANK_ON_CANCEL)
static struct tpi_lock lock[LOCKS] = { L, L, L, L, L, L, L, L };
#undef L
static struct bucket bucket[BUCKETS];

static void
enter(const struct bucket *b)
{
	tpi_lock_enter(&lock[(b - bucket) % LOCKS]);
}

static void
leave(const struct bucket *b)
{
	tpi_lock_leave(&lock[(b - bucket) % LOCKS]);
}

static struct bucket *
bucket_of(const struct tpar_future *task)
{
	return &bucket[((uintptr_t)task >> 7) % BUCKETS];
}

static struct tpi_handlers *
find(struct bucket *b, const struct tpar_future *task)
{
	struct tpi_handlers *handlers = b->first;

	while (handlers != NULL && handlers->task != task) {
		handlers = handlers->next;
	}
	return handlers;
}

/* ---- Waiting for one under way ------------------------------------------- */

static void
wake_waiters(struct bucket *b)
{
	struct waiter *waiter;

	for (waiter = b->waiters; waiter != NULL; waiter = waiter->next) {
		if (waiter->parker != NULL) {
			tpi_parker_wake(waiter->parker);
		}
	}
}

static bool
is_over_locked(struct waiter *waiter)
{
	struct tpi_handlers *handlers = find(waiter->bucket, waiter->task);

	if (handlers == NULL) {
		return true;
	}
	return waiter->number == 0 ? !handlers->job_out
				   : handlers->running != waiter->number;
}

static bool
is_over(void *arg)
{
	struct waiter *waiter = arg;
	bool over;

	enter(waiter->bucket);
	over = is_over_locked(waiter);
	leave(waiter->bucket);
	return over;
}

/* Under the lock, which is released meanwhile. */
static void
await(struct bucket *b, struct tpar_future *task, uintptr_t number)
{
	struct waiter me = { b->waiters, tpi_thread_parker(), b, task, number };
	struct waiter **at = &b->waiters;

	b->waiters = &me;
	leave(b);
	tpi_wait_until(is_over, &me, me.parker);
	enter(b);
	while (*at != &me) {
		at = &(*at)->next;
	}
	*at = me.next;
}

/* ---- Running them -------------------------------------------------------- */

/* As an outside thread, whatever this one is doing. */
static void
call(const struct tpi_handlers *handlers, const struct entry *entry)
{
	struct tpi_thread *self = &tpi_thread_self;
	struct tpi_interrupt *paused = tpi_interrupt_pause();
	struct tpi_thread saved = *self;
	struct tpi_thread outside = { .parker = saved.parker,
				      .handling = handlers->run };

	*self = outside;
	entry->fn(entry->arg);
	saved.parker = self->parker;
	*self = saved;
	tpi_interrupt_resume(paused);
}

static void
run_all(struct tpi_handlers *handlers)
{
	struct bucket *b = bucket_of(handlers->task);
	struct entry *entry;

	enter(b);
	/* ENDS: nothing is registered once the task was asked. */
	while ((entry = handlers->first) != NULL) {
		handlers->first = entry->next;
		handlers->running = entry->number;
		handlers->runner = &tpi_thread_self;
		leave(b);
		call(handlers, entry);
		free(entry);
		enter(b);
		handlers->running = 0;
		wake_waiters(b);
	}
	/* RELEASE POINT: handlers, and the task may end. */
	handlers->job_out = false;
	wake_waiters(b);
	leave(b);
}

static void
run_job(struct tpi_lane_job *job)
{
	run_all(TPI_CONTAINER(job, struct tpi_handlers, job));
}

static void
run_late(struct tpi_callback *due, struct tpar_future *f)
{
	(void)f;
	run_all(TPI_CONTAINER(due, struct tpi_handlers, due));
}

/* It may wait for what this thread has still to do. */
static void
run_due(struct tpi_callback *due, struct tpar_future *f)
{
	(void)f;
	tpi_after_late(due, run_late);
}

/* The task is asked to stop. */
static void
tell(struct tpi_handler *told)
{
	struct tpi_handlers *handlers =
		TPI_CONTAINER(told, struct tpi_handlers, told);
	struct bucket *b = bucket_of(handlers->task);
	bool here = false;

	enter(b);
	handlers->asked = true;
	if (handlers->first != NULL) {
		handlers->job_out = true;
		here = !tpi_lane_run(&handlers->job);
	}
	leave(b);
	if (here) {
		/* job_out keeps it there. */
		handlers->due.fn = run_due;
		handlers->due.f = NULL;
		tpi_after_due(&handlers->due);
	}
}

/* ---- Registering and removing them --------------------------------------- */

/* The list of the calling task.  NULL: no memory. */
static struct tpi_handlers *
get_handlers(struct tpi_run *run)
{
	struct bucket *b = bucket_of(run->task);
	struct tpi_handlers *handlers = run->handlers;

	if (handlers != NULL) {
		return handlers;
	}
	handlers =
		aligned_alloc(_Alignof(struct tpi_handlers), sizeof *handlers);
	if (handlers == NULL) {
		return NULL;
	}
	memset(handlers, 0, sizeof *handlers);
	handlers->job.fn = run_job;
	handlers->run = run;
	handlers->task = run->task;
	enter(b);
	handlers->next = b->first;
	b->first = handlers;
	leave(b);
	run->handlers = handlers;
	if (!tpi_handler_add(&handlers->told, tell)) {
		tell(&handlers->told);
	}
	return handlers;
}

/* Takes over the entry.  false: the task was asked to stop. */
static bool
append(struct tpi_handlers *handlers, struct entry *entry, tpar_handler *h)
{
	struct bucket *b = bucket_of(handlers->task);
	bool asked;

	enter(b);
	asked = handlers->asked;
	if (!asked) {
		if (++b->numbers == 0) {
			b->numbers = 1;
		}
		entry->number = b->numbers;
		entry->next = NULL;
		/* Before it can be called, as it may want to look there. */
		h->reserved[0] = (uintptr_t)handlers->task;
		h->reserved[1] = entry->number;
		if (handlers->first == NULL) {
			handlers->last = &handlers->first;
		}
		*handlers->last = entry;
		handlers->last = &entry->next;
	}
	leave(b);
	return !asked;
}

enum tpar_err
tpar_on_cancel(tpar_cancel_fn fn, void *arg, tpar_handler *h)
{
	struct tpi_run *run = tpi_thread_self.run;
	struct tpi_handlers *handlers;
	struct entry *entry;

	if (fn == NULL || h == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       fn == NULL ? "fn" : "h");
	}
	if (run == NULL || run->ending) {
		return tpi_err(TPAR_EINVAL, "not in a task");
	}
	if (tpi_handler_asked(run)) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	entry = malloc(sizeof *entry);
	if (entry == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	entry->fn = fn;
	entry->arg = arg;
	handlers = get_handlers(run);
	if (handlers == NULL) {
		free(entry);
		return tpi_err_plain(TPAR_ENOMEM);
	}
	if (!append(handlers, entry, h)) {
		free(entry);
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	return TPAR_OK;
}

/* Takes the entry of that number out of the list.  NULL: it is not there. */
static struct entry *
take_out(struct tpi_handlers *handlers, uintptr_t number)
{
	struct entry **at = &handlers->first;
	struct entry *entry;

	while ((entry = *at) != NULL && entry->number != number) {
		at = &entry->next;
	}
	if (entry != NULL) {
		*at = entry->next;
		if (entry->next == NULL) {
			handlers->last = at;
		}
	}
	return entry;
}

void
tpar_off_cancel(const tpar_handler *h)
{
	struct tpi_handlers *handlers;
	struct entry *entry = NULL;
	struct tpar_future *task;
	int saved = errno;
	struct bucket *b;

	if (h == NULL || h->reserved[1] == 0) {
		return;
	}
	task = (struct tpar_future *)h->reserved[0];
	b = bucket_of(task);
	enter(b);
	handlers = find(b, task);
	if (handlers != NULL) {
		entry = take_out(handlers, h->reserved[1]);
		if (handlers->running == h->reserved[1] &&
		    handlers->runner != &tpi_thread_self) {
			await(b, task, h->reserved[1]);
		}
	}
	leave(b);
	free(entry);
	errno = saved; /* of what the handler was for */
}

static void
free_entries(struct entry *entry)
{
	struct entry *next;

	for (; entry != NULL; entry = next) {
		next = entry->next;
		free(entry);
	}
}

/* Nothing of it will run, and the job is not out any more. */
static void
withdraw(struct bucket *b, struct tpi_handlers *handlers)
{
	struct entry *left;

	enter(b);
	left = handlers->first;
	handlers->first = NULL;
	if (handlers->job_out && tpi_lane_withdraw(&handlers->job)) {
		handlers->job_out = false;
	}
	if (handlers->job_out && find(b, handlers->task) == handlers) {
		await(b, handlers->task, 0);
	}
	leave(b);
	free_entries(left);
}

static void
remove_from_table(struct bucket *b, struct tpi_handlers *handlers)
{
	struct tpi_handlers **at = &b->first;

	enter(b);
	while (*at != NULL && *at != handlers) {
		at = &(*at)->next;
	}
	if (*at != NULL) {
		*at = handlers->next;
	}
	leave(b);
}

void
tpi_oncancel_end(struct tpi_run *run)
{
	struct tpi_handlers *handlers = run->handlers;

	if (handlers != NULL) {
		struct bucket *b = bucket_of(run->task);

		withdraw(b, handlers);
		tpi_handler_remove(&handlers->told);
		remove_from_table(b, handlers);
		free(handlers);
	}
	tpi_handler_end(run->task);
}

/* What was registered belongs to threads that are lost, or that go on alone. */
void
tpi_oncancel_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_PREPARE) {
		tpi_lock_enter_all(lock, LOCKS);
		return;
	}
	if (when == TPI_FORK_CHILD) {
		memset(bucket, 0, sizeof bucket);
	}
	tpi_lock_leave_all(lock, LOCKS);
}
