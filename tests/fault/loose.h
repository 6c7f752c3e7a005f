/* SPDX-License-Identifier: MIT */
/*
 * loose.h - promises for scenarios: the arena of what belongs to no pool is
 * made, and has blocks of all sizes, before anything is counted, as it stays.
 */
#ifndef FAULT_LOOSE_H
#define FAULT_LOOSE_H

#include "fault.h"

#include "src/future.h"
#include "src/heap.h"

/* Too large for the blocks that an arena keeps. */
enum { LARGE_VALUE = 100000 };

struct promised {
	tpar_promise *p;
	tpar_future *f;
};

static _Atomic int drops;

static inline void
count_drop(void *value)
{
	(void)value;
	atomic_fetch_add(&drops, 1);
}

/* Not to be called while anything may fail. */
static inline struct promised
promised_make(size_t value_size, tpar_drop_fn drop_value)
{
	struct promised made = { NULL, NULL };

	EXPECT(tpar_promise_create(value_size, drop_value, &made.p, &made.f) ==
	       TPAR_OK);
	return made;
}

static inline void
promised_free(struct promised made)
{
	tpar_promise_destroy(made.p);
	tpar_future_unref(made.f);
}

static inline void
loose_warm_up(void)
{
	struct promised made = promised_make(0, NULL);
	struct tpi_arena *arena = tpi_future_home(made.f)->arena;
	unsigned hint;
	unsigned class;

	for (hint = 0; hint < TPI_SHARED_HEAPS; hint++) {
		for (class = 0; class < TPI_CLASSES; class ++) {
			struct tpi_heap *heap =
				tpi_heap_enter_shared(arena, hint);
			struct tpi_link *block =
				&tpi_heap_get_slow(heap, class)->link;

			EXPECT(block != NULL);
			tpi_heap_put_own(heap, block, class);
			tpi_heap_leave_shared(heap);
		}
	}
	promised_free(made);
}

#endif
