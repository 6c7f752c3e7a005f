/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - tasks get a deadline, by src/deadline.c, and end meanwhile: the
 * timer is taken back by the last to end, or fires at any moment.  Each task is
 * released once by what the timer holds, and the block is freed once, after all
 * use of it.  FAR: the time does not come, so the timer must have been taken back.
 *
 * The timer here says which of the two it was, fired or taken back, and orders
 * nothing: that it was added before is what one_less() carries.
 *
 * GENMC: --disable-spin-assume
 * CFLAGS: -DTASKS=1
 * CFLAGS: -DTASKS=2
 * CFLAGS: -DTASKS=1 -DFAR
 * CFLAGS: -DTASKS=2 -DFAR
 * MUTANT: deadline.c /ORDER M2 acq_rel -- one_less(): the/,/;/s/_acq_rel/_relaxed/
 * MUTANT: deadline.c /ORDER M2 acq_rel -- one_less(): the/,/;/s/_acq_rel/_acquire/
 * MUTANT: deadline.c /ORDER M2 acq_rel -- one_less(): the/,/;/s/_acq_rel/_release/
 * MUTANT: -UFAR deadline.c /ORDER M2 acq_rel -- let_go(): all/,/;/s/_acq_rel/_relaxed/
 * MUTANT: -UFAR deadline.c /ORDER M2 acq_rel -- let_go(): all/,/;/s/_acq_rel/_release/
 * MUTANT: -UFAR deadline.c /ORDER M2 acq_rel -- let_go(): all/,/;/s/_acq_rel/_acquire/
 * MUTANT: -UFAR deadline.c s/tpi_timer_remove(&deadline->timer))/(tpi_timer_remove(\&deadline->timer), true))/
 * MUTANT: deadline.c s/atomic_init(&deadline->left, 1)/atomic_init(\&deadline->left, 0)/
 * MUTANT: -UFAR deadline.c s/atomic_init(&deadline->holds, 2)/atomic_init(\&deadline->holds, 1)/
 */
#include "self.h"

#include "src/deadline.c"

#include <assert.h>
#include <pthread.h>

uint32_t tpi_fork_generation;
static struct tpar_future task[TASKS];
static pthread_t ender[TASKS];
static int enders;
static _Atomic int pending; /* the timer is */
static _Atomic int gone[TASKS];
#ifndef FAR
static pthread_t clock_thread;
#endif

void
tpi_future_dispose(struct tpar_future *f)
{
	assert(atomic_fetch_add_explicit(&gone[f - task], 1,
					 memory_order_relaxed) == 0);
}

bool
tpi_cancel(struct tpar_future *f, enum tpi_reason reason)
{
	assert(f->code == 7 && reason == TPI_REASON_DEADLINE);
	return true;
}

/* The task ends. */
static void *
end(void *arg)
{
	struct tpi_callback *callback = arg;

	callback->fn(callback, callback->f);
	return NULL;
}

bool
tpi_after(struct tpar_future *f, struct tpi_callback *callback,
	  void (*fn)(struct tpi_callback *callback, struct tpar_future *f))
{
	callback->fn = fn;
	callback->f = f;
	pthread_create(&ender[enders++], NULL, end, callback);
	return true;
}

bool
tpi_timer_reserve(void)
{
	return true;
}

#ifndef FAR
/* The time comes. */
static void *
fire(void *arg)
{
	struct tpi_timer *timer = arg;

	if (atomic_exchange_explicit(&pending, 0, memory_order_relaxed) != 0) {
		timer->fn(timer);
	}
	return NULL;
}
#endif

void
tpi_timer_add_reserved(struct tpi_timer *timer, int64_t when)
{
	(void)when;
	tpi_store_relaxed(&pending, 1);
#ifdef FAR
	(void)timer;
#else
	pthread_create(&clock_thread, NULL, fire, timer);
#endif
}

bool
tpi_timer_remove(struct tpi_timer *timer)
{
	(void)timer;
	return atomic_exchange_explicit(&pending, 0, memory_order_relaxed) != 0;
}

int
main(void)
{
	struct tpi_deadline *deadline = tpi_deadline_create(TASKS);
	int i;

	for (i = 0; i < TASKS; i++) {
		task[i].code = 7;
		atomic_init(&task[i].holds, 0); /* but for the timer */
		tpi_deadline_add(deadline, &task[i]);
	}
	tpi_deadline_start(deadline, 1);
	for (i = 0; i < TASKS; i++) {
		pthread_join(ender[i], NULL);
	}
#ifndef FAR
	pthread_join(clock_thread, NULL);
#endif
	assert(tpi_load_relaxed(&pending) == 0);
	for (i = 0; i < TASKS; i++) {
		assert(gone[i] == 1);
	}
	return 0;
}
