/* SPDX-License-Identifier: MIT */
/*
 * test_heap.c - blocks, slabs, what other threads free, and the arena that
 * outlives its pool until the last block comes back.
 */
#include "config.h"

#include "src/future.h"
#include "src/heap.h"

#include "unit.h"

#include <string.h>

/* An allocator that counts, checks sizes, and fails at a given call. */
struct meter {
	_Atomic long blocks;
	_Atomic long bytes;
	_Atomic long calls;
	_Atomic long slabs;
	long fail_at; /* -1: never */
};

static void *
metered_alloc(size_t size, size_t align, void *context)
{
	struct meter *meter = context;
	void *memory;

	if (atomic_fetch_add(&meter->calls, 1) == meter->fail_at) {
		return NULL;
	}
	UNIT_MUST(align != 0 && (align & (align - 1)) == 0);
	memory = aligned_alloc(align, (size + align - 1) / align * align);
	UNIT_MUST(memory != NULL);
	memset(memory, 0xa5, size);
	atomic_fetch_add(&meter->blocks, 1);
	atomic_fetch_add(&meter->bytes, (long)size);
	atomic_fetch_add(&meter->slabs, size % TPI_SLAB_SIZE == 0);
	return memory;
}

static void
metered_free(void *memory, size_t size, void *context)
{
	struct meter *meter = context;

	UNIT_MUST(memory != NULL);
	atomic_fetch_sub(&meter->blocks, 1);
	atomic_fetch_sub(&meter->bytes, (long)size);
	free(memory);
}

static struct tpi_arena *
make_arena(struct meter *meter)
{
	struct tpar_allocator allocator = { metered_alloc, metered_free,
					    meter };

	memset(meter, 0, sizeof *meter);
	meter->fail_at = -1;
	return tpi_arena_create(&allocator, 4);
}

static void
expect_all_freed(struct meter *meter)
{
	ck_assert_int_eq(atomic_load(&meter->blocks), 0);
	ck_assert_int_eq(atomic_load(&meter->bytes), 0);
}

/* As tpi_future_create() does. */
static struct tpar_future *
get(struct tpi_heap *heap, unsigned class)
{
	struct tpar_future *f = tpi_heap_get_slow(heap, class);

	if (f != NULL) {
		f->flags = (uint8_t)(class << TPI_F_CLASS_SHIFT);
	}
	return f;
}

static struct tpar_future *
get_large(struct tpi_heap *heap, size_t size, size_t align)
{
	struct tpar_future *f = tpi_heap_get_large(heap, size, align);

	if (f != NULL) {
		f->flags = TPI_CLASS_LARGE << TPI_F_CLASS_SHIFT;
	}
	return f;
}

START_TEST(arena_gives_everything_back)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);

	ck_assert_ptr_nonnull(arena);
	ck_assert_ptr_nonnull(tpi_arena_add_heap(arena));
	ck_assert_ptr_nonnull(tpi_arena_add_heap(arena));
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(arena_that_cannot_be_made_leaves_nothing)
{
	struct tpar_allocator allocator = { metered_alloc, metered_free, NULL };
	struct meter meter;
	long n;

	for (n = 0; n < 2; n++) {
		memset(&meter, 0, sizeof meter);
		meter.fail_at = n;
		allocator.context = &meter;
		ck_assert_ptr_null(tpi_arena_create(&allocator, 4));
		expect_all_freed(&meter);
	}
}
END_TEST

START_TEST(arena_without_an_allocator_uses_the_default)
{
	struct tpar_allocator none = { NULL, NULL, NULL };
	struct tpi_arena *arena = tpi_arena_create(&none, 1);
	void *memory;

	ck_assert_ptr_nonnull(arena);
	memory = tpi_arena_alloc(arena, 3, 64);
	ck_assert_ptr_nonnull(memory);
	ck_assert_uint_eq((uintptr_t)memory % 64, 0);
	tpi_arena_free(arena, memory, 3);
	tpi_arena_abandon(arena);
}
END_TEST

