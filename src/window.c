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

#include "cancel.h"
#include "err.h"
#include "failure.h"
#include "future.h"
#include "lock.h"
#include "parker.h"
#include "pool.h"
#include "scope.h"
#include "thread.h"
#include "wait.h"

#include <taskpar/group.h>
#include <taskpar/window.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX ((size_t)1 << 24)
#define VALUE_SIZE_MAX ((size_t)1 << 30)

struct tpar_window {
	struct tpi_lock lock;
	tpar_group *group;	   /* [c] */
	size_t width;		   /* [c] */
	size_t value_size;	   /* [c] */
	uint64_t put;		   /* [m:lock] items ever accepted */
	uint64_t taken;		   /* [m:lock] */
	bool putting;		   /* [m:lock] */
	bool taking;		   /* [m:lock] */
	bool ended;		   /* [m:lock] no more input */
	struct tpi_watch *waiting; /* [m:lock] for any of these to change */
	enum tpar_err err;	   /* [taker] why it is over, or TPAR_OK */
	struct tpar_failure why;   /* [taker] */
	tpar_future *ring[];	   /* [m:lock] handles */
};

static void
wake_all_locked(struct tpar_window *w)
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
	wake_all_locked(w);
	tpi_lock_leave(&w->lock);
}

/* In the child of a fork: its items and its locks are its parent's. */
static enum tpar_err
refuse_lost(void)
{
	return tpi_err(TPAR_ECLOSED,
		       "this is the child of a fork, the window its parent's");
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
	tpi_scope_notify(w->group, group_has_stopped, w);
	*out = w;
	return TPAR_OK;
}

/* What a put or a take waits for: that something has changed. */
struct change {
	struct tpar_window *w;
	bool (*met_locked)(struct tpar_window *w);
	uint64_t taken; /* as the waiter knows it */
};

static bool
has_changed(void *arg)
{
	struct change *change = arg;
	struct tpar_window *w = change->w;
	bool changed;

	tpi_lock_enter(&w->lock);
	changed = w->taken != change->taken || change->met_locked(w);
	tpi_lock_leave(&w->lock);
	return changed || tpar_group_cancelled(w->group);
}

/* A thread that waits for a change. */
struct waiter {
	struct tpi_watch watch;
	struct tpar_window *w;
};

static void
stop_waiting(void *arg)
{
	struct waiter *waiter = arg;

	tpi_lock_enter(&waiter->w->lock);
	tpi_watch_remove_locked(&waiter->watch);
	tpi_lock_leave(&waiter->w->lock);
}

/* Sleeps until that; `f`, held, is run if threads are used up, NULL: nothing. */
static enum tpar_err
await_change(struct change *change, tpar_future *f, int64_t deadline_ns)
{
	struct tpar_window *w = change->w;
	struct waiter waiter = { .watch = { .parker = tpi_thread_parker() },
				 .w = w };
	enum tpar_err err;

	if (deadline_ns < 0) {
		return tpi_err_plain(TPAR_ETIMEDOUT);
	}
	tpi_lock_enter(&w->lock);
	tpi_watch_add_locked(&w->waiting, &waiter.watch);
	tpi_lock_leave(&w->lock);
	pthread_cleanup_push(stop_waiting, &waiter);
	err = tpi_wait_among(&f, f != NULL ? 1 : 0, has_changed, change,
			     waiter.watch.parker, deadline_ns);
	pthread_cleanup_pop(1);
	return err;
}

static bool
may_put_locked(struct tpar_window *w)
{
	return w->ended || (!w->putting && w->put - w->taken < w->width);
}

static void
let_go_oldest(void *f)
{
	tpar_future_unref(f);
}

/* Becomes the one who puts, once there is room. */
static enum tpar_err
begin_put(struct tpar_window *w, int64_t deadline_ns)
{
	struct change change = { w, may_put_locked, 0 };
	enum tpar_err err = TPAR_OK;
	tpar_future *oldest;
	bool mine;

	/* ENDS: a take makes room, the window fails, or the deadline comes. */
	for (;;) {
		oldest = NULL;
		tpi_lock_enter(&w->lock);
		mine = !w->ended && may_put_locked(w);
		w->putting |= mine;
		change.taken = w->taken;
		if (!mine && w->put > w->taken) {
			oldest = tpar_future_ref(w->ring[w->taken % w->width]);
		}
		err = w->ended ? TPAR_ECLOSED : TPAR_OK;
		tpi_lock_leave(&w->lock);
		if (!mine && err == TPAR_OK && tpar_group_cancelled(w->group)) {
			err = TPAR_ECLOSED;
		}
		pthread_cleanup_push(let_go_oldest, oldest);
		if (!mine && err == TPAR_OK) {
			err = await_change(&change, oldest, deadline_ns);
		}
		pthread_cleanup_pop(1);
		if (mine || err != TPAR_OK) {
			return err;
		}
	}
}

static enum tpar_err
check_item(struct tpar_window *w, const struct tpar_task *task)
{
	if (w == NULL || task == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       w == NULL ? "w" : "task");
	}
	if (tpi_scope_is_lost(w->group)) {
		return refuse_lost();
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
	w->putting = false;
	if (err == TPAR_OK) {
		w->ring[w->put++ % w->width] = f;
	}
	wake_all_locked(w);
	tpi_lock_leave(&w->lock);
	return err;
}

enum tpar_err
tpar_window_end(tpar_window *w)
{
	if (w == NULL) {
		return tpi_err(TPAR_EINVAL, "w is NULL");
	}
	if (tpi_scope_is_lost(w->group)) {
		return TPAR_OK;
	}
	tpi_lock_enter(&w->lock);
	w->ended = true;
	wake_all_locked(w);
	tpi_lock_leave(&w->lock);
	return TPAR_OK;
}

