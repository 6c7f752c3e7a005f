/* SPDX-License-Identifier: MIT */
/*
 * frame.h - a wait under way: one structure on the waiter's stack for the whole
 * set, with one countdown.
 *
 * A waiter registers with each member that has not ended.  Where it is the
 * first, the frame itself stands in the member's list, and as its `next` is
 * always NULL it can be the tail of any number of lists at once.  Otherwise a
 * node of its own does.
 *
 * `left` starts at n + 1.  Each member is taken off once: by whoever ends it, if
 * it was registered; else by the owner, who counts in `own` what he saw ended
 * or ended himself, and takes all that and the 1 off at the end.  Who takes off
 * the last one wakes the owner.  RELEASE POINT: the frame is gone from then on;
 * what is needed (the parker) is read before.
 *
 * While the frame of a task is published (task->cur), others may pin it (pins)
 * to help (help.c), to pass a cancel down (cancel.c) or to look for a cycle.
 * The owner unpublishes it and waits for the pins before he returns.
 * Proofs: doc/ORDER.md#frame; model: tests/model/help.c.
 */
#ifndef TPI_FRAME_H
#define TPI_FRAME_H

#include "atomics.h"
#include "base.h"
#include "fork.h"
#include "future.h"

struct tpar_group;
struct tpi_callback;
struct tpi_parker;

struct tpi_waiter {
	_Alignas(TPI_WAITER_ALIGN) struct tpi_waiter *next; /* [F3] */
	struct tpi_frame *frame; /* NULL: this is a callback (after.h) */
};

enum tpi_wait_kind {
	TPI_WAIT_ONLY,	  /* leaves the members alone; may end early */
	TPI_WAIT_ANY,	  /* and ends when one of them has ended */
	TPI_WAIT_SETTLED, /* until all have ended; a stop cancels them */
	TPI_WAIT_GATHER,  /* and so does the first that is not done */
	TPI_WAIT_RACE	  /* or the first that is done */
};

/* cause: 0, the member that was to blame or has won, or one of these */
enum {
	TPI_STOPPED = 1,
	TPI_TIMED_OUT = 2,
	TPI_DEADLOCKED = 3,
	TPI_USED_UP = 4
};

/* Has a set given members up, on a cycle?  By its owner, or for a wait that is tied. */
enum {
	TPI_GIVEN_UP_NONE = 0,
	TPI_GIVEN_UP_SELF = 1,
	TPI_GIVEN_UP_FOR_TIED = 2
};

struct tpi_frame {
	struct tpi_waiter self;	   /* next is always NULL */
	_Atomic int64_t left;	   /* [a:G1] */
	_Atomic uintptr_t cause;   /* [a:G4] elected once */
	_Atomic int64_t back;	   /* [h] helpers claim from here down */
	_Atomic size_t begun;	   /* [h] members before it were: starved.c */
	_Atomic uintptr_t owner;   /* [h] the thread that counts in own, or 0 */
	struct tpi_parker *parker; /* [c] to be woken at the end, or NULL */
	struct tpi_callback *then; /* [c] to be called at the end, or NULL */
	tpar_future *const *f;	   /* [c] */
	size_t n;		   /* [c] */
	size_t own;		   /* [o] */
	enum tpi_wait_kind kind;   /* [c] */
	struct tpi_nodes *nodes;   /* [o] beyond the spare one */
	struct tpar_future *task;  /* [c] whose wait it is; NULL outside */
	struct tpar_group *group;  /* [c] whose children these are, or NULL */
	bool shielded;		   /* [c] a stop of task does not reach it */
	bool tied; /* [c] to its members, which use this stack: gives none up */
	/* All running tasks of this pool are members, too; or NULL. */
	_Atomic(struct tpar_pool *)
		pool;		      /* [h] given up: under cycle.c's lock */
	struct tpi_frame *outer;      /* [o] what task->cur was before */
	struct tpi_waiter spare;      /* [o] the first node */
	bool spare_used;	      /* [o] */
	struct tpi_frame *sweep_next; /* of the sweep whose list it is in */
	_Atomic uint32_t timed;	      /* [a:G5] a deadline is still to come */
	_Atomic uint32_t given_up;    /* [h] TPI_GIVEN_UP_... on a cycle */
	_Atomic(struct tpar_future *) on_top;	 /* [a:G5] what runs here */
	_Atomic(struct tpar_future *) first_bad; /* [a:G4] of a race */
};

