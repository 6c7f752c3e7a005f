/* SPDX-License-Identifier: MIT */
/*
 * window.c - a ring of futures, all children of one group.
 *
 * The group does what is hard: the first failure, the cancel, the deadline, the
 * parent.  The ring keeps the order: items taken .. put - 1 stand in it.  One
 * thread at a time submits (`putting`), one takes (`taking`); neither holds the
 * lock while it submits or waits.
 */
#include "config.h"

#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "future.h"
#include "lock.h"
#include "parker.h"
#include "pool.h"
#include "scope.h"
#include "thread.h"
#include "wait.h"
#include "window.h"

#include <taskpar/group.h>
#include <taskpar/window.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Looks before sleeping: some 5 us, about what a wake costs. */
#define LOOKS 20

#define WIDTH_MAX ((size_t)1 << 24)
#define VALUE_SIZE_MAX ((size_t)1 << 30)

void
tpi_window_wake_locked(struct tpar_window *w)
{
	struct tpi_watch *watch;

	for (watch = w->waiting; watch != NULL; watch = watch->next) {
		if (watch->parker != NULL) {
			tpi_parker_wake(watch->parker);
		}
	}
}

/* A cause was elected for the group, whose lock is held. */
static void
group_has_stopped(void *arg)
{
	struct tpar_window *w = arg;

	tpi_lock_enter(&w->lock);
	tpi_window_wake_locked(w);
	tpi_lock_leave(&w->lock);
}

enum tpar_err
tpi_window_refuse_lost(void)
{
	return tpi_err(TPAR_ECLOSED,
		       "this is the child of a fork, the window its parent's");
}

void
tpi_window_linger(struct tpar_window *w, bool (*is_met)(struct tpar_window *w))
{
	unsigned i;

	if (tpi_thread_self.worker != NULL) {
		return;
	}
	for (i = 0; i < LOOKS && !is_met(w) && !tpar_group_cancelled(w->group);
	     i++) {
		tpi_yield();
	}
}

static bool
has_changed(void *arg)
{
	struct tpi_window_change *change = arg;
	struct tpar_window *w = change->w;
	bool changed;

	tpi_lock_enter(&w->lock);
	changed = tpi_load_relaxed(&w->taken) != change->taken ||
		  change->is_met(w);
	tpi_lock_leave(&w->lock);
	return changed || tpar_group_cancelled(w->group);
}

/* A thread that waits for a change. */
struct waiter {
	struct tpi_watch watch;
	struct tpar_window *w;
};

/* Also if the item that it has run meanwhile has called pthread_exit(). */
static void
stop_waiting(void *arg)
{
	struct waiter *waiter = arg;

	tpi_lock_enter(&waiter->w->lock);
	tpi_watch_remove_locked(&waiter->watch);
	tpi_lock_leave(&waiter->w->lock);
}

enum tpar_err
tpi_window_await(struct tpi_window_change *change, tpar_future *f,
		 int64_t deadline_ns)
{
	struct waiter waiter = { .watch = { .parker = tpi_thread_parker() },
				 .w = change->w };
	enum tpar_err err;

	if (deadline_ns < 0) {
		return tpi_err_plain(TPAR_ETIMEDOUT);
	}
	tpi_lock_enter(&waiter.w->lock);
	tpi_watch_add_locked(&waiter.w->waiting, &waiter.watch);
	tpi_lock_leave(&waiter.w->lock);
	pthread_cleanup_push(stop_waiting, &waiter);
	err = tpi_wait_among(&f, f != NULL ? 1 : 0, has_changed, change,
			     waiter.watch.parker, deadline_ns);
	pthread_cleanup_pop(1);
	return err;
}

