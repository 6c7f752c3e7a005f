/* SPDX-License-Identifier: MIT */
/*
 * cycle.c - looking for a cycle in the graph of waits, by whoever is about to
 * close one, and taking one wait off it.
 *
 * Each task publishes its frame before it looks; of those that form a cycle the
 * last one therefore sees all the others' frames and finds it.  What it sees
 * cannot have gone stale: a wait that does not end by itself, for a task that
 * waits for us, cannot end before we do.  Waits that do (tpi_frame_leaves())
 * are no edges, but for what runs on top of them.
 *
 * A task that waits for the end of a pool waits for all that run of its tasks:
 * those at the bottom of its own threads (tpi_worker_taken()), from which what
 * runs on top of them is reached, and those on other pools' threads.
 *
 * A depth-first search that enters no task twice.  Tasks on its path are held
 * by a reference, frames are pinned only while one step looks into them.  A
 * task that was left behind may end and its memory be another's: if that one
 * closes a cycle, it has published after us and finds it.
 *
 * Several tasks may find the same cycle.  Whether one of them takes its wait
 * off is decided under a lock, after another look: the next one finds it gone.
 */
#include "config.h"

#include "cycle.h"
#include "err.h"
#include "frame.h"
#include "lock.h"
#include "pool.h"
#include "seen.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many tasks of a chain are named. */
#define NAMED_MAX 12

/* Tasks of a path that need no memory. */
#define PATH_FEW 16

static struct tpi_lock cycle_lock = TPI_LOCK_INIT(TPI_RANK_CYCLE);

void
tpi_cycle_fork(enum tpi_fork when)
{
	tpi_fork_lock(&cycle_lock, when);
}

struct step {
	struct tpar_future *task; /* held */
	size_t next;	  /* 1 + member or worker to look at next; 0: on top */
	const char *pool; /* the name of the one that it waits for, or NULL */
};

struct search {
	struct tpar_future *task; /* that asks */
	const char *pool;	  /* as in a step */
	bool out_of_memory;	  /* it finds nothing more */
	struct step *step;	  /* the path */
	size_t length;
	size_t capacity;
	struct tpi_seen seen; /* tasks that were entered */
	struct step few_steps[PATH_FEW];
};

static void
init(struct search *s, struct tpar_future *task)
{
	s->task = task;
	s->pool = NULL;
	s->out_of_memory = false;
	s->step = s->few_steps;
	s->length = 0;
	s->capacity = PATH_FEW;
	tpi_seen_init(&s->seen);
}

static void
fini(struct search *s)
{
	if (s->step != s->few_steps) {
		free(s->step);
	}
	tpi_seen_fini(&s->seen);
}

static bool
grow_path(struct search *s)
{
	size_t size = s->capacity * sizeof *s->step;
	struct step *more = malloc(2 * size);

	if (more == NULL) {
		return false;
	}
	memcpy(more, s->step, size);
	if (s->step != s->few_steps) {
		free(s->step);
	}
	s->step = more;
	s->capacity *= 2;
	return true;
}

/*
 * Takes over the caller's reference to `task`.  false: no memory, and the
 * search ends; the wait is then only a wait.
 */
static bool
push(struct search *s, struct tpar_future *task)
{
	if (s->length == s->capacity && !grow_path(s)) {
		tpi_future_release(task);
		s->out_of_memory = true;
		return false;
	}
	s->step[s->length].task = task;
	s->step[s->length].next = 0;
	s->step[s->length].pool = NULL;
	s->length++;
	s->out_of_memory = !tpi_seen_add(&s->seen, task);
	return !s->out_of_memory;
}

static void
pop(struct search *s)
{
	tpi_future_release(s->step[--s->length].task);
}

/* Does it run, and is it new? */
static bool
is_wanted(void *arg, struct tpar_future *f)
{
	struct search *s = arg;

	return tpi_state_peek(&f->state) == TPI_RUNNING &&
	       (f == s->task || !tpi_seen_has(&s->seen, f));
}

/* A running task that is new; held, or NULL. */
static struct tpar_future *
try_task(struct search *s, struct tpar_future *f)
{
	if (!is_wanted(s, f)) {
		return NULL;
	}
	tpi_future_retain(f);
	return f;
}

/* The same for a member, unless it has been given up. */
static struct tpar_future *
try_member(struct search *s, struct tpi_frame *frame, struct tpar_future *f)
{
	struct tpar_future *found = try_task(s, f);

	if (found != NULL && tpi_load_relaxed(&frame->given_up) != 0 &&
	    !tpi_frame_is_registered(frame, f)) {
		tpi_future_release(f);
		return NULL;
	}
	return found;
}

/*
 * The next running task of a pool; *next counts its workers.  Who waits for the
 * pool is pinned, or the caller.
 */
static struct tpar_future *
next_in_pool(struct search *s, size_t *next, struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	struct tpar_future *f;

	while (*next <= n) {
		f = tpi_worker_taken(
			tpi_pool_worker(pool, (uint32_t)(*next)++ - 1));
		if (f != NULL && is_wanted(s, f)) {
			return f;
		}
		if (f != NULL) {
			tpi_future_release(f);
		}
	}
	/* ENDS: each is entered, or there is no memory to do so. */
	return s->out_of_memory ? NULL
				: tpi_pool_foreign_task(pool, is_wanted, s);
}

