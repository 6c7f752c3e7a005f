/* SPDX-License-Identifier: MIT */
/*
 * loose.h - futures that belong to no pool and have no function: those of
 * promises and of gathers in the background.
 *
 * PENDING, it is ended by whoever claims it, a canceller included; nobody who
 * waits for it tries to run it.  RUNNING, it is like a task that runs: a cancel
 * is a request, and who created it ends it.
 */
#ifndef TPI_LOOSE_H
#define TPI_LOOSE_H

#include "base.h"
#include "fork.h"
#include "future.h"

/*
 * value_size, value_align, drop_value, name and site of `task` count.  One
 * handle, and one reference for who will end it.  NULL: no memory, or the size
 * or the alignment is out of range, which `shape` says before.
 */
struct tpar_future *tpi_loose_create(const struct tpar_task *task,
				     const struct tpi_shape *shape,
				     bool running);

/*
 * What a loose future keeps in its link, as it is never in a queue: by whom it
 * is ended, and in which generation of the process (fork.h) its waiters are.
 * In the child of a fork one that is ended by hand can still be, by whoever
 * holds its promise there; unless a thread that is lost was about to.
 */
enum {
	TPI_LOOSE_BY_HAND = 1, /* not by what the library does */
	TPI_LOOSE_RUNS = 2,    /* from the beginning, not once it is claimed */
	TPI_LOOSE_DECIDED = 4, /* somebody is about to end it */
	TPI_LOOSE_GENERATION_SHIFT = 3
};

static inline uintptr_t
tpi_loose_mark(struct tpar_future *f)
{
	return (uintptr_t)tpi_load_relaxed(&f->link.next);
}

/* Before anybody else sees it: it is ended by who holds a promise. */
static inline void
tpi_loose_by_hand(struct tpar_future *f)
{
	uintptr_t mark = tpi_loose_mark(f) | TPI_LOOSE_BY_HAND;

	tpi_store_relaxed(&f->link.next, (struct tpi_link *)mark);
}

/* Of one that runs and is ended by hand: true: the caller ends it. */
static inline bool
tpi_loose_decide(struct tpar_future *f)
{
	struct tpi_link *was = tpi_load_relaxed(&f->link.next);
	uintptr_t mark;

	do {
		mark = (uintptr_t)was;
		if ((mark & TPI_LOOSE_DECIDED) != 0) {
			return false;
		}
		mark |= TPI_LOOSE_DECIDED;
	} while (!atomic_compare_exchange_weak_explicit(
		&f->link.next, &was, (struct tpi_link *)mark,
		memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* In the child of a fork: f has not ended.  Any thread. */
void tpi_loose_look(struct tpar_future *f);

/* Before and after a fork. */
void tpi_loose_fork(enum tpi_fork when);

/* No pool's thread can run it? */
static inline bool
tpi_loose_is(const struct tpar_future *f)
{
	return f->fn == NULL;
}

#endif
