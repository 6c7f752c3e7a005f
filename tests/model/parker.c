/* SPDX-License-Identifier: MIT */
/*
 * parker.c - a thread that sleeps, by src/parker.c, and those who wake it: it sees
 * what they wrote before, and no wake-up is lost, however park and wake meet.
 * TIMED: its deadline comes, at any moment, and a token that comes just then is
 * not lost either.  TWO: of them wake it, and it sleeps until it has seen both.
 *
 * A signal of the condition variable is lost here unless the thread waits for it.
 * For one that is not there yet the thread ends, and main sees whether it came.
 *
 * GENMC: --disable-spin-assume --unroll=4
 * CFLAGS: -DTIMED
 * CFLAGS: -DTWO
 * CFLAGS:
 * MUTANT: parker.c /ORDER P1 release/,/;/s/_release/_relaxed/
 * MUTANT: parker.c /ORDER P1 acquire <- tpi_parker_wake(): what/,/;/s/_acquire/_relaxed/
 * MUTANT: parker.c /The owner is between/,/tpi_cond_signal/s/tpi_lock_enter(&p->lock);//;/The owner is between/,/tpi_cond_signal/s/tpi_lock_leave(&p->lock);//
 * MUTANT: parker.c s/while (!(woken = take_token(p)) &&/while (!(woken = false) \&\&/
 * MUTANT: -DTIMED parker.c s/woken = atomic_exchange_explicit(&p->state, TPI_PARK_EMPTY,/atomic_store(\&p->state, TPI_PARK_EMPTY); woken = atomic_exchange_explicit(\&p->state, TPI_PARK_EMPTY,/
 */
#include "self.h"

#include "src/parker.c"
#include "locks.h"

#include <assert.h>

#ifdef TWO
#define N 2
#else
#define N 1
#endif

uint32_t tpi_fork_generation;
static struct tpi_parker parker;
static _Atomic int waits;     /* the owner, for a signal */
static _Atomic int signalled; /* since then */
static int content[N];
static _Atomic int ready[N];
static bool sleeps; /* the owner does, for ever unless signalled */
static bool through;

void
tpi_cond_signal(struct tpi_cond *cond)
{
	(void)cond;
	if (atomic_load_explicit(&waits, memory_order_seq_cst) != 0) {
		atomic_store_explicit(&signalled, 1, memory_order_seq_cst);
	}
}

bool
tpi_cond_wait(struct tpi_cond *cond, struct tpi_lock *lock, int64_t deadline_ns)
{
	bool woken;

	(void)cond;
	atomic_store_explicit(&signalled, 0, memory_order_seq_cst);
	atomic_store_explicit(&waits, 1, memory_order_seq_cst);
	pthread_mutex_unlock(&lock->mutex);
	woken = atomic_load_explicit(&signalled, memory_order_seq_cst) != 0;
	if (!woken && deadline_ns == 0) {
		sleeps = true;
		pthread_exit(NULL);
	}
	pthread_mutex_lock(&lock->mutex);
	atomic_store_explicit(&waits, 0, memory_order_seq_cst);
	return woken;
}

static void *
waker(void *arg)
{
	int i = arg != NULL;

	content[i] = 7;
	atomic_store_explicit(&ready[i], 1, memory_order_relaxed);
	tpi_parker_wake(&parker);
	return NULL;
}

/* Every use of a parker is such a loop; what ends it says nothing of an order. */
static bool
is_ready(void)
{
	int i;

	for (i = 0; i < N; i++) {
		if (atomic_load_explicit(&ready[i], memory_order_relaxed) ==
		    0) {
			return false;
		}
	}
	return true;
}

static void *
owner(void *arg)
{
	int i;

#ifdef TIMED
	if (tpi_parker_park(&parker, 1)) {
		assert(content[0] == 7);
		through = true;
	}
	(void)i;
#else
	/* Twice at most, and a token that had come before. */
	for (i = 0; i < N && !through; i++) {
		(void)tpi_parker_park(&parker, 0);
		if (N == 1) {
			assert(content[0] == 7);
		}
		through = is_ready();
	}
#endif
	return arg;
}

int
main(void)
{
	pthread_t thread[3];

	atomic_init(&parker.state, TPI_PARK_EMPTY);
	pthread_create(&thread[0], NULL, owner, NULL);
	pthread_create(&thread[1], NULL, waker, NULL);
#ifdef TWO
	pthread_create(&thread[2], NULL, waker, content);
	pthread_join(thread[2], NULL);
#endif
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
#ifdef TIMED
	assert(through || parker.state == TPI_PARK_TOKEN);
#else
	assert(through || (sleeps && signalled));
#endif
	return 0;
}
