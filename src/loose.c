/* SPDX-License-Identifier: MIT */
/*
 * loose.c - the arena of the futures that belong to no pool.
 *
 * It is made for the first one and stays: futures may outlive everything else.
 * A fork takes all of it, so that it is whole in the child, where it goes on.
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
	if (arena == NULL && tpi_fork_watch() == 0) {
		arena = tpi_arena_create(NULL, 1);
	}
	made = arena;
	tpi_lock_leave(&arena_lock);
	return made;
}

/* Its waiters are of this process. */
static void
stamp(struct tpar_future *f, uintptr_t mark)
{
	mark |= (uintptr_t)tpi_fork_generation << TPI_LOOSE_GENERATION_SHIFT;
	tpi_store_relaxed(&f->link.next, (struct tpi_link *)mark);
}

/* Under the lock, so that those that come later know that it is done. */
static void
renew_locked(struct tpar_future *f)
{
	uintptr_t mark = tpi_loose_mark(f);
	bool by_hand = (mark & TPI_LOOSE_BY_HAND) != 0;
	bool claimed = (mark & TPI_LOOSE_RUNS) == 0 &&
		       tpi_state_peek(&f->state) == TPI_RUNNING;

	if (mark >> TPI_LOOSE_GENERATION_SHIFT == tpi_fork_generation) {
		return;
	}
	if (!by_hand || claimed || (mark & TPI_LOOSE_DECIDED) != 0) {
		tpi_state_forget(&f->state);
		return;
	}
	tpi_state_forget_waiters(&f->state);
	stamp(f, mark & (TPI_LOOSE_BY_HAND | TPI_LOOSE_RUNS));
}

void
tpi_loose_look(struct tpar_future *f)
{
	tpi_lock_enter(&arena_lock);
	renew_locked(f);
	tpi_lock_leave(&arena_lock);
}

void
tpi_loose_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_PREPARE) {
		tpi_lock_enter(&arena_lock);
		if (arena != NULL) {
			tpi_arena_enter_shared(arena);
		}
		return;
	}
	if (arena != NULL) {
		tpi_arena_leave_shared(arena);
	}
	tpi_lock_leave(&arena_lock);
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
	heap = tpi_heap_enter_shared(from, tpi_thread_hint());
	f = tpi_future_create(heap, &own, task, &intake, true);
	tpi_heap_leave_shared(heap);
	if (f != NULL) {
		stamp(f, running ? TPI_LOOSE_RUNS : 0);
		tpi_future_clear_value(f);
		if (running) {
			(void)tpi_future_claim(f);
		}
	}
	return f;
}
