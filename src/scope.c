/* SPDX-License-Identifier: MIT */
/*
 * scope.c - the children of a group, and what becomes of it.
 *
 * Everything is under the group's lock, which is held for a few steps at a
 * time and never while a future ends or is cancelled: those take it themselves.
 */
#include "config.h"

#include "audit.h"
#include "err.h"
#include "parker.h"
#include "scope.h"
#include "thread.h"

int
tpi_scope_init(struct tpar_group *group, void (*last)(struct tpar_group *group))
{
	int rc;

	group->last = last;
	group->generation = tpi_fork_generation;
	atomic_init(&group->holds, 1);
	rc = tpi_lock_init(&group->lock, TPI_RANK_GROUP);
	if (rc == 0) {
		tpi_audit_made(group, TPI_AUDIT_GROUP, NULL, NULL);
	}
	return rc;
}

void
tpi_scope_hold(struct tpar_group *group)
{
	atomic_fetch_add_explicit(&group->holds, 1, memory_order_relaxed);
}

void
tpi_scope_let_go(struct tpar_group *group)
{
	/* ORDER M2 acq_rel -- tpi_scope_let_go(): all use before it is freed. */
	if (atomic_fetch_sub_explicit(&group->holds, 1, memory_order_acq_rel) ==
	    1) {
		tpi_audit_gone(group, TPI_AUDIT_GROUP);
		group->last(group);
	}
}

static void
append_locked(struct tpi_children *list, struct tpar_future *f)
{
	struct tpi_ext *ext = tpi_future_ext(f);

	ext->next = NULL;
	ext->prev = list->last;
	if (list->last != NULL) {
		tpi_future_ext(list->last)->next = f;
	} else {
		list->first = f;
	}
	list->last = f;
}

static void
remove_locked(struct tpi_children *list, struct tpar_future *f)
{
	struct tpi_ext *ext = tpi_future_ext(f);

	if (ext->prev != NULL) {
		tpi_future_ext(ext->prev)->next = ext->next;
	} else {
		list->first = ext->next;
	}
	if (ext->next != NULL) {
		tpi_future_ext(ext->next)->prev = ext->prev;
	} else {
		list->last = ext->prev;
	}
}

bool
tpi_scope_is_callers(struct tpar_group *group)
{
	struct tpi_run *run;

	for (run = tpi_thread_run(); run != NULL; run = run->outer) {
		if ((run->task->flags & TPI_F_EXT) != 0 &&
		    tpi_future_ext(run->task)->group == group) {
			return true;
		}
	}
	return false;
}

bool
tpi_scope_enter(struct tpar_group *group, struct tpar_future *first, size_t n)
{
	struct tpi_link *link = &first->link;
	struct tpi_parker *closer = NULL;
	bool open;

	tpi_audit_object(group, TPI_AUDIT_GROUP, "a submit to a group");
	if (tpi_scope_is_lost(group)) {
		return false;
	}
	tpi_lock_enter(&group->lock);
	open = group->cause == TPI_SCOPE_NONE &&
	       (group->state == TPI_SCOPE_OPEN ||
		(group->state == TPI_SCOPE_CLOSING && group->running > 0 &&
		 tpi_thread_task() != NULL));
	if (open) {
		closer = group->closer; /* who may run them, if it is a task */
	}
	for (; open && n > 0; n--) {
		struct tpar_future *f = tpi_future_of_link(link);

		link = tpi_load_relaxed(&link->next);
		tpi_future_retain(f);
		tpi_scope_hold(group);
		tpi_future_ext(f)->index = group->submitted++;
		group->running++;
		append_locked(&group->live, f);
	}
	tpi_lock_leave(&group->lock);
	if (closer != NULL) {
		tpi_parker_wake(closer);
	}
	return open;
}

static bool
elect_locked(struct tpar_group *group, enum tpi_scope_cause cause)
{
	if (group->cause != TPI_SCOPE_NONE ||
	    group->state == TPI_SCOPE_CLOSED) {
		return false;
	}
	group->cause = cause;
	tpi_store_relaxed(&group->stopped, 1);
	if (group->notify != NULL) {
		group->notify(group->notify_arg);
	}
	return true;
}