static enum tpar_err
check_config(tpar_window **w, const struct tpar_window_config *config)
{
	if (w == NULL || config == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       w == NULL ? "w" : "config");
	}
	if (config->size != sizeof *config) {
		return tpi_err(TPAR_EINVAL,
			       "config.size is %zu, not %zu: begin with "
			       "TPAR_WINDOW_CONFIG_INIT",
			       config->size, sizeof *config);
	}
	if (config->width == 0 || config->width > WIDTH_MAX) {
		return tpi_err(TPAR_EINVAL,
			       "config.width is %zu, not in 1..%zu",
			       config->width, WIDTH_MAX);
	}
	if (config->value_size > VALUE_SIZE_MAX) {
		return tpi_err(TPAR_EINVAL, "config.value_size is %zu",
			       config->value_size);
	}
	return TPAR_OK;
}

enum tpar_err
tpar_window_open(tpar_window **out, const struct tpar_window_config *config)
{
	struct tpar_group_config scope = TPAR_GROUP_CONFIG_INIT;
	enum tpar_err err = check_config(out, config);
	struct tpar_window *w;

	if (err != TPAR_OK) {
		return err;
	}
	w = calloc(1, sizeof *w + config->width * sizeof w->ring[0]);
	if (w == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	if (tpi_lock_init(&w->lock, TPI_RANK_WINDOW) != 0) {
		free(w);
		return tpi_err_plain(TPAR_ENOMEM);
	}
	scope.site = config->site;
	scope.pool = config->pool;
	scope.deadline_ns = config->deadline_ns;
	scope.name = config->name;
	err = tpar_group_open(&w->group, &scope);
	if (err != TPAR_OK) {
		tpi_lock_fini(&w->lock);
		free(w);
		return err;
	}
	w->width = config->width;
	w->value_size = config->value_size;
	tpi_audit_made(w, TPI_AUDIT_WINDOW, config->name, config->site);
	tpi_scope_notify(w->group, group_has_stopped, w);
	*out = w;
	return TPAR_OK;
}

static bool
may_put(struct tpar_window *w)
{
	return tpi_load_relaxed(&w->ended) ||
	       (!tpi_load_relaxed(&w->putting) &&
		tpi_window_in_between(w) < w->width);
}

/*
 * The oldest item, held: a worker that waits for room may have to run it.
 * NULL: none.
 */
static tpar_future *
hold_oldest_locked(struct tpar_window *w)
{
	tpar_future *oldest = NULL;

	if (tpi_thread_self.worker != NULL && tpi_window_in_between(w) > 0) {
		oldest = w->ring[tpi_load_relaxed(&w->taken) % w->width];
		tpi_future_retain(oldest);
	}
	return oldest;
}

static void
release_oldest(void *f)
{
	if (f != NULL) {
		tpi_future_release(f);
	}
}

/* Waits until there may be room; TPAR_ECLOSED: there will be none. */
static enum tpar_err
await_room(struct tpar_window *w, int64_t deadline_ns)
{
	struct tpi_window_change change = { w, may_put, 0 };
	enum tpar_err err = TPAR_OK;
	tpar_future *oldest;

	if (deadline_ns >= 0) {
		tpi_window_linger(w, may_put);
	}
	tpi_lock_enter(&w->lock);
	change.taken = tpi_load_relaxed(&w->taken);
	oldest = hold_oldest_locked(w);
	tpi_lock_leave(&w->lock);
	pthread_cleanup_push(release_oldest, oldest);
	if (tpar_group_cancelled(w->group)) {
		err = TPAR_ECLOSED;
	} else if (!may_put(w)) {
		err = tpi_window_await(&change, oldest, deadline_ns);
	}
	pthread_cleanup_pop(1);
	return err;
}

/* Becomes the one who puts, once there is room. */
static enum tpar_err
begin_put(struct tpar_window *w, int64_t deadline_ns)
{
	enum tpar_err err = TPAR_OK;
	bool mine = false;
	bool ended;

	/* ENDS: a take makes room, the window fails, or the deadline comes. */
	while (!mine && err == TPAR_OK) {
		tpi_lock_enter(&w->lock);
		ended = tpi_load_relaxed(&w->ended);
		mine = !ended && may_put(w);
		if (mine) {
			tpi_store_relaxed(&w->putting, true);
		}
		tpi_lock_leave(&w->lock);
		if (!mine) {
			err = ended ? TPAR_ECLOSED : await_room(w, deadline_ns);
		}
	}
	return err;
}

static enum tpar_err
check_item(struct tpar_window *w, const struct tpar_task *task)
{
	tpi_audit_object(w, TPI_AUDIT_WINDOW, "tpar_window_put()");
	if (w == NULL || task == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       w == NULL ? "w" : "task");
	}
	if (tpi_scope_is_lost(w->group)) {
		return tpi_window_refuse_lost();
	}
	if (tpi_scope_is_callers(w->group)) {
		return tpi_err(TPAR_EDEADLK,
			       "an item cannot put into its own window");
	}
	if (task->size == sizeof *task && task->group != NULL) {
		return tpi_err(TPAR_EINVAL, "task.group is not NULL");
	}
	if (task->size == sizeof *task && task->value_size != w->value_size) {
		return tpi_err(TPAR_EINVAL,
			       "task.value_size is %zu, the window's %zu",
			       task->value_size, w->value_size);
	}
	return TPAR_OK;
}

