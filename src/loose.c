/* SPDX-License-Identifier: MIT */
/*
 * loose.c - the arena of the futures that belong to no pool.
 *
 * It is made for the first one and stays: futures may outlive everything else.
 */
#include "config.h"

#include "lock.h"
#include "loose.h"
#include "thread.h"

static struct tpi_lock arena_lock = TPI_LOCK_INIT(TPI_RANK_LOOSE);
static struct tpi_arena *arena; /* [m:arena_lock] until it is made */

/* Open for ever: what belongs to no pool is not shut down with one. */
static struct tpi_intake intake;

static struct tpi_arena *
get_arena(void)
{
	struct tpi_arena *made;

	tpi_lock_enter(&arena_lock);
	if (arena == NULL) {
		arena = tpi_arena_create(NULL, 1);
	}
	made = arena;
	tpi_lock_leave(&arena_lock);
	return made;
}

struct tpar_future *
tpi_loose_create(const struct tpar_task *task, const struct tpi_shape *shape,
		 bool running)
{
	struct tpi_arena *from = get_arena();
	struct tpi_shape own = *shape;
	struct tpar_future *f;
	struct tpi_heap *heap;

	if (from == NULL) {
		return NULL;
	}
	own.flags |= TPI_F_NO_INLINE;
	heap = tpi_heap_enter_shared(
		from, (unsigned)((uintptr_t)&tpi_thread_self >> 12));
	f = tpi_future_create(heap, &own, task, &intake, true);
	tpi_heap_leave_shared(heap);
	if (f != NULL) {
		tpi_future_clear_value(f);
		if (running) {
			(void)tpi_future_claim(f);
		}
	}
	return f;
}