START_TEST(blocks_are_aligned_and_do_not_overlap)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *f[TPI_CLASSES][3];
	unsigned class;
	int i;

	for (class = 0; class < TPI_CLASSES; class ++) {
		for (i = 0; i < 3; i++) {
			f[class][i] = get(heap, class);
			ck_assert_ptr_nonnull(f[class][i]);
			ck_assert_uint_eq(
				(uintptr_t)f[class][i] % TPI_CACHELINE, 0);
			ck_assert_ptr_eq(tpi_heap_of(f[class][i]), heap);
			ck_assert_ptr_null(atomic_load(&f[class][i]->cur));
			ck_assert_uint_eq(atomic_load(&f[class][i]->pins), 0);
		}
		ck_assert_int_eq((char *)f[class][1] - (char *)f[class][0],
				 (long)TPI_CLASS_SIZE(class));
		ck_assert_int_eq((char *)f[class][2] - (char *)f[class][1],
				 (long)TPI_CLASS_SIZE(class));
	}
	for (class = 0; class < TPI_CLASSES; class ++) {
		for (i = 0; i < 3; i++) {
			tpi_heap_put(heap, f[class][i], 0);
		}
	}
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(owner_gets_back_what_it_freed_last)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *a = get(heap, 1);
	struct tpar_future *b = get(heap, 1);

	tpi_heap_put(heap, a, 0);
	tpi_heap_put(heap, b, 0);
	ck_assert_ptr_eq(get(heap, 1), b);
	ck_assert_ptr_eq(get(heap, 1), a);
	ck_assert_uint_eq(heap->cut, 2);
	tpi_heap_put(heap, a, 0);
	tpi_heap_put(heap, b, 0);
	/* Another class has blocks of its own. */
	ck_assert_ptr_ne(a = get(heap, 0), b);
	tpi_heap_put(heap, a, 0);
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(slab_is_used_to_its_end)
{
	size_t per_slab = (TPI_SLAB_SIZE - TPI_CACHELINE) / TPI_CLASS_SIZE(0);
	struct tpar_future **f = calloc(per_slab + 1, sizeof(void *));
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	size_t i;

	ck_assert_uint_eq(per_slab, 511);
	for (i = 0; i < per_slab; i++) {
		f[i] = get(heap, 0);
		ck_assert_ptr_nonnull(f[i]);
		memset(f[i]->small, 0xff, sizeof f[i]->small);
	}
	ck_assert_int_eq(atomic_load(&meter.slabs), 1);
	f[i] = get(heap, 0);
	ck_assert_int_eq(atomic_load(&meter.slabs), 2);
	for (i = 0; i <= per_slab; i++) {
		tpi_heap_put(heap, f[i], 0);
	}
	for (i = 0; i <= per_slab; i++) {
		f[i] = get(heap, 0);
	}
	ck_assert_int_eq(atomic_load(&meter.slabs), 2);
	for (i = 0; i <= per_slab; i++) {
		tpi_heap_put(NULL, f[i], 0);
	}
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
	free(f);
}
END_TEST