enum tpar_err
tpar_window_put(tpar_window *w, const struct tpar_task *task,
		int64_t deadline_ns)
{
	enum tpar_err err = check_item(w, task);
	tpar_future *f;

	if (err != TPAR_OK) {
		return err;
	}
	err = begin_put(w, deadline_ns);
	if (err == TPAR_ETIMEDOUT && deadline_ns < 0) {
		return tpi_err(TPAR_EAGAIN, "the window is full");
	}
	if (err != TPAR_OK) {
		return err == TPAR_ECLOSED
			       ? tpi_err(err, "the window takes no more items")
			       : err;
	}
	err = tpar_group_submit(w->group, task, &f);
	tpi_lock_enter(&w->lock);
	tpi_store_relaxed(&w->putting, false);
	if (err == TPAR_OK) {
		uint64_t put = tpi_load_relaxed(&w->put);

		w->ring[put % w->width] = f;
		tpi_store_relaxed(&w->put, put + 1);
	}
	tpi_window_wake_locked(w);
	tpi_lock_leave(&w->lock);
	return err;
}

enum tpar_err
tpar_window_end(tpar_window *w)
{
	tpi_audit_object(w, TPI_AUDIT_WINDOW, "tpar_window_end()");
	if (w == NULL) {
		return tpi_err(TPAR_EINVAL, "w is NULL");
	}
	if (tpi_scope_is_lost(w->group)) {
		return TPAR_OK;
	}
	tpi_lock_enter(&w->lock);
	tpi_store_relaxed(&w->ended, true);
	tpi_window_wake_locked(w);
	tpi_lock_leave(&w->lock);
	return TPAR_OK;
}

enum tpar_err
tpar_window_cancel(tpar_window *w, const char *reason)
{
	tpi_audit_object(w, TPI_AUDIT_WINDOW, "tpar_window_cancel()");
	if (w == NULL) {
		return tpi_err(TPAR_EINVAL, "w is NULL");
	}
	if (!tpi_scope_is_lost(w->group)) {
		(void)tpar_group_cancel(w->group, reason);
	}
	return TPAR_OK;
}

void
tpar_window_close(tpar_window *w)
{
	size_t i;

	tpi_audit_object(w, TPI_AUDIT_WINDOW, "tpar_window_close()");
	if (w == NULL) {
		return;
	}
	if (!tpi_scope_is_lost(w->group)) {
		(void)tpar_group_cancel(w->group, "the window was closed");
		tpi_scope_notify(w->group, NULL, NULL);
		tpar_group_destroy(w->group);
		tpi_lock_fini(&w->lock);
	}
	for (i = 0; i < w->width; i++) {
		tpar_future_unref(w->ring[i]);
	}
	tpi_audit_gone(w, TPI_AUDIT_WINDOW);
	free(w);
}
