/* SPDX-License-Identifier: MIT */
/*
 * letgo.c - what several threads hold and use, and the last of them frees: a MAP,
 * a group's SCOPE, a STREAM.  It is freed once, after all use, also that of who
 * has let go before.  (A deadline: deadline.c.)
 *
 * MAP: its drivers and the call.  SCOPE: sweeps and the owner.  STREAM: members
 * end, by has_ended(), while its user takes what there is and closes it.
 *
 * GENMC: --disable-spin-assume
 * CFLAGS: -DSCOPE
 * CFLAGS: -DSTREAM
 * CFLAGS: -DMAP
 * MUTANT: map.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_relaxed/
 * MUTANT: map.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_release/
 * MUTANT: map.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_acquire/
 * MUTANT: -UMAP -DSCOPE scope.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_relaxed/
 * MUTANT: -UMAP -DSCOPE scope.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_release/
 * MUTANT: -UMAP -DSCOPE scope.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_acquire/
 * MUTANT: -UMAP -DSTREAM stream.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_relaxed/
 * MUTANT: -UMAP -DSTREAM stream.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_release/
 * MUTANT: -UMAP -DSTREAM stream.c /ORDER M2 acq_rel/,/;/s/_acq_rel/_acquire/
 * MUTANT: -UMAP -DSTREAM stream.c /^has_ended/,/^}/s/tpi_lock_enter(&s->lock);/& let_go(s);/
 * MUTANT: -DNO_HOLD
 */
#include "self.h"

#ifdef MAP
#include "src/map.c"
#endif
#ifdef SCOPE
#include "src/scope.c"
#endif
#ifdef STREAM
#include "src/stream.c"
#include "locks.h"
#endif

#include <assert.h>
#include <stdlib.h>

#define HOLDERS 3
#ifdef NO_HOLD
#define HOLDS (HOLDERS - 1)
#else
#define HOLDS HOLDERS
#endif

uint32_t tpi_fork_generation;
static int number[HOLDERS] = { 0, 1, 2 };

#ifdef MAP
static struct map *map;

static void
make_held(void)
{
	_Static_assert(HOLDERS * sizeof(struct driver) <= TPI_CACHELINE, "");
	/* As make_map(), whose size is rounded up. */
	map = aligned_alloc(TPI_CACHELINE, sizeof *map + TPI_CACHELINE);
	map->n = HOLDERS;
	map->done = malloc(HOLDERS);
	atomic_init(&map->holds, HOLDS);
}

static void
use(int i)
{
	struct driver *driver = &map->driver[i];

	driver->map = map;
	driver->item = map->n;
	tpi_store_relaxed(&map->done[i], 1);
	drop_driver(driver);
}
#endif

#ifdef SCOPE
static struct tpar_group *group;
static int last_ones;

static void
last(struct tpar_group *g)
{
	assert(g->sweep_next == g && g->body_code == 7 && g->failures == 7);
	last_ones++;
	free(g);
}

static void
make_held(void)
{
	int i;

	group = malloc(sizeof *group);
	group->last = last;
	atomic_init(&group->holds, 1);
	for (i = 1; i < HOLDS; i++) {
		tpi_scope_hold(group);
	}
}

/* Something of its own each. */
static void
use(int i)
{
	if (i == 0) {
		group->body_code = 7;
	} else if (i == 1) {
		group->failures = 7;
	} else {
		group->sweep_next = group;
	}
	tpi_scope_let_go(group);
}
#endif

#ifdef STREAM
static struct tpar_stream *stream;

void
tpi_lock_fini(struct tpi_lock *lock)
{
	lock->rank = 0; /* not while somebody is still leaving it */
}

static void
make_held(void)
{
	int i;

	stream = malloc(sizeof *stream);
	stream->n = stream->total = HOLDERS - 1;
	stream->entry = aligned_alloc(_Alignof(struct entry),
				      HOLDERS * sizeof stream->entry[0]);
	stream->f = malloc(sizeof(tpar_future *));
	stream->ready = malloc(HOLDERS * sizeof stream->ready[0]);
	stream->ended = stream->given = 0;
	stream->waiting = NULL;
	pthread_mutex_init(&stream->lock.mutex, NULL);
	atomic_init(&stream->holds, HOLDS);
	for (i = 1; i < HOLDERS; i++) {
		stream->entry[i].stream = stream;
		stream->entry[i].index = i;
	}
}

static void
use(int i)
{
	struct next next = { .s = stream };

	if (i > 0) {
		has_ended(&stream->entry[i].callback, NULL);
		return;
	}
	if (take(&next)) {
		assert(!next.end && next.index > 0 && next.index < HOLDERS);
	}
	tpar_stream_close(stream);
}
#endif

static void *
holder(void *arg)
{
	use(*(int *)arg);
	return arg;
}

int
main(void)
{
	pthread_t thread[HOLDERS];
	int i;

	make_held();
	for (i = 1; i < HOLDERS; i++) {
		pthread_create(&thread[i], NULL, holder, &number[i]);
	}
	use(0);
	for (i = 1; i < HOLDERS; i++) {
		pthread_join(thread[i], NULL);
	}
#ifdef SCOPE
	assert(last_ones == 1);
#endif
	return 0;
}
