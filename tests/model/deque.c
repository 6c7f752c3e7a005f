/* SPDX-License-Identifier: MIT */
/*
 * deque.c - one owner who pushes, pops, trims and spills, and two thieves:
 * every entry is taken once, and what it points to is seen.  In a ring of two,
 * every slot is used again.
 *
 * CFLAGS: -DTRIM
 * CFLAGS: -DTPI_DEQUE_SIZE=2
 * CFLAGS: -DBETWEEN
 * GENMC: --disable-loop-jump-threading
 * MUTANT: deque.h /ORDER D1 release -> tpi_deque_steal(): slot/,/;/s/_release/_relaxed/
 * MUTANT: deque.h /ORDER D2 seq_cst -- tpi_deque_steal(): lower/,/;/s/_seq_cst/_release/
 * MUTANT: deque.h /ORDER D2 seq_cst -- tpi_deque_pop_owner(): see top/,/;/s/_seq_cst/_acquire/
 * MUTANT: deque.h /ORDER D1 D2/,/;/s/_seq_cst/_acquire/
 * MUTANT: -UBETWEEN -DTPI_DEQUE_SIZE=2 deque.h s/if (b - d->top_seen >= TPI_DEQUE_SIZE)/if (0)/
 * MUTANT: -UBETWEEN -DTPI_DEQUE_SIZE=2 deque.h s/&d->top, &t, t + n/\&d->top, \&t, t/
 * MUTANT: -UBETWEEN -DTRIM deque.h s/if (t < b - k)/if (t <= b - k)/
 * MUTANT: deque.h s/if (t < b) {/if (t <= b) {/
 */
#include <assert.h>
#include <pthread.h>

#ifndef TPI_DEQUE_SIZE
#define TPI_DEQUE_SIZE 4
#endif
#include "src/deque.h"

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
	int i;

	for (i = 0; i < 2; i++) {
		if (tpi_deque_steal(&deque, &f) == TPI_STEAL_GOT) {
			take(f);
		}
	}
	return arg;
}

static void
push(struct tpar_future *f)
{
	struct tpar_future *out[TPI_DEQUE_SIZE / 2];

	f->content = 7;
	if (!tpi_deque_push_owner(&deque, f, false)) {
		if (tpi_deque_spill_owner(&deque, out) > 0) {
			take(out[0]); /* in a ring of two there is one */
		}
		assert(tpi_deque_push_owner(&deque, f, false));
	}
}

static void
pop(void)
{
	struct tpar_future *f = tpi_deque_pop_owner(&deque);

	if (f != NULL) {
		take(f);
	}
}

int
main(void)
{
	pthread_t thread[2];
	int i;

	tpi_deque_init(&deque);
	pthread_create(&thread[0], NULL, thief, NULL);
	pthread_create(&thread[1], NULL, thief, NULL);
	for (i = 0; i < N; i++) {
		push(&entry[i]);
#ifdef BETWEEN
		if (i == 1) {
			pop();
		}
#endif
	}
#ifdef TRIM
	struct tpar_future *set[2] = { &entry[1], &entry[2] };
	size_t k = tpi_deque_trim_owner(&deque, set, 2);

	assert(k <= 2);
	for (; k > 0; k--) {
		take(set[2 - k]);
	}
#endif
	for (i = 0; i < N; i++) {
		pop();
	}
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	for (i = 0; i < N; i++) {
		assert(atomic_load_explicit(&taken[i], memory_order_relaxed) ==
		       1);
	}
	return 0;
}
