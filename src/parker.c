/* SPDX-License-Identifier: MIT */
/*
 * parker.c - sleeping and waking, and the process's list of free parkers.
 *
 * The list only grows to the largest number of threads that ever waited at the
 * same time; its memory stays reachable from here.
 */
#include "config.h"

#include "parker.h"

#include <stdlib.h>

static struct tpi_lock list_lock = TPI_LOCK_INIT(TPI_RANK_PARKER_LIST);
static struct tpi_parker *list; /* [m:list_lock] */

static struct tpi_parker *
make_parker(void)
{
	struct tpi_parker *p = NULL;

	if (tpi_fork_watch() == 0) {
		p = malloc(sizeof *p);
	}
	if (p == NULL) {
		return NULL;
	}
	if (tpi_lock_init(&p->lock, TPI_RANK_PARKER) != 0) {
		free(p);
		return NULL;
	}
	if (tpi_cond_init(&p->cond) != 0) {
		tpi_lock_fini(&p->lock);
		free(p);
		return NULL;
	}
	p->generation = tpi_fork_generation;
	atomic_init(&p->state, TPI_PARK_EMPTY);
	return p;
}

void
tpi_parker_renew(struct tpi_parker *p)
{
	if (p->generation != tpi_fork_generation) {
		tpi_lock_renew(&p->lock);
		tpi_cond_renew(&p->cond);
		tpi_store_relaxed(&p->state, TPI_PARK_EMPTY);
		p->generation = tpi_fork_generation;
	}
}

void
tpi_parker_fork(enum tpi_fork when)
{
	tpi_fork_lock(&list_lock, when);
}

struct tpi_parker *
tpi_parker_get(void)
{
	struct tpi_parker *p;

	tpi_lock_enter(&list_lock);
	p = list;
	if (p != NULL) {
		list = p->next;
	}
	tpi_lock_leave(&list_lock);
	if (p == NULL) {
		return make_parker();
	}
	tpi_parker_renew(p);
	return p;
}

void
tpi_parker_put(struct tpi_parker *parker)
{
	tpi_lock_enter(&list_lock);
	parker->next = list;
	list = parker;
	tpi_lock_leave(&list_lock);
}

static bool
take_token(struct tpi_parker *p)
{
	uint32_t token = TPI_PARK_TOKEN;

	/* ORDER P1 acquire <- tpi_parker_wake(): what the waker wrote. */
	return atomic_compare_exchange_strong_explicit(&p->state, &token,
						       TPI_PARK_EMPTY,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static bool
park(struct tpi_parker *p, int64_t deadline_ns)
{
	uint32_t empty = TPI_PARK_EMPTY;
	bool woken;

	tpi_lock_enter(&p->lock);
	if (!atomic_compare_exchange_strong_explicit(
		    &p->state, &empty, TPI_PARK_PARKED, memory_order_relaxed,
		    memory_order_relaxed)) {
		/* A token came in between. */
		woken = take_token(p);
		tpi_lock_leave(&p->lock);
		return woken;
	}
	/* ENDS: tpi_parker_wake() leaves a token, or the deadline comes. */
	while (!(woken = take_token(p)) &&
	       tpi_cond_wait(&p->cond, &p->lock, deadline_ns)) {
	}
	if (!woken) {
		/* ORDER P1 acquire <- tpi_parker_wake(): it may just be there. */
		woken = atomic_exchange_explicit(&p->state, TPI_PARK_EMPTY,
						 memory_order_acquire) ==
			TPI_PARK_TOKEN;
	}
	tpi_lock_leave(&p->lock);
	return woken;
}

bool
tpi_parker_park(struct tpi_parker *p, int64_t deadline_ns)
{
	bool woken = take_token(p);
	int before;

	if (!woken) {
		/* A thread cancelled in here would leave its frame behind. */
		(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
		woken = park(p, deadline_ns);
		(void)pthread_setcancelstate(before, NULL);
	}
	return woken;
}

void
tpi_parker_wake(struct tpi_parker *p)
{
	if (TPI_UNLIKELY(p->generation != tpi_fork_generation)) {
		return;
	}
	/* ORDER P1 release -> take_token(): what the waker wrote before. */
	if (atomic_exchange_explicit(&p->state, TPI_PARK_TOKEN,
				     memory_order_release) != TPI_PARK_PARKED) {
		return;
	}
	/* The owner is between its CAS and its wait, or waits: not in between. */
	tpi_lock_enter(&p->lock);
	tpi_lock_leave(&p->lock);
	tpi_cond_signal(&p->cond);
}
