/* SPDX-License-Identifier: MIT */
/*
 * scope.h - what a group is made of: its children, its first cause, its
 * failures.  group.c has the calls; doc/STATES.md#group the states.
 *
 * A child is held by its group from before it is queued until it has ended.  It
 * stands in the list `live`, or in `swept` once a stop of the group was passed
 * on to it; a failed one then in the list of failures, until the group goes.
 */
#ifndef TPI_SCOPE_H
#define TPI_SCOPE_H

#include "base.h"
#include "cancel.h"
#include "fork.h"
#include "future.h"
#include "lock.h"

#include <taskpar/base.h>

struct tpi_parker;

/* The first cause in time.  The first ones are those of a frame (frame.h). */
enum tpi_scope_cause {
	TPI_SCOPE_NONE = 0,
	TPI_SCOPE_STOPPED = 1,
	TPI_SCOPE_TIMED_OUT = 2,
	TPI_SCOPE_DEADLOCKED = 3,
	TPI_SCOPE_USED_UP = 4,
	TPI_SCOPE_CANCELLED = 5, /* tpar_group_cancel() */
	TPI_SCOPE_FAILED = 6	 /* a child, or the body */
};

enum tpi_scope_state {
	TPI_SCOPE_OPEN,
	TPI_SCOPE_CLOSING, /* while a child runs tasks may still submit */
	TPI_SCOPE_CLOSED
};

#define TPI_SCOPE_TEXT_MAX 192

/* Two lists' ends and a count. */
struct tpi_children {
	struct tpar_future *first;
	struct tpar_future *last;
};

struct tpar_group {
	struct tpi_lock lock;
	uint32_t generation;	    /* [c] of the process that made it */
	_Atomic uint32_t stopped;   /* [h] a cause was elected; under lock */
	_Atomic size_t holds;	    /* [a:M2] owner, children, sweeps */
	enum tpi_scope_state state; /* [m:lock] */
	enum tpi_scope_cause cause; /* [m:lock] */
	struct tpi_children live;   /* [m:lock] */
	struct tpi_children swept;  /* [m:lock] */
	size_t running;		    /* [m:lock] children that have not ended */
	size_t given_up;	    /* [m:lock] of those, not waited for */
	size_t submitted;	    /* [m:lock] children ever */
	size_t not_done;	    /* [m:lock] that ended, not as done */
	struct tpi_children failed; /* [m:lock] through next_failed; held */
	size_t failures;	    /* [m:lock] */
	bool body_failed;	    /* [m:lock] */
	size_t body_after;	    /* [m:lock] after so many failures */
	int body_code;		    /* [m:lock] */
	struct tpi_parker *closer;  /* [m:lock] to be woken when all are off */
	void (*notify)(
		void *arg); /* [m:lock] called at the election, under the lock */
	void *notify_arg;   /* [m:lock] */
	struct tpar_group *sweep_next; /* of the sweep whose list it is in */
	void (*last)(struct tpar_group *group); /* [c] frees it */
	char text[TPI_SCOPE_TEXT_MAX];		/* [m:lock] until the cause */
	char body_text[TPI_SCOPE_TEXT_MAX];	/* [m:lock] until the failure */
};

/* 0 or an errno value.  `last` frees the group when nobody holds it. */
int tpi_scope_init(struct tpar_group *group,
		   void (*last)(struct tpar_group *group));

/*
 * Was it made by an ancestor of this process?  Then its children and its lock
 * are not to be looked at: they are lost.
 */
static inline bool
tpi_scope_is_lost(const struct tpar_group *group)
{
	return TPI_UNLIKELY(group->generation != tpi_fork_generation);
}

void tpi_scope_hold(struct tpar_group *group);
void tpi_scope_let_go(struct tpar_group *group);

/*
 * Makes n futures, linked through link, none of them queued, children of the
 * group.  false: it takes none any more, and nothing was done.
 */
bool tpi_scope_enter(struct tpar_group *group, struct tpar_future *first,
		     size_t n);

/* Is the calling task, at any depth of this thread, a child of the group? */
bool tpi_scope_is_callers(struct tpar_group *group);

/*
 * A child has ended: its failure is recorded, and the first one cancels the
 * others.  Before anybody else is told.
 */
void tpi_scope_child_ended(struct tpar_future *f, unsigned outcome);

/* And nobody is left to be told.  RELEASE POINT: the group may close. */
void tpi_scope_child_off(struct tpar_future *f);

/* true: this call's cause is the first one; the caller cancels the children. */
bool tpi_scope_elect(struct tpar_group *group, uintptr_t cause);

/*
 * Asked for from outside, with a reason in words, or NULL: cancels the children,
 * unless something has before.  TPAR_EALREADY: it is closed, and stays as it is.
 */
enum tpar_err tpi_scope_cancel(struct tpar_group *group,
			       enum tpi_scope_cause cause, const char *text);

/* The body has failed: the same, and its first failure is kept. */
enum tpar_err tpi_scope_fail_body(struct tpar_group *group, int code,
				  const char *text);

/*
 * Has fn called, under the lock, when a cause is elected; at once if one was.
 * fn NULL: not any more.
 */
void tpi_scope_notify(struct tpar_group *group, void (*fn)(void *arg),
		      void *arg);

/* OPEN -> CLOSING.  false: it was not open. */
bool tpi_scope_begin_close(struct tpar_group *group);

/* CLOSING -> OPEN: the thread of the closer exits, others may close it. */
void tpi_scope_abandon_close(void *group);

/* CLOSING -> CLOSED.  false: there are children to be waited for. */
bool tpi_scope_end_close(struct tpar_group *group);

/* How many have not ended. */
size_t tpi_scope_running(struct tpar_group *group);

/* Has each child that is waited for ended, and was everybody told? */
bool tpi_scope_all_off(void *group);

/* The same, or there is one more that a task could run. */
bool tpi_scope_all_off_or_more(void *group);

/* Those of n children, held, that have not ended are not waited for. */
void tpi_scope_give_up(struct tpar_group *group, struct tpar_future *const *f,
		       size_t n);

/* Up to n children that have not ended; held.  Returns how many. */
size_t tpi_scope_some(struct tpar_group *group, struct tpar_future **f,
		      size_t n);

/* A child that a stop has still to be passed on to; held.  NULL: none. */
struct tpar_future *tpi_scope_next_to_stop(struct tpar_group *group);

enum tpi_reason tpi_scope_reason(struct tpar_group *group);

/* Why a group was cancelled, in words; NULL: of one that may be gone. */
const char *tpi_scope_text(struct tpar_group *group);

/* Must f not begin, as its group was stopped? */
static inline bool
tpi_scope_has_stopped(struct tpar_future *f)
{
	if (TPI_LIKELY((f->flags & TPI_F_EXT) == 0) ||
	    tpi_future_ext(f)->group == NULL) {
		return false;
	}
	/* Relaxed: whoever knows of the cause sees it; why is under the lock. */
	return tpi_load_relaxed(&tpi_future_ext(f)->group->stopped) != 0 &&
	       (tpi_load_relaxed(&f->pins) & TPI_PINS_SHIELDED) == 0;
}

#endif
