/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the memory of futures: slabs cut into blocks of three sizes, one
 * heap per worker and a few for outside threads.
 *
 * A block goes back to the heap that cut it.  The owner of a heap takes and
 * frees without atomics; everybody else pushes what he frees to `remote`, which
 * the owner takes over as a whole when it runs dry.  The heaps of a pool live
 * in an arena that outlives the pool until the last block is freed.
 * Proof: doc/ORDER.md#heap.
 */
#ifndef TPI_HEAP_H
#define TPI_HEAP_H

#include "atomics.h"
#include "base.h"
#include "inject.h"

#include <taskpar/pool.h>

struct tpar_future;

/* Blocks of 128, 256 and 512 bytes. */
enum { TPI_CLASSES = 3, TPI_CLASS_LARGE = 3 };
#define TPI_CLASS_SIZE(c) ((size_t)128 << (c))

/*
 * A slab is aligned to its size, so that a block finds its slab, and that its
 * heap, without a look at itself.  Slabs are allocated in spans, as so large an
 * alignment costs an allocator some memory around: the first span of a heap is
 * one slab, the later ones are longer.
 */
#ifndef TPI_SLAB_SIZE
#define TPI_SLAB_SIZE ((size_t)65536)
#endif
#define TPI_SPAN_MAX 16

/* Blocks begin here, so that they are aligned to TPI_CACHELINE. */
#define TPI_SLAB_HEADER ((size_t)TPI_CACHELINE)

struct tpi_arena;
struct tpi_heap;

struct tpi_slab {
	struct tpi_heap *heap; /* [c] */
	struct tpi_slab *next; /* [o] in the first of a span: the one before */
	size_t span;	       /* [o] there: its slabs */
};

struct tpi_heap {
	struct tpi_link *free[TPI_CLASSES]; /* [o] */
	char *bump[TPI_CLASSES];	    /* [o] not yet cut */
	char *bump_end[TPI_CLASSES];	    /* [o] */
	struct tpi_link *collected; /* [o] taken from remote, not sorted yet */
	size_t cut;		    /* [o] blocks ever cut */
	struct tpi_slab *spans;	    /* [o] by their first slabs */
	char *slab;		    /* [o] the next one of the newest span */
	char *slab_end;		    /* [o] */
	struct tpi_arena *arena;    /* [c] */
	_Atomic uint32_t busy; /* [a:H2] shared heaps: who holds it owns it */
	_Alignas(TPI_CACHELINE) _Atomic(struct tpi_link *) remote; /* [a:H1] */
};

/* Enough that threads which submit from outside rarely meet. */
#define TPI_SHARED_HEAPS 8

struct tpi_arena {
	struct tpar_allocator allocator; /* [c] */
	_Atomic int64_t refs;	  /* [a:H3] pool, large blocks, orphans */
	void (*last)(void *pool); /* [c] called before the arena goes */
	void *pool;		  /* [c] for last */
	size_t heap_count;	  /* [m:pool] */
	size_t heap_capacity;	  /* [c] */
	struct tpi_heap **heaps;  /* [m:pool] */
	struct tpi_heap shared[TPI_SHARED_HEAPS];
};

/* allocator: copied; alloc NULL means the C library's.  NULL: no memory. */
struct tpi_arena *tpi_arena_create(const struct tpar_allocator *allocator,
				   size_t heap_capacity);

/* One more worker's heap; called under the pool's lock.  NULL: no memory. */
struct tpi_heap *tpi_arena_add_heap(struct tpi_arena *arena);

/*
 * The pool is gone: nobody owns a heap any more.  Blocks still in use keep the
 * arena alive.
 */
void tpi_arena_abandon(struct tpi_arena *arena);

/* Memory other than futures, from the same allocator. */
void *tpi_arena_alloc(struct tpi_arena *arena, size_t size, size_t align);
void tpi_arena_free(struct tpi_arena *arena, void *memory, size_t size);

/* A shared heap that the caller owns until it leaves it; never fails. */
struct tpi_heap *tpi_heap_enter_shared(struct tpi_arena *arena, unsigned hint);
void tpi_heap_leave_shared(struct tpi_heap *heap);

/* All of them, for a fork. */
void tpi_arena_enter_shared(struct tpi_arena *arena);
void tpi_arena_leave_shared(struct tpi_arena *arena);

/*
 * A block of a class; owner only.  Its cur is NULL and its pins are 0, as they
 * are whenever a block is free.  NULL: no memory.
 */
struct tpar_future *tpi_heap_get_slow(struct tpi_heap *heap, unsigned class);

/* A block of its own, for what no class has room for; any thread. */
struct tpar_future *tpi_heap_get_large(struct tpi_heap *heap, size_t size,
				       size_t align);

/* The heap that a block, not a large one, was cut by. */
static inline struct tpi_heap *
tpi_heap_of(const void *block)
{
	return ((struct tpi_slab *)((uintptr_t)block &
				    ~(uintptr_t)(TPI_SLAB_SIZE - 1)))
		->heap;
}

/* Frees a block of this class that its owner cut. */
static inline void
tpi_heap_put_own(struct tpi_heap *heap, struct tpi_link *block, unsigned class)
{
	tpi_store_relaxed(&block->next, heap->free[class]);
	heap->free[class] = block;
}

/*
 * Frees a block; `own` is the heap that the caller owns, or NULL.  `size` is
 * that of a large block.
 */
void tpi_heap_put(struct tpi_heap *own, struct tpar_future *f, size_t size);

/* Frees n blocks of one home, linked first..last, none of them large. */
void tpi_heap_put_chain(struct tpi_heap *home, struct tpi_link *first,
			struct tpi_link *last, size_t n);

#endif
