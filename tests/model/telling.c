/* SPDX-License-Identifier: MIT */
/*
 * telling.c - items of a map end on several threads, by tell() of src/map.c: one
 * thread at a time calls the user's function, each with what the one before it
 * wrote; the counts only grow; the last one told is that of all.
 *
 * CFLAGS: -DTHREADS=2
 * CFLAGS: -DTHREADS=3
 * MUTANT: map.c /ORDER M4 seq_cst -- tell(): count/,/;/s/_seq_cst/_acq_rel/
 * MUTANT: map.c /exchange_explicit(&map->telling/,/;/s/_seq_cst/_acq_rel/
 * MUTANT: map.c /ORDER M4 seq_cst -- tell(): stop/,/;/s/_seq_cst/_release/
 * MUTANT: map.c /more = atomic_load/s/_seq_cst/_acquire/
 * MUTANT: map.c /exchange_explicit(&map->telling/,/;/s/_seq_cst/_relaxed/
 * MUTANT: map.c /ORDER M4 seq_cst -- tell(): stop/,/;/s/_seq_cst/_relaxed/
 * MUTANT: map.c s/while (more)/while (0)/
 * MUTANT: map.c s/if (ended > tpi_load_relaxed(&map->told))/if (1)/
 */
#include "self.h"

#include "src/map.c"

#include <assert.h>

static struct map map;
static size_t last_told; /* the user's; nothing of his own guards it */

static void
progress(size_t ended, size_t n, void *arg)
{
	assert(arg == &last_told);
	assert(ended > last_told && ended <= n);
	last_told = ended;
}

static void *
end_item(void *arg)
{
	tell(&map);
	return arg;
}

int
main(void)
{
	pthread_t thread[THREADS];
	int i;

	map.n = THREADS;
	map.options.progress = progress;
	map.options.arg = &last_told;
	for (i = 1; i < THREADS; i++) {
		pthread_create(&thread[i], NULL, end_item, NULL);
	}
	tell(&map);
	for (i = 1; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
	}
	assert(last_told == THREADS);
	return 0;
}
