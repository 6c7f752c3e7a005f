/* SPDX-License-Identifier: MIT */
/*
 * windowtake.c - taking values out of a window, in order; and its failure, which
 * is found and told here.
 */
#include "config.h"

#include "audit.h"
#include "die.h"
#include "err.h"
#include "failure.h"
#include "scope.h"
#include "window.h"

#include <taskpar/group.h>

#include <pthread.h>
#include <string.h>

static bool
may_take(struct tpar_window *w)
{
	return tpi_window_in_between(w) > 0 ||
	       (tpi_load_relaxed(&w->ended) && !tpi_load_relaxed(&w->putting));
}

static tpar_future *
next_locked(struct tpar_window *w)
{
	return tpi_window_in_between(w) > 0
		       ? w->ring[tpi_load_relaxed(&w->taken) % w->width]
		       : NULL;
}

/* Waits for the next item, if there is none yet; TPAR_EEND: there will be none. */
static enum tpar_err
await_next(struct tpar_window *w, int64_t deadline_ns)
{
	struct tpi_window_change change = { w, may_take,
					    tpi_load_relaxed(&w->taken) };
	enum tpar_err err = TPAR_OK;

	/* ENDS: an item is put, the input ends, it fails, or the deadline. */
	while (w->next == NULL && err == TPAR_OK &&
	       !tpar_group_cancelled(w->group)) {
		bool met;

		if (deadline_ns >= 0) {
			tpi_window_linger(w, may_take);
		}
		tpi_lock_enter(&w->lock);
		met = may_take(w);
		w->next = next_locked(w);
		tpi_lock_leave(&w->lock);
		if (w->next == NULL) {
			err = met ? tpi_err_plain(TPAR_EEND)
				  : tpi_window_await(&change, NULL,
						     deadline_ns);
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

/* The next item has a value: it is the caller's, and another one may take. */
static void
move_out(struct tpar_window *w, void *value)
{
	uint64_t taken = tpi_load_relaxed(&w->taken);
	tpar_future *f = w->next;
	bool moved = value == NULL || w->value_size == 0 ||
		     tpar_future_take(f, value) == TPAR_OK;

	TPI_ASSERT(moved);
	(void)moved;
	tpi_lock_enter(&w->lock);
	w->ring[taken % w->width] = NULL;
	tpi_store_relaxed(&w->taken, taken + 1);
	w->taking = false;
	tpi_window_wake_locked(w);
	tpi_lock_leave(&w->lock);
	tpar_future_unref(f);
}

/*
 * The next item is cancelled, if not with all others then by itself: there
 * is no value, and no way round it.
 */
static enum tpar_err
fail_for_next(struct tpar_window *w)
{
	size_t index = (size_t)tpi_load_relaxed(&w->taken);
	char text[TPAR_MESSAGE_MAX];

	tpi_failure_text(w->next, index, text, sizeof text);
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

/* TPAR_OK: the next item has a value. */
static enum tpar_err
await_value(struct tpar_window *w, int64_t deadline_ns)
{
	enum tpar_err err = TPAR_OK;

	if (w->err == TPAR_OK) {
		err = await_next(w, deadline_ns);
	}
	if (err != TPAR_OK) {
		return err;
	}
	if (w->err != TPAR_OK || tpar_group_cancelled(w->group)) {
		return fail(w);
	}
	if (deadline_ns >= 0) {
		tpi_window_linger(w, next_has_ended);
	}
	err = tpar_future_wait(w->next, deadline_ns);
	switch (err) {
	case TPAR_OK:
		return tpar_group_cancelled(w->group) ? fail(w) : TPAR_OK;
	case TPAR_ECANCELED:
		return fail_for_next(w);
	case TPAR_EFAILED:
		return fail(w);
	default:
		return err;
	}
}

/* Becomes the one who takes. */
static enum tpar_err
begin_take(struct tpar_window *w)
{
	bool mine;

	tpi_audit_object(w, TPI_AUDIT_WINDOW, "tpar_window_take()");
	if (tpi_scope_is_lost(w->group)) {
		return tpi_window_refuse_lost();
	}
	if (tpi_scope_is_callers(w->group)) {
		return tpi_err(TPAR_EDEADLK,
			       "an item cannot wait for its own window");
	}
	tpi_lock_enter(&w->lock);
	mine = !w->taking;
	if (mine) {
		w->taking = true;
		w->next = next_locked(w);
	}
	tpi_lock_leave(&w->lock);
	return mine ? TPAR_OK : tpi_err(TPAR_EBUSY, "another thread takes");
}

/* Also if the item that it has run meanwhile has called pthread_exit(). */
static void
stop_taking(void *arg)
{
	struct tpar_window *w = arg;

	tpi_lock_enter(&w->lock);
	w->taking = false;
	tpi_lock_leave(&w->lock);
}

enum tpar_err
tpar_window_take(tpar_window *w, void *value, int64_t deadline_ns,
		 struct tpar_failure *why)
{
	enum tpar_err err =
		w != NULL ? begin_take(w) : tpi_err(TPAR_EINVAL, "w is NULL");

	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
		return err;
	}
	pthread_cleanup_push(stop_taking, w);
	err = await_value(w, deadline_ns);
	pthread_cleanup_pop(0);
	if (err == TPAR_OK) {
		move_out(w, value);
		return TPAR_OK;
	}
	if (w->err == TPAR_OK) {
		tpi_failure_of_call(why, err);
	} else if (why != NULL) {
		*why = w->why;
	}
	stop_taking(w);
	return err;
}
