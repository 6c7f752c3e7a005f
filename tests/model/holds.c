/* SPDX-License-Identifier: MIT */
/*
 * holds.c - a future with a value to be dropped: the one who ends its task, who
 * holds a reference, and two handles that are released meanwhile, one of them
 * after a look at the value.  The value is dropped once, when no handle is left
 * and the task has ended, and the block is freed once, after all use of it.  The
 * drop may look at what was written before a handle was released.  With PLAIN
 * there is nothing to be dropped.
 *
 * GENMC: --disable-spin-assume
 * CFLAGS: -DTRIMMED=1 -DPLAIN
 * CFLAGS: -DTRIMMED=0
 * CFLAGS: -DTRIMMED=1
 * MUTANT: state.h /ORDER F5 release/,/;/s/_release/_relaxed/
 * MUTANT: future.h /^tpi_future_let_go(/,/^}/s/_acq_rel/_relaxed/
 * MUTANT: -DPLAIN future.h /^tpi_future_let_go_handle/,/^}/s/_acq_rel/_relaxed/
 * MUTANT: state.h /^tpi_state_get/,/^}/s/_acquire/_relaxed/
 * MUTANT: -DLOOK_AFTERWARDS
 * MUTANT: -DNO_DEBT
 */
#include "src/future.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

static struct tpar_future *f;
static int *value;     /* what the future's value owns */
static int context[2]; /* of the handles' holders */
static int dropped;
static _Atomic int freed;

static void
drop_value(void)
{
	assert(dropped == 0 && context[0] == 1 && context[1] == 1);
	dropped = 1;
	free(value);
}

static void
dispose(void)
{
#ifndef PLAIN
	assert(dropped == 1);
#endif
	assert(atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed) == 0);
	free(f);
}

/* As release_handle_and_value() in src/future.c. */
static void
unref(void)
{
#ifdef PLAIN
	if (tpi_future_let_go_handle(f)) {
		dispose();
	}
#else
	uint64_t hold = TPI_MEMREF;
	uint64_t before = atomic_fetch_add_explicit(
		&f->holds, TPI_MEMREF - TPI_HANDLE, memory_order_acq_rel);

	if (TPI_HANDLES(before) == 1) {
		if (tpi_state_phase(tpi_state_abandon(&f->state)) ==
		    TPI_ENDED) {
			drop_value();
		}
#ifndef NO_DEBT
		hold += tpi_future_debt(f);
#endif
	}
	if (tpi_future_let_go(f, hold)) {
		dispose();
	}
#endif
}

/* As call() and main_loop() do. */
static void *
run(void *arg)
{
	uintptr_t before;

	*value = 7;
	before = tpi_state_finish(&f->state, TPI_DONE);
	if ((before & TPI_ABANDONED) != 0) {
		drop_value();
	}
	if (tpi_future_let_go(f, TPI_MEMREF)) {
		dispose();
	}
#ifdef LOOK_AFTERWARDS
	(void)tpi_load_relaxed(&f->trimmed);
#endif
	return arg;
}

static void *
look_and_release(void *arg)
{
	if (tpi_state_phase(tpi_state_get(&f->state)) == TPI_ENDED) {
		assert(*value == 7);
	}
	context[arg != NULL] = 1;
	unref();
	return arg;
}

int
main(void)
{
	pthread_t thread[2];

	f = malloc(sizeof *f);
	value = malloc(sizeof *value);
	tpi_state_init(&f->state, true);
	assert(tpi_state_claim(&f->state));
	/* The runner's, two handles, and a queue entry that was trimmed. */
	atomic_init(&f->holds, TPI_MEMREF * (1 + TRIMMED) + 2 * TPI_HANDLE);
	atomic_init(&f->trimmed, TRIMMED);
	pthread_create(&thread[0], NULL, run, NULL);
	pthread_create(&thread[1], NULL, look_and_release, f);
	look_and_release(NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	assert(freed == 1);
#ifdef PLAIN
	free(value);
#endif
	return 0;
}
