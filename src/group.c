/* SPDX-License-Identifier: MIT */
/*
 * group.c - opening, filling and closing a group.
 *
 * In a task, closing waits for the children as any wait for a set does: so those
 * that have not begun are run in place, and cycles are found.  Outside, it only
 * sleeps until nobody is left.  doc/STATES.md#group.
 */
#include "config.h"

#include "audit.h"
#include "cancel.h"
#include "clock.h"
#include "err.h"
#include "failure.h"
#include "future.h"
#include "handler.h"
#include "parker.h"
#include "pool.h"
#include "scope.h"
#include "submit.h"
#include "thread.h"
#include "timer.h"
#include "wait.h"

#include <taskpar/group.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* So many children are waited for without memory. */
#define CHUNK 64

/* A group and what only its calls need. */
struct group {
	struct tpar_group scope; /* first */
	struct tpi_timer timer;
	struct tpi_handler parent; /* of the task that opened it */
	bool timed;		   /* [c] the timer was added */
	struct tpar_pool *pool;	   /* [c] */
	char *cycle;		   /* [closer] of waits, in words, or NULL */
};

static struct group *
of(struct tpar_group *g)
{
	return TPI_CONTAINER(g, struct group, scope);
}

static void
free_group(struct tpar_group *g)
{
	struct tpar_future *f = g->failed.first;

	while (f != NULL) {
		struct tpar_future *next = tpi_future_ext(f)->next_failed;

		tpi_future_release(f);
		f = next;
	}
	tpi_lock_fini(&g->lock);
	free(of(g)->cycle);
	free(of(g));
}

static void
deadline_has_come(struct tpi_timer *timer)
{
	struct group *group = TPI_CONTAINER(timer, struct group, timer);

	if (tpi_scope_elect(&group->scope, TPI_SCOPE_TIMED_OUT)) {
		tpi_cancel_group(&group->scope);
	}
	tpi_scope_let_go(&group->scope);
}

/* The task that opened the group is asked to stop, in whose sweep this is. */
static void
parent_was_stopped(struct tpi_handler *handler)
{
	struct group *group = TPI_CONTAINER(handler, struct group, parent);

	(void)tpi_scope_cancel(&group->scope, TPI_SCOPE_STOPPED,
			       tpi_cancel_reason_of(handler->task));
}

static enum tpar_err
check_config(tpar_group **g, const struct tpar_group_config *config)
{
	if (g == NULL) {
		return tpi_err(TPAR_EINVAL, "g is NULL");
	}
	if (config->size != sizeof *config) {
		return tpi_err(TPAR_EINVAL,
			       "config.size is %zu, not %zu: begin with "
			       "TPAR_GROUP_CONFIG_INIT",
			       config->size, sizeof *config);
	}
	if (!config->detached && tpi_cancel_requested_here()) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	return TPAR_OK;
}

/* An open group without a parent and a timer.  NULL: no memory. */
static struct group *
make(void)
{
	struct group *group = calloc(1, sizeof *group);

	if (group == NULL) {
		return NULL;
	}
	if (tpi_scope_init(&group->scope, free_group) != 0) {
		free(group);
		return NULL;
	}
	tpi_timer_init(&group->timer, deadline_has_come);
	return group;
}

/* The deadline, which may have passed. */
static enum tpar_err
set_deadline(struct group *group, int64_t deadline_ns)
{
	if (deadline_ns == TPAR_FOREVER) {
		return TPAR_OK;
	}
	if (tpi_clock_passed(deadline_ns)) {
		(void)tpi_scope_elect(&group->scope, TPI_SCOPE_TIMED_OUT);
		return TPAR_OK;
	}
	tpi_scope_hold(&group->scope);
	group->timed = true;
	if (!tpi_timer_add(&group->timer, deadline_ns)) {
		tpi_scope_let_go(&group->scope);
		return tpi_err(TPAR_EAGAIN,
			       "there is no thread to serve deadlines");
	}
	return TPAR_OK;
}

/* No deadline comes any more. */
static void
end_timer(struct tpar_group *g)
{
	if (of(g)->timed && tpi_timer_remove(&of(g)->timer)) {
		tpi_scope_let_go(g);
	}
}

/* false: the calling task has been asked to stop. */
static bool
add_parent(struct group *group)
{
	struct tpi_run *run = tpi_thread_self.run;

	return run == NULL || run->shield > 0 ||
	       tpi_handler_add(&group->parent, parent_was_stopped);
}

