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
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Looks before sleeping: some 5 us, about what a wake costs. */
#define LOOKS 20

#define WIDTH_MAX ((size_t)1 << 24)
#define VALUE_SIZE_MAX ((size_t)1 << 30)

struct tpar_window {
	struct tpi_lock lock;
	tpar_group *group;	   /* [c] */
	size_t width;		   /* [c] */
	size_t value_size;	   /* [c] */
	_Atomic uint64_t put;	   /* [m:lock] items ever accepted */
	_Atomic uint64_t taken;	   /* [m:lock] */
	_Atomic bool putting;	   /* [m:lock] */
	_Atomic bool ended;	   /* [m:lock] no more input */
	bool taking;		   /* [m:lock] */
	struct tpi_watch *waiting; /* [m:lock] for any of these to change */
	tpar_future *next;	   /* [taker] that it waits for */
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

/* Items that were accepted and not taken.  A hint without the lock. */
static size_t
in_between(struct tpar_window *w)
{
	return (size_t)(tpi_load_relaxed(&w->put) -
			tpi_load_relaxed(&w->taken));
}

static bool
may_put(struct tpar_window *w)
{
	return tpi_load_relaxed(&w->ended) ||
	       (!tpi_load_relaxed(&w->putting) && in_between(w) < w->width);
}

static bool
may_take(struct tpar_window *w)
{
	return in_between(w) > 0 ||
	       (tpi_load_relaxed(&w->ended) && !tpi_load_relaxed(&w->putting));
}

/*
 * Lets others go first for a moment.  On few CPUs those who put, run and take
 * would else put each other to sleep and wake each other for each item.  A
 * worker does not: others may need its place.
 */
static void
linger(struct tpar_window *w, bool (*is_met)(struct tpar_window *w))
{
	unsigned i;

	if (tpi_thread_self.worker != NULL) {
		return;
	}
	for (i = 0; i < LOOKS && !is_met(w) && !tpar_group_cancelled(w->group);
	     i++) {
		sched_yield();
	}
}

/* What a put or a take waits for: that something has changed. */
struct change {
	struct tpar_window *w;
	bool (*is_met)(struct tpar_window *w);
	uint64_t taken; /* as the waiter knows it */
};

static bool
has_changed(void *arg)
{
	struct change *change = arg;
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

/*
 * The oldest item, held: a worker that waits for room may have to run it.
 * NULL: none.
 */
static tpar_future *
hold_oldest_locked(struct tpar_window *w)
{
	tpar_future *oldest = NULL;

	if (tpi_thread_self.worker != NULL && in_between(w) > 0) {
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
	struct change change = { w, may_put, 0 };
	enum tpar_err err = TPAR_OK;
	tpar_future *oldest;

	if (deadline_ns >= 0) {
		linger(w, may_put);
	}
	tpi_lock_enter(&w->lock);
	change.taken = tpi_load_relaxed(&w->taken);
	oldest = hold_oldest_locked(w);
	tpi_lock_leave(&w->lock);
	pthread_cleanup_push(release_oldest, oldest);
	if (tpar_group_cancelled(w->group)) {
		err = TPAR_ECLOSED;
	} else if (!may_put(w)) {
		err = await_change(&change, oldest, deadline_ns);
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
	tpi_store_relaxed(&w->putting, false);
	if (err == TPAR_OK) {
		uint64_t put = tpi_load_relaxed(&w->put);

		w->ring[put % w->width] = f;
		tpi_store_relaxed(&w->put, put + 1);
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
	tpi_store_relaxed(&w->ended, true);
	wake_all_locked(w);
	tpi_lock_leave(&w->lock);
	return TPAR_OK;
}

/* The next item, a handle of the ring's; TPAR_EEND: there will be none. */
static enum tpar_err
await_next(struct tpar_window *w, int64_t deadline_ns, tpar_future **next)
{
	struct change change = { w, may_take, tpi_load_relaxed(&w->taken) };
	enum tpar_err err = TPAR_OK;

	*next = NULL;
	/* ENDS: an item is put, the input ends, it fails, or the deadline. */
	while (*next == NULL && err == TPAR_OK &&
	       !tpar_group_cancelled(w->group)) {
		bool met;

		if (deadline_ns >= 0) {
			linger(w, may_take);
		}
		tpi_lock_enter(&w->lock);
		met = may_take(w);
		if (in_between(w) > 0) {
			*next = w->ring[change.taken % w->width];
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
	uint64_t taken = tpi_load_relaxed(&w->taken);
	enum tpar_err err = TPAR_OK;

	if (value != NULL && w->value_size > 0) {
		err = tpar_future_take(f, value);
	}
	tpi_lock_enter(&w->lock);
	w->ring[taken % w->width] = NULL;
	tpi_store_relaxed(&w->taken, taken + 1);
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
	size_t index = (size_t)tpi_load_relaxed(&w->taken);
	char text[TPAR_MESSAGE_MAX];

	tpi_failure_text(f, index, text, sizeof text);
	(void)tpi_scope_cancel(w->group, TPI_SCOPE_CANCELLED, text);
	(void)fail(w);
	if (strcmp(text, w->group->text) == 0) { /* that is the cause */
		w->why.index = index;
	}
	return w->err;
}

static bool
next_has_ended(struct tpar_window *w)
{
	return tpi_state_peek(&w->next->state) == TPI_ENDED;
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
	w->next = f;
	if (deadline_ns >= 0) {
		linger(w, next_has_ended);
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