static bool
may_take_locked(struct tpar_window *w)
{
	return w->put > w->taken || (w->ended && !w->putting);
}

/* The next item, a handle of the ring's; TPAR_EEND: there will be none. */
static enum tpar_err
await_next(struct tpar_window *w, int64_t deadline_ns, tpar_future **next)
{
	struct change change = { w, may_take_locked, 0 };
	enum tpar_err err = TPAR_OK;

	*next = NULL;
	/* ENDS: an item is put, the input ends, it fails, or the deadline. */
	while (*next == NULL && err == TPAR_OK &&
	       !tpar_group_cancelled(w->group)) {
		bool met;

		tpi_lock_enter(&w->lock);
		change.taken = w->taken;
		met = may_take_locked(w);
		if (w->put > w->taken) {
			*next = w->ring[w->taken % w->width];
		}
		tpi_lock_leave(&w->lock);
		if (*next == NULL) {
			err = met ? TPAR_EEND
				  : await_change(&change, NULL, deadline_ns);
		}
	}
	return err;
}

/* Its group is closed: why, although all that was accepted is done. */
static enum tpar_err
cause_of(struct tpar_window *w)
{
	switch (w->group->cause) {
	case TPI_SCOPE_TIMED_OUT:
		return tpi_err_plain(TPAR_ETIMEDOUT);
	case TPI_SCOPE_STOPPED:
		return tpi_err_plain(TPAR_ESTOPPED);
	default:
		return tpi_err(TPAR_ECANCELED, "%s", tpi_scope_text(w->group));
	}
}

/* All have ended, and so the window: says why, now and later. */
static enum tpar_err
fail(struct tpar_window *w)
{
	size_t count = 0;

	if (w->err == TPAR_OK) {
		w->err = tpar_group_close(w->group, &w->why, 1, &count);
		if (w->err == TPAR_OK) {
			w->err = cause_of(w);
		}
		if (count == 0 || w->err != TPAR_EFAILED) {
			tpi_failure_of_call(&w->why, w->err);
			w->why.state = TPAR_CANCELLED;
		}
	}
	return tpi_err(w->err, "%s", w->why.message);
}

/* The item is the caller's; its value, too. */
static enum tpar_err
move_out(struct tpar_window *w, tpar_future *f, void *value)
{
	enum tpar_err err = TPAR_OK;

	if (value != NULL && w->value_size > 0) {
		err = tpar_future_take(f, value);
	}
	tpi_lock_enter(&w->lock);
	w->ring[w->taken++ % w->width] = NULL;
	wake_all_locked(w);
	tpi_lock_leave(&w->lock);
	tpar_future_unref(f);
	return err;
}

/*
 * The next item, f, is cancelled, if not with all others then by itself: there
 * is no value, and no way round it.
 */
static enum tpar_err
fail_for(struct tpar_window *w, tpar_future *f)
{
	char text[TPAR_MESSAGE_MAX];

	tpi_failure_text(f, (size_t)w->taken, text, sizeof text);
	(void)tpi_scope_cancel(w->group, TPI_SCOPE_CANCELLED, text);
	(void)fail(w);
	if (strcmp(text, w->group->text) == 0) { /* that is the cause */
		w->why.index = (size_t)w->taken;
	}
	return w->err;
}

static enum tpar_err
take(struct tpar_window *w, void *value, int64_t deadline_ns)
{
	enum tpar_err err;
	tpar_future *f = NULL;

	err = w->err == TPAR_OK ? await_next(w, deadline_ns, &f) : TPAR_OK;
	if (err == TPAR_EEND) {
		return tpi_err_plain(TPAR_EEND);
	}
	if (err != TPAR_OK) {
		return err;
	}
	if (w->err != TPAR_OK || tpar_group_cancelled(w->group)) {
		return fail(w);
	}
	err = tpar_future_wait(f, deadline_ns);
	switch (err) {
	case TPAR_OK:
		return tpar_group_cancelled(w->group) ? fail(w)
						      : move_out(w, f, value);
	case TPAR_ECANCELED:
		return fail_for(w, f);
	case TPAR_EFAILED:
		return fail(w);
	default:
		return err;
	}
}

static bool
begin_take(struct tpar_window *w)
{
	bool mine;

	tpi_lock_enter(&w->lock);
	mine = !w->taking;
	w->taking = true;
	tpi_lock_leave(&w->lock);
	return mine;
}

enum tpar_err
tpar_window_take(tpar_window *w, void *value, int64_t deadline_ns,
		 struct tpar_failure *why)
{
	enum tpar_err err = TPAR_OK;

	if (w == NULL) {
		err = tpi_err(TPAR_EINVAL, "w is NULL");
	} else if (tpi_scope_is_lost(w->group)) {
		err = refuse_lost();
	} else if (tpi_scope_is_callers(w->group)) {
		err = tpi_err(TPAR_EDEADLK,
			      "an item cannot wait for its own window");
	} else if (!begin_take(w)) {
		err = tpi_err(TPAR_EBUSY, "another thread takes");
	}
	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
		return err;
	}
	err = take(w, value, deadline_ns);
	if (err != TPAR_OK && why != NULL) {
		if (w->err != TPAR_OK) {
			*why = w->why;
		} else {
			tpi_failure_of_call(why, err);
		}
	}
	tpi_lock_enter(&w->lock);
	w->taking = false;
	tpi_lock_leave(&w->lock);
	return err;
}

enum tpar_err
tpar_window_cancel(tpar_window *w, const char *reason)
{
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
	free(w);
}