enum tpar_err
tpar_group_open(tpar_group **g, const struct tpar_group_config *config)
{
	struct tpar_group_config defaults = TPAR_GROUP_CONFIG_INIT;
	struct group *group;
	enum tpar_err err;

	config = config != NULL ? config : &defaults;
	err = check_config(g, config);
	if (err != TPAR_OK) {
		return err;
	}
	group = make();
	if (group == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_audit_named(&group->scope, TPI_AUDIT_GROUP, config->name,
			config != &defaults ? config->site : NULL);
	group->pool = config->pool;
	err = tpi_pool_resolve(&group->pool);
	if (err == TPAR_OK) {
		err = set_deadline(group, config->deadline_ns);
	}
	if (err == TPAR_OK && !config->detached && !add_parent(group)) {
		end_timer(&group->scope);
		err = tpi_err_plain(TPAR_ESTOPPED);
	}
	if (err != TPAR_OK) {
		tpi_scope_let_go(&group->scope);
		return err;
	}
	*g = &group->scope;
	return TPAR_OK;
}

enum tpar_err
tpar_group_submit(tpar_group *g, const struct tpar_task *task,
		  tpar_future **future)
{
	struct tpar_task child;

	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_submit()");
	if (g == NULL || task == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       g == NULL ? "g" : "task");
	}
	if (task->size != sizeof *task) {
		return tpar_submit_task(NULL, task, future); /* says so */
	}
	child = *task;
	child.group = g;
	return tpar_submit_task(of(g)->pool, &child, future);
}

enum tpar_err
tpar_group_run_at(tpar_group *g, tpar_task_fn fn, void *arg, const char *site)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.site = site;
	task.fn = fn;
	task.arg = arg;
	return tpar_group_submit(g, &task, NULL);
}

enum tpar_err
tpar_group_cancel(tpar_group *g, const char *reason)
{
	enum tpar_err err;

	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_cancel()");
	if (g == NULL) {
		return tpi_err(TPAR_EINVAL, "g is NULL");
	}
	if (tpi_scope_is_lost(g)) {
		return tpi_err_plain(TPAR_EALREADY);
	}
	err = tpi_scope_cancel(g, TPI_SCOPE_CANCELLED, reason);
	return err == TPAR_OK ? err : tpi_err_plain(err);
}

enum tpar_err
tpar_group_fail(tpar_group *g, int code, const char *fmt, ...)
{
	char text[TPI_SCOPE_TEXT_MAX] = "";
	enum tpar_err err;
	va_list args;

	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_fail()");
	if (g == NULL) {
		return tpi_err(TPAR_EINVAL, "g is NULL");
	}
	if (tpi_scope_is_lost(g)) {
		return tpi_err_plain(TPAR_EALREADY);
	}
	if (fmt != NULL) {
		va_start(args, fmt);
		tpi_format(text, sizeof text, fmt, args);
		va_end(args);
	}
	err = tpi_scope_fail_body(g, code != 0 ? code : TPAR_EFAILED, text);
	return err == TPAR_OK ? err : tpi_err_plain(err);
}

bool
tpar_group_cancelled(const tpar_group *g)
{
	struct tpar_group *scope = (struct tpar_group *)(uintptr_t)g;

	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_cancelled()");
	return tpi_scope_is_lost(g) || tpi_load_relaxed(&scope->stopped) != 0;
}

/*
 * All have ended, and those who ended them are about to say so; a task is woken
 * for newcomers, too, one outside has nothing to do with them.
 */
static void
await_enders(struct tpar_group *g, bool outside)
{
	struct tpi_parker *parker = tpi_thread_parker();

	tpi_lock_enter(&g->lock);
	g->closer = parker;
	tpi_lock_leave(&g->lock);
	tpi_wait_until(outside ? tpi_scope_all_off : tpi_scope_all_off_or_more,
		       g, parker);
}

/* Some of the children, held, and memory for them. */
struct chunk {
	struct tpar_future **f;
	size_t n;
	struct tpar_future *few[CHUNK];
};

static void
release_chunk(void *arg)
{
	struct chunk *chunk = arg;

	while (chunk->n > 0) {
		tpi_future_release(chunk->f[--chunk->n]);
	}
	if (chunk->f != chunk->few) {
		free((void *)chunk->f);
	}
}

/* These, once.  As of any wait. */
static enum tpar_err
await_chunk(struct tpar_group *g, struct chunk *chunk)
{
	struct tpi_frame frame;
	enum tpar_err err;

	tpi_frame_init(&frame, TPI_WAIT_SETTLED, chunk->f, chunk->n);
	frame.group = g;
	err = tpi_wait_frame(&frame, TPAR_FOREVER, NULL, 0);
	if (err == TPAR_EDEADLK) {
		tpi_scope_give_up(g, chunk->f, chunk->n);
	}
	return err;
}

/*
 * All of them if there is memory for that, so that a cycle through any is seen.
 * Returns how many there were.
 */
static size_t
await_some(struct tpar_group *g, enum tpar_err *err)
{
	size_t n = tpi_scope_running(g);
	struct chunk chunk;

	chunk.f = n > CHUNK ? calloc(n, sizeof(struct tpar_future *)) : NULL;
	if (chunk.f == NULL) {
		chunk.f = chunk.few;
		n = CHUNK;
	}
	chunk.n = n = tpi_scope_some(g, chunk.f, n);
	pthread_cleanup_push(release_chunk, &chunk);
	if (n > 0) {
		*err = await_chunk(g, &chunk);
	}
	pthread_cleanup_pop(1);
	return n;
}

