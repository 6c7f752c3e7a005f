/* SPDX-License-Identifier: MIT */
/*
 * handler.c - the table of handlers, and calling them.
 *
 * Who calls one has taken it out of the table and stands in the list of calls
 * instead, so that whoever removes it, and the task before it ends, know for what
 * to wait; the handler itself is not touched any more and may be gone when fn
 * returns.
 */
#include "config.h"

#include "after.h"
#include "cancel.h"
#include "handler.h"
#include "lock.h"
#include "parker.h"
#include "thread.h"

/* A call under way; on the stack of the thread that makes it. */
struct call {
	struct call *next;		   /* [m:lock] */
	const struct tpi_handler *handler; /* [c] only its address counts */
	const struct tpar_future *task;	   /* [c] */
	const struct tpi_thread *thread;   /* [c] */
};

/* Somebody who waits for the end of one; on his stack. */
struct waiter {
	struct waiter *next;	   /* [m:lock] */
	struct tpi_parker *parker; /* [c] */
};

struct bucket {
	struct tpi_handler *first; /* [m:lock] in order of registration */
	struct tpi_handler **last; /* [m:lock] its end, if first is not NULL */
	struct call *calls;	   /* [m:lock] */
	struct waiter *waiters;	   /* [m:lock] */
};

/* Few locks: a fork takes them all, and ThreadSanitizer can follow 64. */
#define BUCKETS 64
#define LOCKS 8
#define L TPI_LOCK_INIT(TPI_RANK_HANDLER)
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

static void
insert(struct bucket *b, struct tpi_handler *handler)
{
	if (b->first == NULL) {
		b->last = &b->first;
	}
	handler->next = NULL;
	*b->last = handler;
	b->last = &handler->next;
}

/* false: it is not in the table. */
static bool
take_out(struct bucket *b, struct tpi_handler *handler)
{
	struct tpi_handler **at = &b->first;

	while (*at != NULL && *at != handler) {
		at = &(*at)->next;
	}
	if (*at == NULL) {
		return false;
	}
	*at = handler->next;
	if (*at == NULL) {
		b->last = at;
	}
	return true;
}

bool
tpi_handler_asked(struct tpi_run *run)
{
	if (tpi_state_stop_requested(&run->task->state)) {
		return true;
	}
	for (; run != NULL; run = run->stopper) {
		if (tpi_cancel_requested(run->task)) {
			return true;
		}
	}
	return false;
}

bool
tpi_handler_add(struct tpi_handler *handler,
		void (*fn)(struct tpi_handler *handler))
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run->ending) {
		return true;
	}
	run->handled = true;
	return tpi_handler_add_for(handler, run, fn);
}

bool
tpi_handler_add_for(struct tpi_handler *handler, struct tpi_run *run,
		    void (*fn)(struct tpi_handler *handler))
{
	struct bucket *b = bucket_of(run->task);
	bool called;

	handler->fn = fn;
	handler->task = run->task;
	handler->run = run;
	enter(b);
	insert(b, handler);
	leave(b);
	tpi_handler_mark(run->task);
	if (TPI_LIKELY(!tpi_handler_asked(run))) {
		return true;
	}
	enter(b);
	called = !take_out(b, handler);
	leave(b);
	return called;
}

/* This one, or any of the task, by another thread. */
static bool
is_called(struct bucket *b, const struct tpi_handler *handler,
	  const struct tpar_future *task)
{
	struct call *call = b->calls;

	while (call != NULL &&
	       ((call->handler != handler && call->task != task) ||
		call->thread == &tpi_thread_self)) {
		call = call->next;
	}
	return call != NULL;
}

/* Until it is not any more.  Under the lock, which is released meanwhile. */
static void
await_call(struct bucket *b, const struct tpi_handler *handler,
	   const struct tpar_future *task)
{
	struct waiter me = { b->waiters, NULL };
	struct waiter **at = &b->waiters;

	if (TPI_LIKELY(!is_called(b, handler, task))) {
		return;
	}
	me.parker = tpi_thread_parker();
	b->waiters = &me;
	/* ENDS: fn is short; the one who has called it wakes all. */
	do {
		leave(b);
		if (me.parker != NULL) {
			(void)tpi_parker_park(me.parker, 0);
		} else {
			tpi_yield();
		}
		enter(b);
	} while (is_called(b, handler, task));
	while (*at != &me) {
		at = &(*at)->next;
	}
	*at = me.next;
}

