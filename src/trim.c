/* SPDX-License-Identifier: MIT */
/*
 * trim.c - taking the entries of a set that is through out of the queues.
 */
#include "config.h"

#include "deque.h"
#include "forkjoin.h"
#include "future.h"
#include "park.h"
#include "pool.h"
#include "take.h"
#include "trim.h"
#include "worker.h"

/*
 * Drops entries at the head of an injector whose futures were claimed by
 * pointer, so that a task that gathers for hours does not fill it.  Those that
 * are still to be run go to the own deque, as any batch does, or, if they have
 * a priority of their own or are forks, back to the end: who joins what runs
 * here may take forks from this deque.  false: there may be more.
 */
static bool
trim_injected(struct tpi_worker *w, struct tpi_inject *q, size_t n)
{
	bool aside = q != tpi_take_shard(w, 0);
	struct tpi_link *link = NULL;
	int moves = TPI_INJECT_BATCH;

	if (!tpi_inject_enter(q)) {
		return false;
	}
	for (; n > 0 && (link = tpi_inject_peek(q)) != NULL; n--) {
		struct tpar_future *f = tpi_future_of_link(link);
		bool pending = tpi_state_peek(&f->state) == TPI_PENDING;

		if ((pending && moves-- == 0) || tpi_inject_pop(q) == NULL) {
			break;
		}
		if (!pending) {
			tpi_future_release(f);
		} else if (aside || tpi_forkjoin_is(f)) {
			tpi_inject_push(q, link, link);
		} else {
			tpi_worker_push(w, f);
		}
	}
	tpi_inject_leave(q);
	if (moves < TPI_INJECT_BATCH) {
		tpi_park_notify(&w->pool->park, w->pool);
	}
	return link == NULL;
}

static TPI_NOINLINE void
trim_queues(struct tpi_worker *w, size_t n)
{
	struct tpi_inject *aside = w->pool->aside;
	bool high;
	bool low;

	if (w->spilled) {
		w->spilled = false;
		/* A push may spill again. */
		w->spilled |= !trim_injected(w, tpi_take_shard(w, 0), n);
	}
	if (w->has_aside) {
		high = trim_injected(w, &aside[TPI_ASIDE_HIGH], n);
		low = trim_injected(w, &aside[TPI_ASIDE_LOW], n);
		w->has_aside = !high || !low;
	}
}

static inline void
trim_beyond(struct tpi_worker *w, size_t n)
{
	/* Who pushes must be active (S3). */
	if (TPI_UNLIKELY(w->spilled || w->has_aside) && w->blocked == 0) {
		trim_queues(w, n);
	}
}

void
tpi_trim_set(struct tpi_worker *w, struct tpar_future *const *f, size_t n)
{
	size_t k = tpi_deque_trim_owner(&w->deque, f, n);
	size_t i;

	for (i = 0; i < k; i++) {
		tpi_future_trim(f[n - 1 - i]);
	}
	trim_beyond(w, 2 * n);
}

void
tpi_trim_held(struct tpi_worker *w, struct tpar_future *const *f, size_t n)
{
	size_t k = tpi_deque_trim_owner(&w->deque, f, n);
	size_t i;

	for (i = 0; i < k; i++) {
		tpi_future_release(f[n - 1 - i]);
	}
	trim_beyond(w, 2 * n);
}
