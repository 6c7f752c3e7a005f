/* SPDX-License-Identifier: MIT */
/*
 * state.c - a runner, a canceller and a waiter: one of the first two ends the
 * future, once; the waiter is told, or sees how it ended, value included.
 *
 * MUTANT: state.h /ORDER F2 acquire <- tpi_state_finish(): the value/,/;/s/_acquire/_relaxed/
 * MUTANT: state.h /ORDER F3 release/,/;/s/_release/_relaxed/
 * MUTANT: state.h /^tpi_state_push_waiter/,/}/s/_acquire/_relaxed/
 * MUTANT: state.h /ORDER F2 seq_cst/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DCLAIM_BY_LOOKING
 * GENMC: --disable-spin-assume
 */
#include "src/state.h"

#include <assert.h>
#include <pthread.h>

struct tpi_waiter {
	_Alignas(TPI_WAITER_ALIGN) struct tpi_waiter *next;
	int content;
};

static struct tpi_state state;
static struct tpi_waiter node;
static int value;
static _Atomic int ended;
static _Atomic int signalled;

static bool
claim(void)
{
#ifdef CLAIM_BY_LOOKING
	return tpi_state_peek(&state) == TPI_PENDING;
#else
	return tpi_state_claim(&state);
#endif
}

static void
end(unsigned outcome)
{
	struct tpi_waiter *w =
		tpi_state_waiters(tpi_state_finish(&state, outcome));

	assert(atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed) == 0);
	if (w != NULL) {
		assert(w == &node && w->content == 7 && w->next == NULL);
		atomic_fetch_add_explicit(&signalled, 1, memory_order_release);
	}
}

static void *
runner(void *arg)
{
	if (claim()) {
		value = 42;
		end(TPI_DONE);
	}
	return arg;
}

static void *
canceller(void *arg)
{
	if (claim()) {
		end(TPI_CANCELLED);
	} else {
		(void)tpi_state_request_stop(&state);
	}
	return arg;
}

static void *
waiter(void *arg)
{
	uintptr_t word;

	node.content = 7;
	word = tpi_state_push_waiter(&state, &node, &node.next);
	if (tpi_state_phase(word) == TPI_ENDED) {
		assert(tpi_state_is_bad(word) || value == 42);
	}
	return arg;
}

int
main(void)
{
	pthread_t thread[3];

	tpi_state_init(&state, true);
	pthread_create(&thread[0], NULL, runner, NULL);
	pthread_create(&thread[1], NULL, canceller, NULL);
	pthread_create(&thread[2], NULL, waiter, NULL);
	if (tpi_state_phase(tpi_state_get(&state)) == TPI_ENDED) {
		assert(tpi_state_is_bad(tpi_state_get(&state)) || value == 42);
	}
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
	assert(ended == 1 && signalled <= 1);
	return 0;
}
