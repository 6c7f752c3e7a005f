/* SPDX-License-Identifier: MIT */
/*
 * remote.c - blocks of a heap that other threads free.  REUSE: its owner takes
 * them over and uses them again, while they are still coming.  LAST: the pool
 * goes meanwhile, and whoever frees the last block frees the arena.  SHARED: two
 * threads from outside take and free blocks of one heap.
 *
 * GENMC: --disable-spin-assume --unroll=12
 * CFLAGS: -DSHARED
 * CFLAGS: -DREUSE
 * CFLAGS: -DREUSE -DCHAIN
 * CFLAGS: -DLAST
 * MUTANT: heap.c /ORDER H3 acq_rel -- unref_arena/,/;/s/_acq_rel/_relaxed/
 * MUTANT: heap.c /ORDER H3 acq_rel -> tpi_heap_put_chain/,/;/s/_acq_rel/_relaxed/
 * MUTANT: heap.c /All first/,/relaxed);/s/(int64_t)heap->cut/0/
 * MUTANT: heap.c s/unused = count_links(remote)/unused = 0/
 * MUTANT: -ULAST -DREUSE heap.c /ORDER H1 acquire/,/;/s/_acquire/_relaxed/
 * MUTANT: -ULAST -DREUSE heap.c /ORDER H1 acq_rel -> take_remote/,/;/s/_acq_rel/_relaxed/
 * MUTANT: -ULAST -DREUSE heap.c s/tpi_store_relaxed(&last->next, head)/tpi_store_relaxed(\&last->next, NULL)/
 * MUTANT: -ULAST -DSHARED heap.c /ORDER H2 acquire <- tpi_heap_leave_shared/,/;/s/_acquire)/_relaxed)/
 * MUTANT: -ULAST -DSHARED heap.c /ORDER H2 release/,/;/s/_release/_relaxed/
 */
#define TPI_SLAB_SIZE ((size_t)1024)
#include "src/heap.c"

#include <assert.h>
#include <pthread.h>

static struct tpi_arena *arena;
static struct tpi_heap *heap;
static struct tpar_future *block[3];

static void *
alloc(size_t size, size_t align, void *context)
{
	(void)context;
	return aligned_alloc(align, size);
}

static void
give(void *memory, size_t size, void *context)
{
	(void)size;
	(void)context;
	free(memory);
}

static struct tpi_heap *
init(struct tpi_heap *of)
{
	unsigned i;

	for (i = 0; i < TPI_CLASSES; i++) {
		of->free[i] = NULL;
		of->bump[i] = NULL;
		of->bump_end[i] = NULL;
	}
	of->collected = NULL;
	of->cut = 0;
	of->spans = NULL;
	of->slab = NULL;
	of->slab_end = NULL;
	of->arena = arena;
	atomic_init(&of->busy, 0);
	atomic_init(&of->remote, NULL);
	return of;
}

/* As tpi_arena_create() and tpi_arena_add_heap(), which copy and clear. */
static void
make_arena(void)
{
	unsigned i;

	arena = alloc(sizeof *arena, TPI_CACHELINE, NULL);
	arena->allocator.alloc = alloc;
	arena->allocator.free = give;
	arena->allocator.context = NULL;
	atomic_init(&arena->refs, 1);
	arena->last = NULL;
	arena->heaps = alloc(sizeof(void *), sizeof(void *), NULL);
	arena->heap_capacity = 1;
	arena->heap_count = 1;
	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		(void)init(&arena->shared[i]);
	}
	heap = init(alloc(sizeof *heap, TPI_CACHELINE, NULL));
	arena->heaps[0] = heap;
}

static struct tpar_future *
get(struct tpi_heap *from)
{
	struct tpar_future *f = tpi_heap_get_slow(from, 0);

	f->flags = 0;
	f->code = 7;
	return f;
}

#ifndef SHARED
static void *
free_one(void *arg)
{
	struct tpar_future *f = arg;

	assert(f->code == 7);
	f->code = 0;
	tpi_heap_put(NULL, f, 0);
	return NULL;
}
#endif

#ifdef CHAIN
/* As tpar_future_unref_all(). */
static void *
free_two(void *arg)
{
	block[0]->code = 0;
	block[1]->code = 0;
	tpi_store_relaxed(&block[1]->link.next, &block[0]->link);
	tpi_heap_put_chain(heap, &block[1]->link, &block[0]->link, 2);
	return arg;
}
#endif

#ifdef REUSE
static void
use_again(void)
{
	struct tpar_future *f[3];
	int i;

	for (i = 0; i < 3; i++) {
		f[i] = get(heap);
		assert(i < 1 || f[0] != f[i]);
		assert(i < 2 || f[1] != f[i]);
	}
	for (i = 0; i < 3; i++) {
		assert(f[i]->code == 7);
		tpi_heap_put(heap, f[i], 0);
	}
}
#endif

#ifdef SHARED
static void *
outside(void *arg)
{
	struct tpi_heap *mine = tpi_heap_enter_shared(arena, 0);
	struct tpar_future *f = get(mine);

	tpi_heap_leave_shared(mine);
	assert(f->code == 7);
	f->code = arg != NULL;
	tpi_heap_put(NULL, f, 0);
	return NULL;
}
#endif

int
main(void)
{
	pthread_t thread[2];

	make_arena();
#ifdef SHARED
	pthread_create(&thread[0], NULL, outside, NULL);
	pthread_create(&thread[1], NULL, outside, &block);
#else
	block[0] = get(heap);
	block[1] = get(heap);
	block[2] = get(heap);
#ifdef CHAIN
	pthread_create(&thread[0], NULL, free_two, NULL);
#else
	pthread_create(&thread[0], NULL, free_one, block[0]);
#endif
	pthread_create(&thread[1], NULL, free_one, block[2]);
#endif
#ifdef REUSE
	use_again();
#endif
#ifdef LAST
	tpi_heap_put(heap, block[1], 0);
#else
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
#endif
	tpi_arena_abandon(arena);
#ifdef LAST
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
#endif
#if defined(REUSE) && !defined(CHAIN)
	tpi_heap_put(NULL, block[1], 0);
#endif
	return 0;
}
