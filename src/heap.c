/* SPDX-License-Identifier: MIT */
/*
 * heap.c - cutting slabs, taking back what other threads freed, and the arena's
 * last day.  Run by the owner of a heap, but for tpi_heap_put_chain().
 */
#include "config.h"

#include "die.h"
#include "future.h"
#include "heap.h"

#include <stdlib.h>
#include <string.h>

/* In `remote`: the heap has no owner any more. */
#define ABANDONED ((struct tpi_link *)1)

static void *
default_alloc(size_t size, size_t align, void *context)
{
	(void)context;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void
default_free(void *memory, size_t size, void *context)
{
	(void)size;
	(void)context;
	free(memory);
}

void *
tpi_arena_alloc(struct tpi_arena *arena, size_t size, size_t align)
{
	return arena->allocator.alloc(size, align, arena->allocator.context);
}

void
tpi_arena_free(struct tpi_arena *arena, void *memory, size_t size)
{
	arena->allocator.free(memory, size, arena->allocator.context);
}

static void
init_heap(struct tpi_heap *heap, struct tpi_arena *arena)
{
	memset(heap, 0, sizeof *heap);
	heap->arena = arena;
	atomic_init(&heap->busy, 0);
	atomic_init(&heap->remote, NULL);
}

static size_t
heaps_size(size_t capacity)
{
	return capacity * sizeof(struct tpi_heap *);
}

struct tpi_arena *
tpi_arena_create(const struct tpar_allocator *allocator, size_t heap_capacity)
{
	struct tpar_allocator from = { default_alloc, default_free, NULL };
	struct tpi_arena *arena;
	size_t i;

	if (allocator != NULL && allocator->alloc != NULL) {
		from = *allocator;
	}
	arena = from.alloc(sizeof *arena, TPI_CACHELINE, from.context);
	if (arena == NULL) {
		return NULL;
	}
	arena->allocator = from;
	atomic_init(&arena->refs, 1);
	arena->last = NULL;
	arena->pool = NULL;
	arena->heap_count = 0;
	arena->heap_capacity = heap_capacity;
	arena->heaps = tpi_arena_alloc(arena, heaps_size(heap_capacity),
				       sizeof(void *));
	if (arena->heaps == NULL) {
		tpi_arena_free(arena, arena, sizeof *arena);
		return NULL;
	}
	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		init_heap(&arena->shared[i], arena);
	}
	return arena;
}

struct tpi_heap *
tpi_arena_add_heap(struct tpi_arena *arena)
{
	struct tpi_heap *heap;

	TPI_CHECK(arena->heap_count < arena->heap_capacity);
	heap = tpi_arena_alloc(arena, sizeof *heap, TPI_CACHELINE);
	if (heap != NULL) {
		init_heap(heap, arena);
		arena->heaps[arena->heap_count++] = heap;
	}
	return heap;
}

static void
free_spans(struct tpi_heap *heap)
{
	struct tpi_slab *first;

	while ((first = heap->spans) != NULL) {
		heap->spans = first->next;
		TPI_UNPOISON(first, first->span * TPI_SLAB_SIZE);
		tpi_arena_free(heap->arena, first, first->span * TPI_SLAB_SIZE);
	}
}

static void
unref_arena(struct tpi_arena *arena, int64_t n)
{
	size_t i;

	/* ORDER H3 acq_rel -- unref_arena(): all use of blocks is over. */
	if (atomic_fetch_sub_explicit(&arena->refs, n, memory_order_acq_rel) !=
	    n) {
		return;
	}
	if (arena->last != NULL) {
		arena->last(arena->pool);
	}
	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		free_spans(&arena->shared[i]);
	}
	for (i = 0; i < arena->heap_count; i++) {
		free_spans(arena->heaps[i]);
		tpi_arena_free(arena, arena->heaps[i], sizeof *arena->heaps[i]);
	}
	tpi_arena_free(arena, arena->heaps, heaps_size(arena->heap_capacity));
	tpi_arena_free(arena, arena, sizeof *arena);
}