/* Does the wait last until all members have ended, and a stop cancels them? */
static inline bool
tpi_frame_is_set(const struct tpi_frame *frame)
{
	return frame->kind > TPI_WAIT_ANY;
}

/* Is it over with the first member, or the first that is done? */
static inline bool
tpi_frame_is_choice(const struct tpi_frame *frame)
{
	return frame->kind == TPI_WAIT_ANY || frame->kind == TPI_WAIT_RACE;
}

/* The first to call it decides the cause.  true: it was this call. */
static inline bool
tpi_frame_elect(struct tpi_frame *frame, uintptr_t cause)
{
	uintptr_t was = 0;

	/* ORDER G4 acq_rel -- tpi_frame_cause(): the cause, then the sweep. */
	if (atomic_compare_exchange_strong_explicit(&frame->cause, &was, cause,
						    memory_order_acq_rel,
						    memory_order_relaxed)) {
		return true;
	}
	/* Without threads the wait goes on: a stop or a deadline still counts. */
	/* ORDER G4 acq_rel -- tpi_frame_cause() */
	return was == TPI_USED_UP && cause < TPI_USED_UP &&
	       atomic_compare_exchange_strong_explicit(&frame->cause, &was,
						       cause,
						       memory_order_acq_rel,
						       memory_order_relaxed);
}

static inline uintptr_t
tpi_frame_cause(struct tpi_frame *frame)
{
	/* ORDER G4 acquire -- tpi_frame_elect() */
	return atomic_load_explicit(&frame->cause, memory_order_acquire);
}

/* Of a race that has ended: the first that did not end as done, or NULL. */
static inline struct tpar_future *
tpi_frame_first_bad(struct tpi_frame *frame)
{
	/* ORDER G4 acquire -- tpi_frame_blame() */
	return atomic_load_explicit(&frame->first_bad, memory_order_acquire);
}

/* Have all members been taken off? */
static inline bool
tpi_frame_complete(struct tpi_frame *frame)
{
	/* ORDER G1 acquire <- tpi_frame_take_off(): how they ended. */
	return atomic_load_explicit(&frame->left, memory_order_acquire) == 0;
}

/* Takes k members off.  true: they were the last.  RELEASE POINT: frame. */
static inline bool
tpi_frame_take_off(struct tpi_frame *frame, int64_t k)
{
	/* ORDER G1 acq_rel -> tpi_frame_complete(): the members' ends. */
	return atomic_fetch_sub_explicit(&frame->left, k,
					 memory_order_acq_rel) == k;
}

/* Shows the frame to others as what `task` waits in. */
static inline void
tpi_frame_publish(struct tpi_frame *frame, struct tpar_future *task)
{
	/*
	 * ORDER G2 seq_cst -> tpi_frame_pin(): the frame's fields.
	 * ORDER G3 seq_cst -- tpi_state_request_stop(): publish, then see
	 * whether the task was asked to stop.
	 */
	atomic_store_explicit(&task->cur, frame, memory_order_seq_cst);
}

/*
 * ENDS: each pin is held for a bounded number of steps, and no new one finds
 * this frame.  The caller loops until it is true.
 */
static inline bool
tpi_frame_unpinned(struct tpar_future *task)
{
	/* ORDER G2 seq_cst <- tpi_frame_unpin(): nobody reads it any more. */
	return (atomic_load_explicit(&task->pins, memory_order_seq_cst) &
		TPI_PINS_COUNT) == 0;
}

/* Shows what the task waited in before, or nothing. */
static inline void
tpi_frame_unpublish(struct tpi_frame *frame, struct tpar_future *task)
{
	/* ORDER G2 seq_cst -- tpi_frame_pin(): hide it, then see the pins. */
	atomic_store_explicit(&task->cur, frame->outer, memory_order_seq_cst);
}

/*
 * The frame that the task waits in, which stays there until tpi_frame_unpin();
 * or NULL, and there is nothing to unpin.  The caller holds the task.
 */
static inline struct tpi_frame *
tpi_frame_pin(struct tpar_future *task)
{
	struct tpi_frame *frame;

	/* ORDER G2 seq_cst -- tpi_frame_unpublish(): pin, then see cur. */
	atomic_fetch_add_explicit(&task->pins, 1, memory_order_seq_cst);
	/* ORDER G2 G3 seq_cst <- tpi_frame_publish() */
	frame = atomic_load_explicit(&task->cur, memory_order_seq_cst);
	if (frame == NULL) {
		/* ORDER G2 release -> tpi_frame_unpinned() */
		atomic_fetch_sub_explicit(&task->pins, 1, memory_order_release);
	}
	return frame;
}