void
tpi_scope_notify(struct tpar_group *group, void (*fn)(void *arg), void *arg)
{
	tpi_lock_enter(&group->lock);
	group->notify = fn;
	group->notify_arg = arg;
	if (fn != NULL && group->cause != TPI_SCOPE_NONE) {
		fn(arg);
	}
	tpi_lock_leave(&group->lock);
}

void
tpi_scope_child_ended(struct tpar_future *f, unsigned outcome)
{
	struct tpi_ext *ext = tpi_future_ext(f);
	struct tpar_group *group = ext->group;
	bool first = false;

	if (outcome == TPI_DONE) {
		return;
	}
	tpi_lock_enter(&group->lock);
	group->not_done++;
	if (outcome == TPI_FAILED) {
		tpi_future_retain(f);
		ext->next_failed = NULL;
		if (group->failed.last != NULL) {
			tpi_future_ext(group->failed.last)->next_failed = f;
		} else {
			group->failed.first = f;
		}
		group->failed.last = f;
		group->failures++;
		first = elect_locked(group, TPI_SCOPE_FAILED);
	}
	tpi_lock_leave(&group->lock);
	if (first) {
		tpi_cancel_group(group);
	}
}

void
tpi_scope_child_off(struct tpar_future *f)
{
	struct tpi_ext *ext = tpi_future_ext(f);
	struct tpar_group *group = ext->group;
	struct tpi_parker *closer = NULL;

	tpi_lock_enter(&group->lock);
	remove_locked(ext->swept ? &group->swept : &group->live, f);
	group->running--;
	group->given_up -= ext->given_up;
	if (group->running == group->given_up) {
		closer = group->closer;
	}
	tpi_lock_leave(&group->lock);
	if (closer != NULL) {
		tpi_parker_wake(closer);
	}
	tpi_future_release(f);
	tpi_scope_let_go(group);
}

bool
tpi_scope_elect(struct tpar_group *group, uintptr_t cause)
{
	bool first;

	tpi_lock_enter(&group->lock);
	first = elect_locked(group, (enum tpi_scope_cause)cause);
	tpi_lock_leave(&group->lock);
	return first;
}

enum tpar_err
tpi_scope_cancel(struct tpar_group *group, enum tpi_scope_cause cause,
		 const char *text)
{
	bool closed;
	bool first;

	tpi_lock_enter(&group->lock);
	closed = group->state == TPI_SCOPE_CLOSED;
	if (group->cause == TPI_SCOPE_NONE && !closed && text != NULL) {
		tpi_copy_text(group->text, sizeof group->text, text);
	}
	first = elect_locked(group, cause);
	tpi_lock_leave(&group->lock);
	if (first) {
		tpi_cancel_group(group);
	}
	return closed ? TPAR_EALREADY : TPAR_OK;
}

enum tpar_err
tpi_scope_fail_body(struct tpar_group *group, int code, const char *text)
{
	bool first = false;
	bool closed;

	tpi_lock_enter(&group->lock);
	closed = group->state == TPI_SCOPE_CLOSED;
	if (!group->body_failed && !closed) {
		group->body_failed = true;
		group->body_after = group->failures;
		group->body_code = code;
		tpi_copy_text(group->body_text, sizeof group->body_text, text);
		first = elect_locked(group, TPI_SCOPE_FAILED);
	}
	tpi_lock_leave(&group->lock);
	if (first) {
		tpi_cancel_group(group);
	}
	return closed ? TPAR_EALREADY : TPAR_OK;
}

bool
tpi_scope_begin_close(struct tpar_group *group)
{
	bool open;

	tpi_lock_enter(&group->lock);
	open = group->state == TPI_SCOPE_OPEN;
	if (open) {
		group->state = TPI_SCOPE_CLOSING;
	}
	tpi_lock_leave(&group->lock);
	return open;
}

size_t
tpi_scope_running(struct tpar_group *group)
{
	size_t running;

	tpi_lock_enter(&group->lock);
	running = group->running;
	tpi_lock_leave(&group->lock);
	return running;
}