static int64_t
count_links(struct tpi_link *link)
{
	int64_t n = 0;

	for (; link != NULL; link = tpi_load_relaxed(&link->next)) {
		n++;
	}
	return n;
}

/* Blocks of this heap that are in use become references of the arena. */
static void
abandon_heap(struct tpi_heap *heap)
{
	struct tpi_arena *arena = heap->arena;
	struct tpi_link *remote;
	int64_t unused = 0;
	size_t i;

	/* All first: blocks may be freed as soon as the heap is marked. */
	atomic_fetch_add_explicit(&arena->refs, (int64_t)heap->cut,
				  memory_order_relaxed);
	/* ORDER H1 acq_rel <- tpi_heap_put_chain(): the links. */
	/* ORDER H3 acq_rel -> tpi_heap_put_chain(): refs, then the mark. */
	remote = atomic_exchange_explicit(&heap->remote, ABANDONED,
					  memory_order_acq_rel);
	unused = count_links(remote) + count_links(heap->collected);
	for (i = 0; i < TPI_CLASSES; i++) {
		unused += count_links(heap->free[i]);
	}
	atomic_fetch_sub_explicit(&arena->refs, unused, memory_order_relaxed);
}

void
tpi_arena_abandon(struct tpi_arena *arena)
{
	size_t i;

	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		abandon_heap(&arena->shared[i]);
	}
	for (i = 0; i < arena->heap_count; i++) {
		abandon_heap(arena->heaps[i]);
	}
	unref_arena(arena, 1);
}

struct tpi_heap *
tpi_heap_enter_shared(struct tpi_arena *arena, unsigned hint)
{
	unsigned i;

	/* ENDS: each holder leaves after a bounded number of steps. */
	for (i = 0;; i++) {
		struct tpi_heap *heap =
			&arena->shared[(hint + i) % TPI_SHARED_HEAPS];

		/* ORDER H2 acquire <- tpi_heap_leave_shared() */
		if (tpi_load_relaxed(&heap->busy) == 0 &&
		    atomic_exchange_explicit(&heap->busy, 1,
					     memory_order_acquire) == 0) {
			return heap;
		}
		if (i % TPI_SHARED_HEAPS == TPI_SHARED_HEAPS - 1) {
			tpi_yield();
		}
	}
}

void
tpi_heap_leave_shared(struct tpi_heap *heap)
{
	/* ORDER H2 release -> tpi_heap_enter_shared() */
	atomic_store_explicit(&heap->busy, 0, memory_order_release);
}

void
tpi_arena_enter_shared(struct tpi_arena *arena)
{
	unsigned i;

	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		/* ENDS: its holder leaves after a bounded number of steps. */
		/* ORDER H2 acquire <- tpi_heap_leave_shared() */
		while (atomic_exchange_explicit(&arena->shared[i].busy, 1,
						memory_order_acquire) != 0) {
			tpi_yield();
		}
	}
}

void
tpi_arena_leave_shared(struct tpi_arena *arena)
{
	unsigned i;

	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		tpi_heap_leave_shared(&arena->shared[i]);
	}
}

/*
 * The next block of this class that others have freed, or NULL.  Blocks are
 * sorted by class only here, when they are about to be used: to do so all at
 * once would fetch each into the cache for nothing.
 */
static struct tpar_future *
take_remote(struct tpi_heap *heap, unsigned class)
{
	struct tpi_link *link = heap->collected;
	struct tpar_future *f;

	if (link == NULL && tpi_load_relaxed(&heap->remote) != NULL) {
		/* ORDER H1 acquire <- tpi_heap_put_chain(): links, blocks. */
		link = atomic_exchange_explicit(&heap->remote, NULL,
						memory_order_acquire);
	}
	for (; link != NULL; link = heap->collected) {
		heap->collected = tpi_load_relaxed(&link->next);
		f = tpi_future_of_link(link);
		if (tpi_future_class(f) == class) {
			TPI_UNPOISON(f, TPI_CLASS_SIZE(class));
			return f;
		}
		tpi_heap_put_own(heap, link, tpi_future_class(f));
	}
	return NULL;
}

