/* SPDX-License-Identifier: MIT */
/*
 * forkend.c - leaving spans, and joining what was left in them.
 */
#include "config.h"

#include "forkend.h"
#include "forkjoin.h"
#include "region.h"
#include "slots.h"
#include "thread.h"
#include "worker.h"

/* What its tasks left unjoined is joined, and skipped where it has not begun. */
static void
tidy(struct tpi_slots *s, struct tpi_span *span)
{
	struct tpar_slot *top;

	s->spilled_count = span->spilled;
	/* ENDS: it lowers the head by one each time. */
	while ((top = tpi_slots_top(s)) > span->start) {
		top--;
		__atomic_store_n(&top->head.fn, (tpar_slot_fn)NULL,
				 __ATOMIC_RELAXED);
		(void)tpar_join_slow_1(top);
	}
}

void
tpi_forkend_leave(struct tpi_slots *s, struct tpi_span *span)
{
	if (TPI_UNLIKELY(tpi_slots_is_forked(span->start) ||
			 s->spilled_count != span->spilled)) {
		tpi_slots_fail(
			span->region, TPAR_EINVAL,
			"a fork-join task has returned with forks that it "
			"had not joined");
		tidy(s, span);
	}
	tpi_slots_leave(s, span);
}

/* One that calls pthread_exit() itself, which it must not; others need not suffer. */
static void
fail_and_tidy(struct tpi_slots *s, struct tpi_span *span)
{
	tpi_slots_fail(span->region, TPAR_EFAILED,
		       "a fork-join task has called pthread_exit()");
	tidy(s, span);
}

void
tpi_forkend_abandon(void *arg)
{
	struct tpi_slots *s = tpi_thread_self.worker->slots;

	fail_and_tidy(s, arg);
	tpi_slots_leave(s, arg);
}

void
tpi_forkend_exit(void)
{
	struct tpi_run *run = tpi_thread_self.run;
	struct tpi_slots *s;

	if (run == NULL || run->region == NULL) {
		return;
	}
	s = tpi_thread_self.worker->slots;
	/* Not one below, whose forks may wait for this run. */
	if (s->span != NULL && s->span->region == run->region) {
		fail_and_tidy(s, s->span);
	}
}
