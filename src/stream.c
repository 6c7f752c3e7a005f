/* SPDX-License-Identifier: MIT */
/*
 * stream.c - futures in the order in which they end.
 *
 * Each member that has not ended gets a callback that puts its position into a
 * ring with room for all.  The stream is held by its user and by each callback
 * that is still to come.
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "err.h"
#include "fork.h"
#include "future.h"
#include "gather.h"
#include "lock.h"
#include "parker.h"
#include "pool.h"
#include "wait.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct tpi_callback callback;
	struct tpar_stream *stream;
	size_t index;
};

struct tpar_stream {
	struct entry *entry; /* [c] total */
	tpar_future **f;     /* [c] n, a copy */
	struct tpi_lock lock;
	size_t *ready;		   /* [m:lock] positions, in order of the end */
	size_t ended;		   /* [m:lock] put in */
	size_t given;		   /* [m:lock] taken out */
	size_t total;		   /* [c] without doubles */
	size_t n;		   /* [c] */
	struct tpi_watch *waiting; /* [m:lock] in tpar_stream_next() */
	_Atomic size_t holds;	   /* [a:M2] */
	uint32_t generation;	   /* [c] of the process that made it */
};

static void
free_all(struct tpar_stream *s)
{
	free(s->entry);
	free(s->f);
	free(s->ready);
	free(s);
}

static void
let_go(struct tpar_stream *s)
{
	/* ORDER M2 acq_rel -- let_go(): all use before it is freed. */
	if (atomic_fetch_sub_explicit(&s->holds, 1, memory_order_acq_rel) ==
	    1) {
		tpi_lock_fini(&s->lock);
		free_all(s);
	}
}

static void
has_ended(struct tpi_callback *callback, struct tpar_future *f)
{
	struct entry *entry = TPI_CONTAINER(callback, struct entry, callback);
	struct tpar_stream *s = entry->stream;
	struct tpi_watch *watch;

	(void)f;
	tpi_lock_enter(&s->lock);
	s->ready[s->ended++] = entry->index;
	for (watch = s->waiting; watch != NULL; watch = watch->next) {
		if (watch->parker != NULL) {
			tpi_parker_wake(watch->parker);
		}
	}
	tpi_lock_leave(&s->lock);
	let_go(s);
}

static int
by_address(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	uintptr_t fx = (uintptr_t)x->callback.f;
	uintptr_t fy = (uintptr_t)y->callback.f;

	if (fx != fy) {
		return fx < fy ? -1 : 1;
	}
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
by_index(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* Fills the entries, each future once; sets total. */
static void
fill(struct tpar_stream *s)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		s->entry[i].stream = s;
		s->entry[i].index = i;
		s->entry[i].callback.f = s->f[i];
	}
	qsort(s->entry, s->n, sizeof s->entry[0], by_address);
	for (i = 0; i < s->n; i++) {
		if (i == 0 ||
		    s->entry[i].callback.f != s->entry[kept - 1].callback.f) {
			s->entry[kept++] = s->entry[i];
		}
	}
	s->total = kept;
	qsort(s->entry, kept, sizeof s->entry[0], by_index);
}

/* Room for n.  NULL: no memory. */
static struct tpar_stream *
make(tpar_future *const *f, size_t n)
{
	struct tpar_stream *s = calloc(1, sizeof *s);
	size_t room = n > 0 ? n : 1;

	if (s == NULL) {
		return NULL;
	}
	s->n = n;
	s->generation = tpi_fork_generation;
	atomic_init(&s->holds, 1);
	if (room <= PTRDIFF_MAX / sizeof s->entry[0]) {
		s->entry = aligned_alloc(_Alignof(struct entry),
					 room * sizeof s->entry[0]);
		s->f = malloc(room * sizeof(tpar_future *));
		s->ready = malloc(room * sizeof s->ready[0]);
	}
	if (s->entry == NULL || s->f == NULL || s->ready == NULL ||
	    tpi_lock_init(&s->lock, TPI_RANK_STREAM) != 0) {
		free_all(s);
		return NULL;
	}
	if (n > 0) {
		memcpy(s->f, f, n * sizeof(tpar_future *));
	}
	return s;
}