/* The next edge from a step's task, whose frame is pinned. */
static struct tpar_future *
next_edge(struct search *s, struct step *at, struct tpi_frame *frame)
{
	struct tpar_pool *pool = tpi_load_relaxed(&frame->pool);
	struct tpar_future *found = NULL;
	struct tpar_future *covered;

	at->pool = NULL;
	if (at->next == 0) {
		at->next = 1;
		covered = tpi_frame_covered(frame);
		found = covered != NULL ? try_task(s, covered) : NULL;
	}
	if (tpi_frame_leaves(frame)) {
		return found;
	}
	while (found == NULL && at->next <= frame->n) {
		found = try_member(s, frame, frame->f[at->next++ - 1]);
	}
	if (found == NULL && pool != NULL) {
		at->pool = pool->config.name;
		found = next_in_pool(s, &at->next, pool);
	}
	return found;
}

static struct tpar_future *
next_task(struct search *s)
{
	struct step *at = &s->step[s->length - 1];
	struct tpi_frame *frame = tpi_frame_pin(at->task);
	struct tpar_future *found;

	if (frame == NULL) {
		return NULL;
	}
	found = next_edge(s, at, frame);
	tpi_frame_unpin(at->task);
	return found;
}

/* Adds to a text of TPI_DETAIL_MAX bytes; what does not fit is cut. */
static void
append(char *text, const char *more)
{
	size_t used = strlen(text);

	tpi_copy_text(text + used, TPI_DETAIL_MAX - used, more);
}

static void
append_task(char *text, struct tpar_future *f)
{
	char one[160];

	tpi_future_describe(f, one, sizeof one);
	append(text, one);
}

/* " waits for ", or the same by way of a pool. */
static void
append_edge(char *text, const char *pool)
{
	char one[160];

	if (pool == NULL) {
		append(text, " waits for ");
		return;
	}
	(void)snprintf(one, sizeof one, " waits for pool '%.64s' and its ",
		       pool);
	append(text, one);
}

static void
describe(const struct search *s)
{
	char text[TPI_DETAIL_MAX] = "";
	const char *pool = s->pool;
	size_t i;

	append_task(text, s->task);
	for (i = 0; i < s->length && i < NAMED_MAX; i++) {
		append_edge(text, pool);
		append_task(text, s->step[i].task);
		pool = s->step[i].pool;
	}
	if (i < s->length) {
		append(text, " waits for ...");
		pool = s->step[s->length - 1].pool;
	}
	append_edge(text, pool);
	append_task(text, s->task);
	(void)tpi_err(TPAR_EDEADLK, "%s", text);
}

void
tpi_cycle_describe_self(struct tpar_future *task)
{
	char one[TPI_DETAIL_MAX / 2];

	tpi_future_describe(task, one, sizeof one);
	(void)tpi_err(TPAR_EDEADLK, "%s waits for itself", one);
}

/* Does `member`, of the calling task's frame, lead back to that task? */
static bool
leads_back(struct search *s, struct tpar_future *member)
{
	struct tpar_future *f = try_task(s, member);
	bool found = f != NULL && f == s->task;

	if (found) {
		describe(s);
	}
	/* ENDS: no task is entered twice. */
	while (f != NULL && !found && push(s, f)) {
		while ((f = next_task(s)) == NULL && s->length > 1) {
			pop(s);
		}
		found = f != NULL && f == s->task;
		if (found) {
			describe(s);
		}
	}
	if (found) {
		tpi_future_release(f);
	}
	while (s->length > 0) {
		pop(s);
	}
	return found;
}

/* Does a task of this pool, which the calling task waits for? */
static bool
pool_leads_back(struct search *s, struct tpar_pool *pool)
{
	struct tpar_future *f;
	bool found = false;
	size_t next = 1;

	s->pool = pool->config.name;
	while (!found && (f = next_in_pool(s, &next, pool)) != NULL) {
		found = leads_back(s, f);
		tpi_future_release(f);
	}
	return found;
}

bool
tpi_cycle_find(struct tpi_frame *frame, size_t from)
{
	struct tpar_pool *pool = tpi_load_relaxed(&frame->pool);
	bool found = false;
	struct search s;
	size_t i;

	init(&s, frame->task);
	for (i = from; i < frame->n && !found; i++) {
		found = leads_back(&s, frame->f[i]);
	}
	if (pool != NULL && !found) {
		found = pool_leads_back(&s, pool);
	}
	fini(&s);
	return found;
}

void
tpi_cycle_leave(struct tpi_frame *frame)
{
	tpi_lock_enter(&cycle_lock);
	if (tpi_cycle_find(frame, 0)) {
		(void)tpi_frame_elect(frame, TPI_DEADLOCKED);
	}
	tpi_lock_leave(&cycle_lock);
}

bool
tpi_cycle_leave_pool(struct tpi_frame *frame)
{
	bool found;

	tpi_lock_enter(&cycle_lock);
	found = tpi_cycle_find(frame, 0);
	if (found) {
		tpi_store_relaxed(&frame->pool, NULL);
	}
	tpi_lock_leave(&cycle_lock);
	return found;
}

bool
tpi_cycle_give_up(struct tpi_frame *frame)
{
	size_t removed = 0;
	struct search s;
	size_t i;

	tpi_lock_enter(&cycle_lock);
	for (i = 0; i < frame->n; i++) {
		init(&s, frame->task);
		if (leads_back(&s, frame->f[i])) {
			removed += tpi_frame_unregister(frame, frame->f[i]);
		}
		fini(&s);
	}
	if (removed > 0) {
		tpi_frame_give_up(frame);
	}
	tpi_lock_leave(&cycle_lock);
	if (removed > 0) {
		(void)tpi_frame_take_off(frame, (int64_t)removed);
	}
	return removed > 0;
}

bool
tpi_cycle_give_up_one(struct tpi_frame *frame, size_t i)
{
	struct search s;
	bool found;

	tpi_lock_enter(&cycle_lock);
	init(&s, frame->task);
	found = leads_back(&s, frame->f[i]);
	fini(&s);
	if (found) {
		tpi_frame_give_up(frame);
	}
	tpi_lock_leave(&cycle_lock);
	return found;
}
