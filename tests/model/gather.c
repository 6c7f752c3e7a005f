/* SPDX-License-Identifier: MIT */
/*
 * gather.c - the countdown of a gather, and its end.  Two threads end the two
 * members, one of them badly, in the order of tpi_future_ended(): cause, sweep,
 * off the countdown.  The owner goes on when nothing is left, sees how the
 * members ended, and its frame is gone.
 *
 * CFLAGS: -DBAD=1
 * CFLAGS: -DBAD=2
 * MUTANT: frame.h /ORDER G1 acq_rel/,/;/s/_acq_rel/_relaxed/
 * MUTANT: frame.h /ORDER G1 acquire/,/;/s/_acquire/_relaxed/
 * MUTANT: -DSWEEP_AFTERWARDS
 * MUTANT: -DLATE_WAKE
 * MUTANT: -DNO_ELECTION
 * BLOCKED: where the owner would still sleep
 */
#include "src/frame.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define N 2

static struct tpar_future member[N];
static tpar_future *const set[N] = { &member[0], &member[1] };
static int value[N];
static struct tpi_frame *frame;
static _Atomic int swept;
static _Atomic int woken;

/* All members are looked at, so the frame must be there. */
static void
sweep(struct tpi_frame *of)
{
	size_t i;

	atomic_fetch_add_explicit(&swept, 1, memory_order_relaxed);
	for (i = 0; i < of->n; i++) {
		assert(of->f[i] == &member[i]);
	}
}

static void
end(int i, bool bad)
{
	struct tpi_frame *of = frame;
	bool mine;

	value[i] = 7;
#ifdef NO_ELECTION
	mine = bad;
	tpi_store_relaxed(&of->cause, (uintptr_t)&member[i]);
#else
	mine = bad && tpi_frame_elect(of, (uintptr_t)&member[i]);
#endif
#ifndef SWEEP_AFTERWARDS
	if (mine) {
		sweep(of);
	}
#endif
	if (tpi_frame_take_off(of, 1)) {
#ifdef LATE_WAKE
		assert(of->n == N);
#endif
		atomic_store_explicit(&woken, 1, memory_order_relaxed);
	}
#ifdef SWEEP_AFTERWARDS
	if (mine) {
		sweep(of);
	}
#endif
}

static void *
end_first(void *arg)
{
	end(0, true);
	return arg;
}

static void *
end_second(void *arg)
{
	end(1, BAD == 2);
	return arg;
}

int
main(void)
{
	pthread_t thread[N];
	uintptr_t cause;

	frame = malloc(sizeof *frame);
	atomic_init(&frame->left, N + 1);
	atomic_init(&frame->cause, 0);
	frame->f = set;
	frame->n = N;
	pthread_create(&thread[0], NULL, end_first, NULL);
	pthread_create(&thread[1], NULL, end_second, NULL);
	/* What the owner has counted himself: nothing, and the one too many. */
	if (!tpi_frame_take_off(frame, 1)) {
		__VERIFIER_assume(tpi_frame_complete(frame));
	}
	assert(value[0] == 7 && value[1] == 7);
	cause = tpi_frame_cause(frame);
	assert(cause == (uintptr_t)&member[0] ||
	       (BAD == 2 && cause == (uintptr_t)&member[1]));
	free(frame);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	assert(swept == 1);
	return 0;
}