bool
tpi_scope_all_off(void *arg)
{
	struct tpar_group *group = arg;
	bool all;

	tpi_lock_enter(&group->lock);
	all = group->running == group->given_up;
	tpi_lock_leave(&group->lock);
	return all;
}

bool
tpi_scope_all_off_or_more(void *arg)
{
	struct tpar_future *f;

	if (tpi_scope_all_off(arg)) {
		return true;
	}
	if (tpi_scope_some(arg, &f, 1) == 0) {
		return false;
	}
	tpi_future_release(f);
	return true;
}

bool
tpi_scope_end_close(struct tpar_group *group)
{
	bool all;

	tpi_lock_enter(&group->lock);
	all = group->running == group->given_up;
	if (all) {
		group->state = TPI_SCOPE_CLOSED;
		group->closer = NULL;
	}
	tpi_lock_leave(&group->lock);
	return all;
}

void
tpi_scope_abandon_close(void *arg)
{
	struct tpar_group *group = arg;

	tpi_lock_enter(&group->lock);
	group->state = TPI_SCOPE_OPEN;
	group->closer = NULL;
	tpi_lock_leave(&group->lock);
}

void
tpi_scope_give_up(struct tpar_group *group, struct tpar_future *const *f,
		  size_t n)
{
	size_t i;

	tpi_lock_enter(&group->lock);
	for (i = 0; i < n; i++) {
		/* One that has ended is just going. */
		if (tpi_state_peek(&f[i]->state) != TPI_ENDED) {
			tpi_future_ext(f[i])->given_up = true;
			group->given_up++;
		}
	}
	tpi_lock_leave(&group->lock);
}

static size_t
some_locked(struct tpi_children *list, struct tpar_future **f, size_t n)
{
	struct tpar_future *child = list->first;
	size_t k = 0;

	for (; child != NULL && k < n; child = tpi_future_ext(child)->next) {
		if (!tpi_future_ext(child)->given_up &&
		    tpi_state_peek(&child->state) != TPI_ENDED) {
			tpi_future_retain(child);
			f[k++] = child;
		}
	}
	return k;
}

size_t
tpi_scope_some(struct tpar_group *group, struct tpar_future **f, size_t n)
{
	size_t k;

	tpi_lock_enter(&group->lock);
	k = some_locked(&group->swept, f, n);
	k += some_locked(&group->live, f + k, n - k);
	tpi_lock_leave(&group->lock);
	return k;
}

struct tpar_future *
tpi_scope_next_to_stop(struct tpar_group *group)
{
	struct tpar_future *f;

	tpi_lock_enter(&group->lock);
	f = group->live.first;
	if (f != NULL) {
		remove_locked(&group->live, f);
		tpi_future_ext(f)->swept = true;
		append_locked(&group->swept, f);
		tpi_future_retain(f);
	}
	tpi_lock_leave(&group->lock);
	return f;
}

/* Once a cause was elected it does not change. */
static enum tpi_scope_cause
cause_of(struct tpar_group *group)
{
	enum tpi_scope_cause cause;

	tpi_lock_enter(&group->lock);
	cause = group->cause;
	tpi_lock_leave(&group->lock);
	return cause;
}

enum tpi_reason
tpi_scope_reason(struct tpar_group *group)
{
	switch (cause_of(group)) {
	case TPI_SCOPE_STOPPED:
		return group->text[0] != '\0' ? TPI_REASON_GROUP
					      : TPI_REASON_WAITER;
	case TPI_SCOPE_TIMED_OUT:
		return TPI_REASON_DEADLINE;
	case TPI_SCOPE_FAILED:
		return TPI_REASON_FAILURE;
	case TPI_SCOPE_CANCELLED:
		return TPI_REASON_GROUP;
	default:
		return TPI_REASON_STUCK;
	}
}

const char *
tpi_scope_text(struct tpar_group *group)
{
	bool said = false;

	if (group != NULL) {
		tpi_lock_enter(&group->lock);
		said = group->text[0] != '\0';
		tpi_lock_leave(&group->lock);
	}
	return said ? group->text : "its group was cancelled";
}
