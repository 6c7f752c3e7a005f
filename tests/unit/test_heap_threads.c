/* SPDX-License-Identifier: MIT */
/*
 * test_heap_threads.c - heaps whose blocks are freed by other threads, also
 * while the arena is abandoned.
 */
#include "config.h"

#include "src/future.h"
#include "src/heap.h"

#include "unit.h"

#include <string.h>

enum { THREADS = 3, BATCH = 64 };

static _Atomic long live; /* calls of the allocator not undone */

static void *
counted_alloc(size_t size, size_t align, void *context)
{
	(void)context;
	atomic_fetch_add(&live, 1);
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void
counted_free(void *memory, size_t size, void *context)
{
	(void)size;
	(void)context;
	atomic_fetch_sub(&live, 1);
	free(memory);
}

static struct tpi_arena *
make_arena(void)
{
	struct tpar_allocator counted = { counted_alloc, counted_free, NULL };
	struct tpi_arena *arena = tpi_arena_create(&counted, 4);

	UNIT_MUST(arena != NULL);
	return arena;
}

static struct tpar_future *
get(struct tpi_heap *heap, unsigned class)
{
	struct tpar_future *f = tpi_heap_get_slow(heap, class);

	UNIT_MUST(f != NULL);
	f->flags = (uint8_t)(class << TPI_F_CLASS_SHIFT);
	return f;
}

/* A mailbox from the owner to those who free. */
struct box {
	_Atomic(struct tpar_future *) full[BATCH];
	_Atomic int stop;
};

static void *
free_what_comes(void *arg)
{
	struct box *box = arg;
	struct tpar_future *f;
	int stop;
	int i;

	do {
		stop = atomic_load(&box->stop);
		for (i = 0; i < BATCH; i++) {
			f = atomic_exchange(&box->full[i], NULL);
			if (f != NULL) {
				memset(f->small, 0xee, sizeof f->small);
				tpi_heap_put(NULL, f, 0);
			}
		}
	} while (!stop);
	return NULL;
}

START_TEST(freed_elsewhere_is_used_again)
{
	long n = unit_scaled(300000);
	struct tpi_arena *arena = make_arena();
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	pthread_t thread[THREADS];
	struct tpar_future *f;
	struct box box;
	long i;

	memset(&box, 0, sizeof box);
	for (i = 0; i < THREADS; i++) {
		thread[i] = unit_start(free_what_comes, &box);
	}
	for (i = 0; i < n; i++) {
		f = atomic_exchange(&box.full[i % BATCH],
				    get(heap, (unsigned)(i % TPI_CLASSES)));
		if (f != NULL) { /* nobody came: it is the owner's again */
			tpi_heap_put(heap, f, 0);
		}
	}
	atomic_store(&box.stop, 1);
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	/* At most what fits the box and the hands was ever in use at once. */
	ck_assert_uint_lt(heap->cut, (size_t)n);
	tpi_arena_abandon(arena);
	ck_assert_int_eq(atomic_load(&live), 0);
}
END_TEST

struct share {
	struct tpi_arena *arena;
	struct tpar_future *f[BATCH];
	struct unit_gate *go;
};

static void *
free_share(void *arg)
{
	struct share *share = arg;
	int i;

	unit_gate_await(share->go, 1);
	for (i = 0; i < BATCH; i++) {
		tpi_heap_put(NULL, share->f[i], 600);
	}
	return NULL;
}

static void
fill_share(struct share *share, struct tpi_heap *heap)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		if (i % 8 == 0) {
			share->f[i] = tpi_heap_get_large(heap, 600, 128);
			UNIT_MUST(share->f[i] != NULL);
			share->f[i]->flags = TPI_CLASS_LARGE
					     << TPI_F_CLASS_SHIFT;
		} else {
			share->f[i] = get(heap, (unsigned)(i % TPI_CLASSES));
		}
	}
}

START_TEST(arena_is_freed_once_by_whoever_comes_last)
{
	long rounds = unit_scaled(300);
	struct share share[THREADS];
	pthread_t thread[THREADS];
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		struct unit_gate go = UNIT_GATE_INIT;
		struct tpi_arena *arena = make_arena();
		struct tpi_heap *heap = tpi_arena_add_heap(arena);

		for (i = 0; i < THREADS; i++) {
			share[i].arena = arena;
			share[i].go = &go;
			fill_share(&share[i], heap);
			thread[i] = unit_start(free_share, &share[i]);
		}
		unit_gate_open(&go);
		tpi_arena_abandon(arena);
		for (i = 0; i < THREADS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(atomic_load(&live), 0);
	}
}
END_TEST

static void *
use_shared(void *arg)
{
	struct tpi_arena *arena = arg;
	long n = unit_scaled(20000);
	long i;

	for (i = 0; i < n; i++) {
		struct tpi_heap *heap = tpi_heap_enter_shared(arena, 0);
		struct tpar_future *f = get(heap, 0);

		memset(f->small, (int)i, sizeof f->small);
		if (i % 2 == 0) {
			tpi_heap_put(heap, f, 0);
			tpi_heap_leave_shared(heap);
		} else {
			tpi_heap_leave_shared(heap);
			tpi_heap_put(NULL, f, 0);
		}
	}
	return NULL;
}

START_TEST(shared_heaps_have_one_owner_at_a_time)
{
	struct tpi_arena *arena = make_arena();
	pthread_t thread[THREADS];
	size_t cut = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		thread[i] = unit_start(use_shared, arena);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		cut += arena->shared[i].cut;
	}
	/* Each thread held one block at a time. */
	ck_assert_uint_gt(cut, 0);
	ck_assert_uint_le(cut, (size_t)THREADS * TPI_SHARED_HEAPS);
	tpi_arena_abandon(arena);
	ck_assert_int_eq(atomic_load(&live), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { freed_elsewhere_is_used_again,
				 arena_is_freed_once_by_whoever_comes_last,
				 shared_heaps_have_one_owner_at_a_time };

	return unit_main("heap_threads", tests, sizeof tests / sizeof tests[0]);
}
