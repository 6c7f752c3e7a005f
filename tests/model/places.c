/* SPDX-License-Identifier: MIT */
/*
 * places.c - threads that borrow places for values, by src/reduce.c, under the
 * lock of src/algo.c: no two have one at the same time, the next one to have it
 * comes after all use of it, and there are no more than threads.
 *
 * BLOCKED: where a thread would still wait for the lock
 * GENMC: --disable-spin-assume
 * CFLAGS: -DTHREADS=2 -DTWICE
 * CFLAGS: -DTHREADS=3
 * MUTANT: algo.c /ORDER A1 acquire/,/!=/s/_acquire/_relaxed/
 * MUTANT: algo.c /ORDER A1 release/,/;/s/_release/_relaxed/
 * MUTANT: algo.c s/while (atomic_exchange_explicit(&algo->lock, 1, memory/while (atomic_load_explicit(\&algo->lock, memory/
 * MUTANT: reduce.c /^take_place/,/^}/s/tpi_algo_hold(&r->algo);//;/^take_place/,/^}/s/tpi_algo_release(&r->algo);//
 * MUTANT: reduce.c s/r->spares = place->spare;//
 */
#include "self.h"

#include "src/algo.c"

#include "src/reduce.c"

#include <assert.h>
#include <pthread.h>

static struct tpar_reduction how;
static struct reduce r;
static int number[THREADS];

static void
borrow(int *self)
{
	struct room room;
	int *value = take_place(&r, &room);

	*value = *self;
	assert(*value == *self);
	give_place(&r, value);
}

static void *
worker(void *arg)
{
	borrow(arg);
#ifdef TWICE
	borrow(arg);
#endif
	return arg;
}

int
main(void)
{
	pthread_t thread[THREADS];
	struct place *place;
	int places = 0;
	int spares = 0;
	int i;

	how.value_size = SMALL + sizeof(int);
	r.how = &how;
	for (i = 0; i < THREADS; i++) {
		number[i] = i;
	}
	for (i = 1; i < THREADS; i++) {
		pthread_create(&thread[i], NULL, worker, &number[i]);
	}
	worker(&number[0]);
	for (i = 1; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
	}
	for (place = r.spares; place != NULL; place = place->spare) {
		assert(++spares <= THREADS);
	}
	while ((place = r.places) != NULL) {
		r.places = place->next;
		free(place);
		places++;
	}
	assert(places == spares && places <= THREADS);
	return 0;
}
