/* SPDX-License-Identifier: MIT */
/*
 * path.c - a depth-first search in the graph of waits that enters no task twice.
 *
 * What it sees cannot have gone stale: a wait that does not end by itself, for a
 * task that waits for us, cannot end before we do.  Waits that do
 * (tpi_frame_leaves()) are no edges, but for what runs on top of them.
 *
 * A task that waits for the end of a pool waits for all that run of its tasks:
 * those at the bottom of its own threads (tpi_worker_taken()), from which what
 * runs on top of them is reached, and those on other pools' threads.
 *
 * Tasks on the path are held by a reference, frames are pinned only while one
 * step looks into them.  A task that was left behind may end and its memory be
 * another's: if that one closes a cycle, it has published after us and finds it.
 */
#include "config.h"

#include "err.h"
#include "frame.h"
#include "path.h"
#include "pool.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many tasks of a chain are named. */
#define NAMED_MAX 12

void
tpi_path_init(struct tpi_path *s, struct tpar_future *task)
{
	s->task = task;
	s->pool = NULL;
	s->out_of_memory = false;
	s->step = s->few_steps;
	s->length = 0;
	s->capacity = TPI_PATH_FEW;
	tpi_seen_init(&s->seen);
}

void
tpi_path_fini(struct tpi_path *s)
{
	if (s->step != s->few_steps) {
		free(s->step);
	}
	tpi_seen_fini(&s->seen);
}

static bool
grow_path(struct tpi_path *s)
{
	size_t size = s->capacity * sizeof *s->step;
	struct tpi_step *more = malloc(2 * size);

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
push(struct tpi_path *s, struct tpar_future *task)
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
pop(struct tpi_path *s)
{
	tpi_future_release(s->step[--s->length].task);
}

/* Does it run, and is it new? */
static bool
is_wanted(void *arg, struct tpar_future *f)
{
	struct tpi_path *s = arg;

	return tpi_state_peek(&f->state) == TPI_RUNNING &&
	       (f == s->task || !tpi_seen_has(&s->seen, f));
}

/* A running task that is new; held, or NULL. */
static struct tpar_future *
try_task(struct tpi_path *s, struct tpar_future *f)
{
	if (!is_wanted(s, f)) {
		return NULL;
	}
	tpi_future_retain(f);
	return f;
}

/* The same for a member, unless it has been given up. */
static struct tpar_future *
try_member(struct tpi_path *s, struct tpi_frame *frame, struct tpar_future *f)
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
next_in_pool(struct tpi_path *s, size_t *next, struct tpar_pool *pool)
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
next_edge(struct tpi_path *s, struct tpi_step *at, struct tpi_frame *frame)
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
next_task(struct tpi_path *s)
{
	struct tpi_step *at = &s->step[s->length - 1];
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
describe(const struct tpi_path *s)
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

bool
tpi_path_find(struct tpi_path *s, struct tpar_future *member)
{
	struct tpar_future *f = try_task(s, member);

	/* ENDS: no task is entered twice. */
	while (f != NULL && f != s->task && push(s, f)) {
		while ((f = next_task(s)) == NULL && s->length > 1) {
			pop(s);
		}
	}
	if (f == NULL || f != s->task) {
		return false;
	}
	tpi_future_release(f);
	describe(s);
	return true;
}

void
tpi_path_clear(struct tpi_path *s)
{
	while (s->length > 0) {
		pop(s);
	}
}

bool
tpi_path_find_pool(struct tpi_path *s, struct tpar_pool *pool)
{
	struct tpar_future *f;
	bool found = false;
	size_t next = 1;

	s->pool = pool->config.name;
	while (!found && (f = next_in_pool(s, &next, pool)) != NULL) {
		found = tpi_path_find(s, f);
		tpi_path_clear(s);
		tpi_future_release(f);
	}
	return found;
}
