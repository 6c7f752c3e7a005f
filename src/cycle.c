/* SPDX-License-Identifier: MIT */
/*
 * cycle.c - taking one wait off a cycle of waits, by whoever is about to close
 * it.
 *
 * Each task publishes its frame before it looks (path.c); of those that form a
 * cycle the last one therefore sees all the others' frames and finds it.
 *
 * Several tasks may find the same cycle.  Whether one of them takes its wait
 * off is decided under a lock, after another look: the next one finds it gone.
 *
 * A wait that is tied to its members, as they use its stack, has another one on
 * the cycle taken off instead.  There always is one that is not tied: forks and
 * their joins nest.
 */
#include "config.h"

#include "cycle.h"
#include "err.h"
#include "frame.h"
#include "lock.h"
#include "parker.h"
#include "path.h"

static struct tpi_lock cycle_lock = TPI_LOCK_INIT(TPI_RANK_CYCLE);

void
tpi_cycle_fork(enum tpi_fork when)
{
	tpi_fork_lock(&cycle_lock, when);
}

void
tpi_cycle_describe_self(struct tpar_future *task)
{
	char one[TPI_DETAIL_MAX / 2];

	tpi_future_describe(task, one, sizeof one);
	(void)tpi_err(TPAR_EDEADLK, "%s waits for itself", one);
}

/* Does `member`, of the calling task's frame, lead back to that task? */
static bool
leads_back(struct tpi_path *s, struct tpar_future *member)
{
	bool found = tpi_path_find(s, member);

	tpi_path_clear(s);
	return found;
}

bool
tpi_cycle_find(struct tpi_frame *frame, size_t from)
{
	struct tpar_pool *pool = tpi_load_relaxed(&frame->pool);
	bool found = false;
	struct tpi_path s;
	size_t i;

	tpi_path_init(&s, frame->task);
	for (i = from; i < frame->n && !found; i++) {
		found = leads_back(&s, frame->f[i]);
	}
	if (pool != NULL && !found) {
		found = tpi_path_find_pool(&s, pool);
	}
	tpi_path_fini(&s);
	return found;
}

void
tpi_cycle_leave(struct tpi_frame *frame)
{
	tpi_lock_enter(&cycle_lock);
	if (tpi_cycle_find(frame, 0)) {
		(void)tpi_frame_elect(frame, TPI_DEADLOCKED);
	}
	tpi_lock_leave(&cycle_lock);
}

bool
tpi_cycle_leave_pool(struct tpi_frame *frame)
{
	bool found;

	tpi_lock_enter(&cycle_lock);
	found = tpi_cycle_find(frame, 0);
	if (found) {
		tpi_store_relaxed(&frame->pool, NULL);
	}
	tpi_lock_leave(&cycle_lock);
	return found;
}

bool
tpi_cycle_give_up(struct tpi_frame *frame)
{
	size_t removed = 0;
	struct tpi_path s;
	size_t i;

	tpi_lock_enter(&cycle_lock);
	for (i = 0; i < frame->n; i++) {
		tpi_path_init(&s, frame->task);
		if (leads_back(&s, frame->f[i])) {
			removed += tpi_frame_unregister(frame, frame->f[i]);
		}
		tpi_path_fini(&s);
	}
	if (removed > 0) {
		tpi_frame_give_up(frame, TPI_GIVEN_UP_SELF);
	}
	tpi_lock_leave(&cycle_lock);
	if (removed > 0) {
		(void)tpi_frame_take_off(frame, (int64_t)removed);
	}
	return removed > 0;
}

/* Of a wait that may leave its members: it does not wait for `next` any more. */
static bool
take_off(struct tpi_frame *frame, struct tpar_future *next)
{
	size_t removed;

	if (!tpi_frame_is_set(frame)) {
		tpi_frame_give_up(frame, TPI_GIVEN_UP_FOR_TIED);
		if (!tpi_frame_elect(frame, TPI_DEADLOCKED)) {
			return false;
		}
		if (frame->parker != NULL) {
			tpi_parker_wake(frame->parker);
		}
		return true;
	}
	removed = tpi_frame_unregister(frame, next);
	if (removed == 0) {
		return false;
	}
	tpi_frame_give_up(frame, TPI_GIVEN_UP_FOR_TIED);
	/* Pinned, so it is still there after the last one. */
	for (; removed > 0; removed--) {
		tpi_frame_member_off(frame);
	}
	return true;
}

/* The same for the i-th wait of the path. */
static bool
break_at(struct tpi_path *s, size_t i)
{
	struct tpi_step *at = &s->step[i];
	struct tpar_future *next =
		i + 1 < s->length ? s->step[i + 1].task : s->task;
	struct tpi_frame *frame = tpi_frame_pin(at->task);
	bool broken = false;

	if (frame == NULL) {
		return false;
	}
	/* next == 1: it is no member, but runs on top. */
	if (!frame->tied && frame->then == NULL && at->pool == NULL &&
	    at->next > 1 && !tpi_frame_leaves(frame)) {
		broken = take_off(frame, next);
	}
	tpi_frame_unpin(at->task);
	return broken;
}

bool
tpi_cycle_break(struct tpi_frame *frame)
{
	bool broken = false;
	struct tpi_path s;
	bool found;
	size_t i;

	tpi_lock_enter(&cycle_lock);
	tpi_path_init(&s, frame->task);
	found = tpi_path_find(&s, frame->f[0]);
	for (i = s.length; found && !broken && i > 0; i--) {
		broken = break_at(&s, i - 1);
	}
	tpi_path_clear(&s);
	tpi_path_fini(&s);
	tpi_lock_leave(&cycle_lock);
	return found;
}

bool
tpi_cycle_give_up_one(struct tpi_frame *frame, size_t i)
{
	struct tpi_path s;
	bool found;

	tpi_lock_enter(&cycle_lock);
	tpi_path_init(&s, frame->task);
	found = leads_back(&s, frame->f[i]);
	tpi_path_fini(&s);
	if (found) {
		tpi_frame_give_up(frame, TPI_GIVEN_UP_SELF);
	}
	tpi_lock_leave(&cycle_lock);
	return found;
}