/* A new span; without memory for a long one, a short one. */
static bool
add_span(struct tpi_heap *heap)
{
	size_t n = heap->spans != NULL ? 4 * heap->spans->span : 1;
	struct tpi_slab *first = NULL;

	n = n < TPI_SPAN_MAX ? n : TPI_SPAN_MAX;
	for (; n > 0 && first == NULL; n /= 4) {
		first = tpi_arena_alloc(heap->arena, n * TPI_SLAB_SIZE,
					TPI_SLAB_SIZE);
		if (first != NULL) {
			first->next = heap->spans;
			first->span = n;
			heap->spans = first;
			heap->slab = (char *)first;
			heap->slab_end = (char *)first + n * TPI_SLAB_SIZE;
		}
	}
	return first != NULL;
}

static bool
next_slab(struct tpi_heap *heap, unsigned class)
{
	if (heap->slab == heap->slab_end && !add_span(heap)) {
		return false;
	}
	((struct tpi_slab *)(void *)heap->slab)->heap = heap;
	heap->bump[class] = heap->slab + TPI_SLAB_HEADER;
	heap->slab += TPI_SLAB_SIZE;
	heap->bump_end[class] = heap->slab;
	return true;
}

static struct tpar_future *
cut_block(struct tpi_heap *heap, unsigned class)
{
	size_t size = TPI_CLASS_SIZE(class);
	struct tpar_future *f;

	if ((size_t)(heap->bump_end[class] - heap->bump[class]) < size &&
	    !next_slab(heap, class)) {
		return NULL;
	}
	f = (struct tpar_future *)(void *)heap->bump[class];
	heap->bump[class] += size;
	heap->cut++;
	atomic_init(&f->cur, NULL);
	atomic_init(&f->pins, 0);
	return f;
}

struct tpar_future *
tpi_heap_get_slow(struct tpi_heap *heap, unsigned class)
{
	struct tpi_link *link = heap->free[class];
	struct tpar_future *f;

	if (link == NULL) {
		f = take_remote(heap, class);
		return f != NULL ? f : cut_block(heap, class);
	}
	heap->free[class] = tpi_load_relaxed(&link->next);
	f = tpi_future_of_link(link);
	TPI_UNPOISON(f, TPI_CLASS_SIZE(class));
	return f;
}

struct tpar_future *
tpi_heap_get_large(struct tpi_heap *heap, size_t size, size_t align)
{
	struct tpar_future *f = tpi_arena_alloc(heap->arena, size, align);

	if (f != NULL) {
		atomic_fetch_add_explicit(&heap->arena->refs, 1,
					  memory_order_relaxed);
		f->heap = heap;
		atomic_init(&f->cur, NULL);
		atomic_init(&f->pins, 0);
	}
	return f;
}

void
tpi_heap_put(struct tpi_heap *own, struct tpar_future *f, size_t size)
{
	struct tpi_heap *home = tpi_future_home(f);

	if (tpi_future_class(f) == TPI_CLASS_LARGE) {
		tpi_arena_free(home->arena, f, size);
		unref_arena(home->arena, 1);
	} else if (home == own) {
		tpi_heap_put_own(home, &f->link, tpi_future_class(f));
	} else {
		tpi_heap_put_chain(home, &f->link, &f->link, 1);
	}
}

void
tpi_heap_put_chain(struct tpi_heap *home, struct tpi_link *first,
		   struct tpi_link *last, size_t n)
{
	/* ORDER H3 acquire <- abandon_heap(): the arena's count, then the mark. */
	struct tpi_link *head =
		atomic_load_explicit(&home->remote, memory_order_acquire);

	do {
		if (head == ABANDONED) {
			unref_arena(home->arena, (int64_t)n);
			return;
		}
		tpi_store_relaxed(&last->next, head);
		/* ORDER H1 acq_rel -> take_remote(): links and blocks. */
		/* ORDER H3 acquire <- abandon_heap() */
	} while (!atomic_compare_exchange_weak_explicit(
		&home->remote, &head, first, memory_order_acq_rel,
		memory_order_acquire));
}