void
tpi_handler_remove(struct tpi_handler *handler)
{
	struct bucket *b;

	if (handler->task == NULL) {
		return;
	}
	b = bucket_of(handler->task);
	enter(b);
	if (!take_out(b, handler)) {
		await_call(b, handler, NULL);
	}
	leave(b);
}

/* Under the lock, which is released meanwhile. */
static void
call_one(struct bucket *b, struct tpi_handler *handler)
{
	struct call call = { b->calls, handler, handler->task,
			     &tpi_thread_self };
	struct call **at = &b->calls;
	struct waiter *waiter;

	(void)take_out(b, handler);
	b->calls = &call;
	leave(b);
	handler->fn(handler);
	enter(b);
	/* It is not there if fn has forked and this is the child. */
	while (*at != NULL && *at != &call) {
		at = &(*at)->next;
	}
	if (*at != NULL) {
		*at = call.next;
	}
	for (waiter = b->waiters; waiter != NULL; waiter = waiter->next) {
		if (waiter->parker != NULL) {
			tpi_parker_wake(waiter->parker);
		}
	}
}

/* The first one of the task; NULL: there is none. */
static struct tpi_handler *
find(struct bucket *b, const struct tpar_future *task)
{
	struct tpi_handler *handler = b->first;

	while (handler != NULL && handler->task != task) {
		handler = handler->next;
	}
	return handler;
}

void
tpi_handler_call(struct tpar_future *task)
{
	struct bucket *b = bucket_of(task);
	struct tpi_handler *handler;

	enter(b);
	/* ENDS: nothing is added to a task that was asked. */
	while ((handler = find(b, task)) != NULL) {
		call_one(b, handler);
	}
	leave(b);
}

/* The first one whose task this pool stops; its run is there as long as it. */
static struct tpi_handler *
find_of_pool(struct bucket *b, const struct tpi_intake *intake)
{
	struct tpi_handler *handler;
	struct tpi_run *run;

	for (handler = b->first; handler != NULL; handler = handler->next) {
		for (run = handler->run; run != NULL; run = run->stopper) {
			if (run->task->intake == intake) {
				return handler;
			}
		}
	}
	return NULL;
}

void
tpi_handler_stop_pool(struct tpi_intake *intake)
{
	struct tpi_handler *handler;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		enter(&bucket[i]);
		/* ENDS: nothing is added to a task that was asked. */
		while ((handler = find_of_pool(&bucket[i], intake)) != NULL) {
			call_one(&bucket[i], handler);
		}
		leave(&bucket[i]);
	}
	tpi_after_run();
}

void
tpi_handler_end(struct tpar_future *task)
{
	struct bucket *b = bucket_of(task);
	struct tpi_handler *handler;

	enter(b);
	while ((handler = find(b, task)) != NULL) {
		(void)take_out(b, handler);
	}
	/* What is called looks at the task, and at the group that it is of. */
	await_call(b, NULL, task);
	leave(b);
}

void
tpi_handler_add_to(struct tpi_handler *handler, struct tpar_future *task,
		   void (*fn)(struct tpi_handler *handler))
{
	struct bucket *b = bucket_of(task);

	handler->fn = fn;
	handler->task = task;
	handler->run = NULL;
	enter(b);
	insert(b, handler);
	leave(b);
	tpi_handler_mark(task);
}

/* Tasks, calls and those who wait for them are lost; what has no run goes on. */
static void
forget(struct bucket *b)
{
	struct tpi_handler *handler = b->first;
	struct bucket kept = { NULL, NULL, NULL, NULL };
	struct tpi_handler *next;

	*b = kept;
	for (; handler != NULL; handler = next) {
		next = handler->next;
		if (handler->run == NULL) {
			insert(b, handler);
		}
	}
}

void
tpi_handler_fork(enum tpi_fork when)
{
	size_t i;

	if (when == TPI_FORK_PREPARE) {
		tpi_lock_enter_all(lock, LOCKS);
		return;
	}
	for (i = 0; when == TPI_FORK_CHILD && i < BUCKETS; i++) {
		forget(&bucket[i]);
	}
	tpi_lock_leave_all(lock, LOCKS);
}
