/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - one timer for the futures of one submit, and a callback on each
 * that takes the timer back when the last of them has ended.
 *
 * It is held by each callback that is still to come, and by the timer until it
 * has fired or was taken back.
 */
#include "config.h"

#include "after.h"
#include "atomics.h"
#include "audit.h"
#include "cancel.h"
#include "clock.h"
#include "deadline.h"
#include "err.h"
#include "fork.h"
#include "future.h"
#include "timer.h"

#include <stdlib.h>

struct item {
	struct tpi_callback callback;
	struct tpi_deadline *deadline;
	struct tpar_future *f; /* held by the timer */
};

struct tpi_deadline {
	struct tpi_timer timer;
	_Atomic size_t holds; /* [a:M2] */
	_Atomic size_t left;  /* [a:M2] not ended, and the starter */
	size_t count;
	struct item item[];
};

static void
let_go(struct tpi_deadline *deadline)
{
	/* ORDER M2 acq_rel -- let_go(): all use before it is freed. */
	if (atomic_fetch_sub_explicit(&deadline->holds, 1,
				      memory_order_acq_rel) == 1) {
		free(deadline);
	}
}

/* The timer is no more: nor what it held. */
static void
release_all(struct tpi_deadline *deadline)
{
	size_t i;

	for (i = 0; i < deadline->count; i++) {
		tpi_future_release(deadline->item[i].f);
	}
	let_go(deadline);
}

static void
has_come(struct tpi_timer *timer)
{
	struct tpi_deadline *deadline =
		TPI_CONTAINER(timer, struct tpi_deadline, timer);
	size_t i;

	for (i = 0; i < deadline->count; i++) {
		(void)tpi_cancel(deadline->item[i].f, TPI_REASON_DEADLINE);
	}
	release_all(deadline);
}

static void
one_less(struct tpi_deadline *deadline)
{
	/* ORDER M2 acq_rel -- one_less(): the timer was added before. */
	if (atomic_fetch_sub_explicit(&deadline->left, 1,
				      memory_order_acq_rel) == 1 &&
	    tpi_timer_remove(&deadline->timer)) {
		release_all(deadline);
	}
}

static void
has_ended(struct tpi_callback *callback, struct tpar_future *f)
{
	struct tpi_deadline *deadline =
		TPI_CONTAINER(callback, struct item, callback)->deadline;

	(void)f;
	one_less(deadline);
	let_go(deadline);
}

struct tpi_deadline *
tpi_deadline_create(size_t n)
{
	struct tpi_deadline *deadline;
	size_t room = (PTRDIFF_MAX - sizeof *deadline) / sizeof(struct item);

	if (n > room || !tpi_timer_reserve()) {
		return NULL;
	}
	deadline = aligned_alloc(_Alignof(struct tpi_deadline),
				 sizeof *deadline + n * sizeof(struct item));
	if (deadline == NULL) {
		tpi_timer_give_back();
		return NULL;
	}
	tpi_timer_init(&deadline->timer, has_come);
	deadline->count = 0;
	atomic_init(&deadline->holds, 2); /* the starter, the timer */
	atomic_init(&deadline->left, 1);
	return deadline;
}

void
tpi_deadline_discard(struct tpi_deadline *deadline)
{
	tpi_timer_give_back();
	free(deadline);
}

void
tpi_deadline_add(struct tpi_deadline *deadline, struct tpar_future *f)
{
	struct item *item = &deadline->item[deadline->count++];

	item->deadline = deadline;
	item->f = f;
	tpi_future_retain(f);
	atomic_fetch_add_explicit(&deadline->holds, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&deadline->left, 1, memory_order_relaxed);
	if (!tpi_after(f, &item->callback, has_ended)) {
		one_less(deadline);
		let_go(deadline);
	}
}

void
tpi_deadline_start(struct tpi_deadline *deadline, int64_t when)
{
	tpi_timer_add_reserved(&deadline->timer, when);
	one_less(deadline);
	let_go(deadline);
}

enum tpar_err
tpar_future_cancel_at(tpar_future *f, int64_t deadline_ns)
{
	struct tpi_deadline *deadline;

	tpi_audit_use(f, "tpar_future_cancel_at()");
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	tpi_fork_look(f);
	if (tpi_state_phase(tpi_state_get(&f->state)) == TPI_ENDED) {
		return tpi_err_plain(TPAR_EALREADY);
	}
	if (deadline_ns == TPAR_FOREVER) {
		return TPAR_OK;
	}
	if (tpi_clock_passed(deadline_ns)) {
		return tpi_cancel(f, TPI_REASON_DEADLINE)
			       ? TPAR_OK
			       : tpi_err_plain(TPAR_EALREADY);
	}
	deadline = tpi_deadline_create(1);
	if (deadline == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_deadline_add(deadline, f);
	tpi_deadline_start(deadline, deadline_ns);
	return TPAR_OK;
}