START_TEST(remote_blocks_are_taken_over_when_dry)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *a = get(heap, 0);
	struct tpar_future *b = get(heap, 2);
	struct tpar_future *c = get(heap, 0);

	tpi_heap_put(NULL, a, 0);
	tpi_heap_put(NULL, b, 0);
	tpi_heap_put(heap, c, 0);
	/* Not dry yet. */
	ck_assert_ptr_eq(get(heap, 0), c);
	ck_assert_ptr_nonnull(atomic_load(&heap->remote));
	/* Each to its class. */
	ck_assert_ptr_eq(get(heap, 0), a);
	ck_assert_ptr_null(atomic_load(&heap->remote));
	ck_assert_ptr_eq(get(heap, 2), b);
	ck_assert_uint_eq(heap->cut, 3);
	tpi_heap_put(NULL, a, 0);
	tpi_heap_put(NULL, b, 0);
	tpi_heap_put(NULL, c, 0);
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(block_of_another_heap_goes_home)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *mine = tpi_arena_add_heap(arena);
	struct tpi_heap *other = tpi_arena_add_heap(arena);
	struct tpar_future *f = get(other, 0);

	tpi_heap_put(mine, f, 0);
	ck_assert_ptr_null(mine->free[0]);
	ck_assert_ptr_eq(get(other, 0), f);
	tpi_heap_put(other, f, 0);
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(chain_goes_home_as_a_whole)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *f[3];
	unsigned seen = 0;
	int i;
	int j;

	for (i = 0; i < 3; i++) {
		f[i] = get(heap, 0);
	}
	atomic_store(&f[0]->link.next, &f[1]->link);
	atomic_store(&f[1]->link.next, &f[2]->link);
	tpi_heap_put_chain(heap, &f[0]->link, &f[2]->link, 3);
	for (i = 0; i < 3; i++) {
		struct tpar_future *got = get(heap, 0);

		for (j = 0; j < 3; j++) {
			seen |= got == f[j] ? 1u << j : 0;
		}
	}
	ck_assert_uint_eq(seen, 7);
	ck_assert_uint_eq(heap->cut, 3);
	for (i = 0; i < 3; i++) {
		tpi_heap_put(NULL, f[i], 0);
	}
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(large_block_has_its_size_and_alignment)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	long before = atomic_load(&meter.bytes);
	struct tpar_future *f = get_large(heap, 5000, 4096);

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq((uintptr_t)f % 4096, 0);
	ck_assert_int_eq(atomic_load(&meter.bytes), before + 5000);
	ck_assert_ptr_eq(f->heap, heap);
	ck_assert_ptr_null(atomic_load(&f->cur));
	ck_assert_uint_eq(atomic_load(&f->pins), 0);
	tpi_heap_put(NULL, f, 5000);
	ck_assert_int_eq(atomic_load(&meter.bytes), before);
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(no_memory_is_reported_and_forgotten)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *f;

	meter.fail_at = atomic_load(&meter.calls);
	ck_assert_ptr_null(get(heap, 0));
	ck_assert_uint_eq(heap->cut, 0);
	f = get(heap, 0);
	ck_assert_ptr_nonnull(f);
	tpi_heap_put(heap, f, 0);
	meter.fail_at = atomic_load(&meter.calls);
	ck_assert_ptr_null(get_large(heap, 1000, 128));
	ck_assert_int_eq(atomic_load(&arena->refs), 1);
	meter.fail_at = atomic_load(&meter.calls);
	ck_assert_ptr_null(tpi_arena_add_heap(arena));
	ck_assert_uint_eq(arena->heap_count, 1);
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(blocks_in_use_keep_an_abandoned_arena)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpi_heap *shared = tpi_heap_enter_shared(arena, 3);
	struct tpar_future *unused = get(heap, 0);
	struct tpar_future *remote = get(heap, 0);
	struct tpar_future *used = get(heap, 0);
	struct tpar_future *outside = get(shared, 1);
	struct tpar_future *large = get_large(heap, 777, 128);

	tpi_heap_leave_shared(shared);
	tpi_heap_put(heap, unused, 0);
	tpi_heap_put(NULL, remote, 0);
	tpi_arena_abandon(arena);
	ck_assert_int_eq(atomic_load(&arena->refs), 3);
	tpi_heap_put(NULL, used, 0);
	tpi_heap_put(NULL, outside, 0);
	ck_assert_int_gt(atomic_load(&meter.blocks), 0);
	tpi_heap_put(NULL, large, 777);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(chain_may_come_back_after_the_pool_is_gone)
{
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	struct tpi_heap *heap = tpi_arena_add_heap(arena);
	struct tpar_future *a = get(heap, 0);
	struct tpar_future *b = get(heap, 0);

	atomic_store(&a->link.next, &b->link);
	tpi_arena_abandon(arena);
	tpi_heap_put_chain(heap, &a->link, &b->link, 2);
	expect_all_freed(&meter);
}
END_TEST

START_TEST(shared_heaps_are_owned_one_by_one)
{
	struct tpi_heap *held[TPI_SHARED_HEAPS];
	struct meter meter;
	struct tpi_arena *arena = make_arena(&meter);
	unsigned i;
	unsigned j;

	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		held[i] = tpi_heap_enter_shared(arena, 5);
		for (j = 0; j < i; j++) {
			ck_assert_ptr_ne(held[i], held[j]);
		}
	}
	ck_assert_ptr_eq(held[0], &arena->shared[5]);
	tpi_heap_leave_shared(held[3]);
	ck_assert_ptr_eq(tpi_heap_enter_shared(arena, 0), held[3]);
	for (i = 0; i < TPI_SHARED_HEAPS; i++) {
		tpi_heap_leave_shared(held[i]);
	}
	tpi_arena_abandon(arena);
	expect_all_freed(&meter);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		arena_gives_everything_back,
		arena_that_cannot_be_made_leaves_nothing,
		arena_without_an_allocator_uses_the_default,
		blocks_are_aligned_and_do_not_overlap,
		owner_gets_back_what_it_freed_last,
		slab_is_used_to_its_end,
		remote_blocks_are_taken_over_when_dry,
		block_of_another_heap_goes_home,
		chain_goes_home_as_a_whole,
		large_block_has_its_size_and_alignment,
		no_memory_is_reported_and_forgotten,
		blocks_in_use_keep_an_abandoned_arena,
		chain_may_come_back_after_the_pool_is_gone,
		shared_heaps_are_owned_one_by_one,
	};

	return unit_main("heap", tests, sizeof tests / sizeof tests[0]);
}