/* First those that have ended, before others do while the rest is registered. */
static void
begin(struct tpar_stream *s)
{
	struct entry *entry;
	size_t i;

	for (i = 0; i < s->total; i++) {
		entry = &s->entry[i];
		if (tpi_state_phase(tpi_state_get(
			    &s->f[entry->index]->state)) == TPI_ENDED) {
			s->ready[s->ended++] = entry->index;
			entry->stream = NULL;
		}
	}
	for (i = 0; i < s->total; i++) {
		entry = &s->entry[i];
		if (entry->stream == NULL) {
			continue;
		}
		atomic_fetch_add_explicit(&s->holds, 1, memory_order_relaxed);
		if (!tpi_after(s->f[entry->index], &entry->callback,
			       has_ended)) {
			has_ended(&entry->callback, NULL);
		}
	}
}

enum tpar_err
tpar_as_completed(tpar_future *const *f, size_t n, tpar_stream **out)
{
	struct tpar_stream *s;
	size_t i;

	if (out == NULL || (f == NULL && n > 0)) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       out == NULL ? "s" : "f");
	}
	for (i = 0; i < n; i++) {
		if (f[i] == NULL) {
			return tpi_err(TPAR_EINVAL, "f[%zu] is NULL", i);
		}
		tpi_audit_member(f[i], i);
	}
	tpi_fork_look_all(f, n);
	s = make(f, n);
	if (s == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_audit_made(s, TPI_AUDIT_STREAM, NULL, NULL);
	fill(s);
	begin(s);
	*out = s;
	return TPAR_OK;
}

/* What a call of tpar_stream_next() is about. */
struct next {
	struct tpar_stream *s;
	size_t index;
	bool end;
};

static bool
take(void *arg)
{
	struct next *next = arg;
	struct tpar_stream *s = next->s;
	bool any;

	tpi_lock_enter(&s->lock);
	any = s->given < s->ended;
	next->end = s->given == s->total;
	if (any) {
		next->index = s->ready[s->given++];
		if (s->given == s->total) {
			struct tpi_watch *watch = s->waiting;

			/* There is nothing left for the others. */
			for (; watch != NULL; watch = watch->next) {
				if (watch->parker != NULL) {
					tpi_parker_wake(watch->parker);
				}
			}
		}
	}
	tpi_lock_leave(&s->lock);
	return any || next->end;
}

/* A thread that waits for what comes next. */
struct waiter {
	struct tpi_watch watch;
	struct tpar_stream *s;
};

static void
stop_waiting(void *arg)
{
	struct waiter *waiter = arg;

	tpi_lock_enter(&waiter->s->lock);
	tpi_watch_remove_locked(&waiter->watch);
	tpi_lock_leave(&waiter->s->lock);
}

static enum tpar_err
await_next(struct next *next, int64_t deadline_ns)
{
	struct tpar_stream *s = next->s;
	struct waiter waiter = { .watch = { .parker = tpi_thread_parker() },
				 .s = s };
	enum tpar_err err;

	tpi_lock_enter(&s->lock);
	tpi_watch_add_locked(&s->waiting, &waiter.watch);
	tpi_lock_leave(&s->lock);
	pthread_cleanup_push(stop_waiting, &waiter);
	err = tpi_wait_among(s->f, s->n, take, next, waiter.watch.parker,
			     deadline_ns);
	pthread_cleanup_pop(1);
	return err;
}

enum tpar_err
tpar_stream_next(tpar_stream *s, int64_t deadline_ns, size_t *index)
{
	struct next next = { .s = s };
	enum tpar_err err = TPAR_OK;

	tpi_audit_object(s, TPI_AUDIT_STREAM, "tpar_stream_next()");
	if (s == NULL || index == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       s == NULL ? "s" : "index");
	}
	if (s->generation != tpi_fork_generation) {
		return tpi_err(TPAR_ECLOSED, "the stream was lost in a fork");
	}
	if (!take(&next)) {
		err = await_next(&next, deadline_ns);
	}
	if (err != TPAR_OK) {
		return err;
	}
	if (next.end) {
		return tpi_err_plain(TPAR_EEND);
	}
	*index = next.index;
	return TPAR_OK;
}

void
tpar_stream_close(tpar_stream *s)
{
	tpi_audit_object(s, TPI_AUDIT_STREAM, "tpar_stream_close()");
	if (s != NULL) {
		tpi_audit_gone(s, TPI_AUDIT_STREAM);
		let_go(s);
	}
}
