/* SPDX-License-Identifier: MIT */
/*
 * moved.c - values that can be moved once, and two that want both of them, in
 * another order each, as reserve_values() of src/gather.c: all or none.  Who has
 * TAKEN of a value may write to it, until he gives it back.
 *
 * CFLAGS: -DOWNERS=2
 * CFLAGS: -DOWNERS=3
 * MUTANT: state.h /ORDER F6 acq_rel/,/;/s/_acq_rel/_relaxed/
 * MUTANT: state.h /ORDER F6 release/,/;/s/_release/_relaxed/
 * MUTANT: -DLATE_LOOK
 * MUTANT: -DKEEP_FIRST
 */
#include "src/state.h"

#include <assert.h>
#include <pthread.h>

#define N 2

static struct tpi_state state[N];
static int value[N]; /* of whoever has taken it */
static _Atomic int moved;

/* Gives those before i, in this order, back. */
static void
give_back(int first, int i)
{
	while (i-- > 0) {
		int k = (first + i) % N;

		value[k] = 7;
		tpi_state_untake(&state[k]);
	}
#ifdef LATE_LOOK
	assert(value[first] == 7);
#endif
}

static void *
move(void *arg)
{
	int first = arg != NULL;
	int i;

	for (i = 0; i < N; i++) {
		int k = (first + i) % N;

		if (!tpi_state_take(&state[k])) {
#ifndef KEEP_FIRST
			give_back(first, i);
#endif
			return NULL;
		}
		assert(value[k] == 7);
		value[k] = 0;
	}
	atomic_fetch_add_explicit(&moved, 1, memory_order_relaxed);
	return NULL;
}

int
main(void)
{
	pthread_t thread[OWNERS];
	int i;

	for (i = 0; i < N; i++) {
		tpi_state_init(&state[i], true);
		value[i] = 7;
		assert(tpi_state_claim(&state[i]));
		(void)tpi_state_finish(&state[i], TPI_DONE);
	}
	for (i = 0; i < OWNERS; i++) {
		pthread_create(&thread[i], NULL, move,
			       i % 2 != 0 ? &value[0] : NULL);
	}
	for (i = 0; i < OWNERS; i++) {
		pthread_join(thread[i], NULL);
	}
	/* Whoever gave his back did so for one that may have done the same. */
	if (moved == 0) {
		move(NULL);
	}
	assert(moved == 1);
	return 0;
}