static inline void
tpi_frame_unpin(struct tpar_future *task)
{
	/* ORDER G2 release -> tpi_frame_unpinned(): all reads of the frame. */
	atomic_fetch_sub_explicit(&task->pins, 1, memory_order_release);
}

/* Its deadline has come: from now on it waits like any other. */
static inline void
tpi_frame_end_deadline(struct tpi_frame *frame)
{
	/* ORDER G5 seq_cst -- tpi_frame_leaves(): clear, then search. */
	atomic_store_explicit(&frame->timed, 0, memory_order_seq_cst);
}

/* Members were given up, by whom.  Under the lock of cycle.c. */
static inline void
tpi_frame_give_up(struct tpi_frame *frame, uint32_t by)
{
	tpi_store_relaxed(&frame->given_up, by);
}

/* `f` is about to run here, whatever becomes of the waits that led to it. */
static inline void
tpi_frame_cover(struct tpi_frame *frame, struct tpar_future *f)
{
	/* ORDER G5 seq_cst -- tpi_frame_covered(): cover, then publish on top. */
	atomic_store_explicit(&frame->on_top, f, memory_order_seq_cst);
}

/* It was a member, which is there as long as the frame. */
static inline void
tpi_frame_uncover(struct tpi_frame *frame)
{
	tpi_store_relaxed(&frame->on_top, NULL);
}

/* It was not: it is there until nobody pins the frame. */
static inline void
tpi_frame_uncover_found(struct tpi_frame *frame)
{
	/* ORDER G2 seq_cst -- tpi_frame_pin(): hide it, then see the pins. */
	atomic_store_explicit(&frame->on_top, NULL, memory_order_seq_cst);
}

/* What runs on top of it, or NULL; pinned. */
static inline struct tpar_future *
tpi_frame_covered(struct tpi_frame *frame)
{
	/* ORDER G5 seq_cst -- tpi_frame_cover() */
	return atomic_load_explicit(&frame->on_top, memory_order_seq_cst);
}

/*
 * Does the wait end although its members do not?  Then it is no edge of a
 * cycle, but for what runs on top of it.  Pinned.
 */
static inline bool
tpi_frame_leaves(struct tpi_frame *frame)
{
	/* ORDER G5 seq_cst -- tpi_frame_end_deadline() */
	if (atomic_load_explicit(&frame->timed, memory_order_seq_cst) != 0) {
		return true;
	}
	return !tpi_frame_is_set(frame) && tpi_frame_cause(frame) != 0 &&
	       tpi_frame_cause(frame) != TPI_USED_UP;
}

enum tpi_registered { TPI_REGISTERED, TPI_HAD_ENDED, TPI_NO_MEMORY };

/* Fills a frame; it is not visible to anybody yet. */
void tpi_frame_init(struct tpi_frame *frame, enum tpi_wait_kind kind,
		    tpar_future *const *f, size_t n);

/* Frees the nodes.  Nobody may see the frame any more. */
void tpi_frame_fini(struct tpi_frame *frame);

/* Owner only. */
enum tpi_registered tpi_frame_register(struct tpi_frame *frame,
				       struct tpar_future *f);

/*
 * Takes the frame off f's list of waiters.  Returns how often it was there: so
 * many members nobody else will take off.  Owner, or the frame is pinned and f
 * is held.
 */
size_t tpi_frame_unregister(struct tpi_frame *frame, struct tpar_future *f);

/*
 * Is it there?  Then it has not given f up.  Any thread; the frame is pinned and
 * f is held.
 */
bool tpi_frame_is_registered(struct tpi_frame *frame, struct tpar_future *f);

/* Before and after a fork: the locks of those lists. */
void tpi_frame_fork(enum tpi_fork when);

/* Waits until nobody edits the list of f, which has ended with REMOVAL set. */
void tpi_frame_await_removal(struct tpar_future *f);

/*
 * A member has ended, and `outcome` may decide a gather (not as done) or a race
 * (as done).  true: it did; the cause is this member, or the stop that the
 * frame's own task was asked for and that reached the member first.
 */
bool tpi_frame_blame(struct tpi_frame *frame, struct tpar_future *f,
		     unsigned outcome);

/*
 * Takes a member off that was registered and has ended.  RELEASE POINT: frame.
 */
void tpi_frame_member_off(struct tpi_frame *frame);

#endif