/*
 * Waits until all have ended, but for those that lead back here.  TPAR_EDEADLK:
 * there were such.
 */
static enum tpar_err
close_group(struct tpar_group *g)
{
	bool outside = tpi_thread_self.run == NULL;
	enum tpar_err all = TPAR_OK;

	/* A child that is run here may call pthread_exit(). */
	pthread_cleanup_push(tpi_scope_abandon_close, g);
	/* ENDS: each child is waited for once. */
	while (!tpi_scope_end_close(g)) {
		enum tpar_err err = TPAR_OK;

		if (outside || await_some(g, &err) == 0) {
			await_enders(g, outside);
		} else if (err == TPAR_EDEADLK && all != TPAR_EDEADLK) {
			/* What runs here meanwhile may err, too. */
			free(of(g)->cycle);
			of(g)->cycle = strdup(tpar_error_detail());
		}
		if (err != TPAR_OK && all != TPAR_EDEADLK) {
			all = err;
		}
	}
	pthread_cleanup_pop(0);
	end_timer(g);
	tpi_handler_remove(&of(g)->parent);
	if (all == TPAR_EDEADLK && of(g)->cycle != NULL) {
		(void)tpi_err(all, "%s", of(g)->cycle);
	}
	return all;
}

static void
fill_body(struct tpar_failure *to, struct tpar_group *g)
{
	memset(to, 0, sizeof *to);
	to->index = SIZE_MAX;
	to->state = TPAR_FAILED;
	to->code = g->body_code;
	tpi_copy_text(to->message, sizeof to->message,
		      g->body_text[0] != '\0' ? g->body_text
					      : "the group's body failed");
}

/* In order of time. */
static size_t
report(struct tpar_group *g, struct tpar_failure *failures, size_t capacity)
{
	struct tpar_future *f;
	size_t total;
	size_t i;

	/* Those that were given up may still fail. */
	tpi_lock_enter(&g->lock);
	f = g->failed.first;
	total = g->failures + (g->body_failed ? 1 : 0);
	for (i = 0; i < total && i < capacity; i++) {
		if (g->body_failed && i == g->body_after) {
			fill_body(&failures[i], g);
		} else {
			tpi_failure_of_child(&failures[i], f);
			f = tpi_future_ext(f)->next_failed;
		}
	}
	tpi_lock_leave(&g->lock);
	return total;
}

/* What a closed group says. */
static enum tpar_err
result(struct tpar_group *g, enum tpar_err err)
{
	struct tpar_failure first;

	if (err == TPAR_EDEADLK && tpi_scope_running(g) > 0) {
		return err; /* they go on without us */
	}
	if (g->not_done == 0 && !g->body_failed) {
		return TPAR_OK;
	}
	switch (g->cause) {
	case TPI_SCOPE_FAILED:
		(void)report(g, &first, 1);
		return tpi_err(TPAR_EFAILED, "%s", first.message);
	case TPI_SCOPE_CANCELLED:
		return tpi_err(TPAR_ECANCELED, "%s", tpi_scope_text(g));
	case TPI_SCOPE_TIMED_OUT:
		return tpi_err_plain(TPAR_ETIMEDOUT);
	case TPI_SCOPE_STOPPED:
		return tpi_err_plain(TPAR_ESTOPPED);
	default:
		return err;
	}
}

enum tpar_err
tpar_group_close(tpar_group *g, struct tpar_failure *failures, size_t capacity,
		 size_t *count)
{
	enum tpar_err err;
	size_t total;

	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_close()");
	if (g == NULL || (failures == NULL && capacity > 0)) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       g == NULL ? "g" : "failures");
	}
	if (tpi_scope_is_lost(g)) {
		if (count != NULL) {
			*count = 0;
		}
		return tpi_err(TPAR_ECANCELED, "the group was lost in a fork");
	}
	if (tpi_scope_is_callers(g)) {
		return tpi_err(TPAR_EDEADLK,
			       "a child cannot wait for its own group");
	}
	if (!tpi_scope_begin_close(g)) {
		return tpi_err(TPAR_ECLOSED, "the group has been closed");
	}
	err = close_group(g);
	total = report(g, failures, capacity);
	err = result(g, err);
	if (count != NULL) {
		*count = total;
	}
	return err;
}

void
tpar_group_destroy(tpar_group *g)
{
	tpi_audit_object(g, TPI_AUDIT_GROUP, "tpar_group_destroy()");
	if (g == NULL || tpi_scope_is_lost(g)) {
		return; /* what is lost is not touched again */
	}
	if (!tpi_scope_is_callers(g) && tpi_scope_begin_close(g)) {
		(void)close_group(g);
	}
	tpi_handler_remove(&of(g)->parent);
	tpi_scope_let_go(g);
}
