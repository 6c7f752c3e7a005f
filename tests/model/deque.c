/* SPDX-License-Identifier: MIT */
/*
 * deque.c - one owner who pushes, trims and pops, and thieves: every entry is
 * taken once, and what it points to is seen.
 *
 * CFLAGS: -DTRIM=0
 * CFLAGS: -DTRIM=1
 * MUTANT: deque.h s/memory_order_seq_cst/memory_order_acq_rel/
 * MUTANT: deque.h /ORDER D1 release -> tpi_deque_steal(): slot/,/;/s/_release/_relaxed/
 * MUTANT: deque.h s/if (t < b - k)/if (t <= b - k)/
 * GENMC: --unroll=8
 */
#define TPI_DEQUE_SIZE 4
#include "src/deque.h"

#include <assert.h>
#include <pthread.h>

#define N 3

struct tpar_future {
	int content;
};

static struct tpar_future entry[N];
static struct tpi_deque deque;
static _Atomic int taken[N];

static void
take(struct tpar_future *f)
{
	assert(f->content == 7);
	assert(atomic_fetch_add_explicit(&taken[f - entry], 1,
					 memory_order_relaxed) == 0);
}

static void *
thief(void *arg)
{
	struct tpar_future *f;

	if (tpi_deque_steal(&deque, &f) == TPI_STEAL_GOT) {
		take(f);
	}
	if (tpi_deque_steal(&deque, &f) == TPI_STEAL_GOT) {
		take(f);
	}
	return arg;
}

int
main(void)
{
	struct tpar_future *set[2] = { &entry[1], &entry[2] };
	struct tpar_future *f;
	pthread_t thread;
	int i;

	tpi_deque_init(&deque);
	pthread_create(&thread, NULL, thief, NULL);
	for (i = 0; i < N; i++) {
		entry[i].content = 7;
		assert(tpi_deque_push_owner(&deque, &entry[i], false));
	}
	if (TRIM) {
		size_t k = tpi_deque_trim_owner(&deque, set, 2);

		assert(k <= 2);
		for (i = 0; i < (int)k; i++) {
			take(set[1 - i]);
		}
	}
	for (i = 0; i < N; i++) {
		f = tpi_deque_pop_owner(&deque);
		if (f != NULL) {
			take(f);
		}
	}
	pthread_join(thread, NULL);
	for (i = 0; i < N; i++) {
		assert(atomic_load_explicit(&taken[i], memory_order_relaxed) ==
		       1);
	}
	return 0;
}
