/* SPDX-License-Identifier: MIT */
/*
 * park.c - parking and waking threads, and replacing one that blocks.
 *
 * The pool's lock is only taken when somebody really sleeps or is woken.  A woken
 * thread is counted by its waker, so that a second one sees it.  doc/SLEEP.md.
 */
#include "config.h"

#include "alarm.h"
#include "die.h"
#include "elastic.h"
#include "errand.h"
#include "guard.h"
#include "park.h"
#include "parked.h"
#include "parker.h"
#include "pool.h"
#include "slots.h"
#include "worker.h"

#include <taskpar/base.h>

/* How long a thread beyond the width stays parked before it ends. */
#define KEEP_ALIVE_NS (10 * TPAR_SECOND)

/* It pushes nothing until it occupies its place again. */
static void
vacate(struct tpi_worker *w)
{
	if (!tpi_deque_nonempty(&w->deque)) {
		tpi_pool_vacate(w->pool, w->index);
	}
}

bool
tpi_park_look(struct tpar_pool *pool, uint32_t others)
{
	/* The rule asks for nobody; whoever makes them fewer looks. */
	if (others >= pool->park.width) {
		return false;
	}
	if (pool->park.fence && others > 0) {
		tpi_fence_heavy();
	}
	return tpi_pool_any_work(pool);
}

/*
 * The caller has left the word, which was `before`: is another one wanted, if
 * there is work?  If not, those that are active look when they leave.  A look
 * costs time for each thread the pool has ever had.
 */
static bool
leaves_room(struct tpar_pool *pool, uint64_t before)
{
	return tpi_park_active(before) - 1 < pool->park.width;
}

/* A thread that is to be woken or started; under the lock.  NULL: there is none. */
static struct tpi_worker *
take_locked(struct tpar_pool *pool, bool create, bool *parked)
{
	struct tpi_worker *w = tpi_parked_pop_locked(pool);

	*parked = w != NULL;
	if (w == NULL && create && !pool->quit) {
		w = tpi_pool_add_worker(pool);
	}
	return w;
}

/* The same, counted, and one that computes. */
static struct tpi_worker *
pick_locked(struct tpar_pool *pool, bool create, bool *parked)
{
	struct tpi_worker *w = NULL;

	if (tpi_parked_room_locked(pool)) {
		w = take_locked(pool, create, parked);
	}
	if (w != NULL) {
		tpi_park_enter(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
	}
	return w;
}

static bool wake(struct tpar_pool *pool, bool create);

/*
 * The thread of `w`, counted as active and searching, could not be started.
 * Meanwhile others may have parked or blocked, trusting in it.  true: a parked
 * one has been woken in its stead.
 */
static bool
start_failed(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint64_t before;
	bool work;

	tpi_lock_enter(&pool->lock);
	before = tpi_park_leave(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
	work = tpi_park_look(pool, tpi_park_active(before) - 1);
	tpi_parked_push_spare_locked(w);
	tpi_parked_drop_locked(w);
	tpi_lock_leave(&pool->lock);
	if (!work) {
		return false;
	}
	if (wake(pool, false)) {
		return true;
	}
	tpi_alarm_raise();
	return false;
}

static bool
wake(struct tpar_pool *pool, bool create)
{
	struct tpi_worker *w = NULL;
	struct tpi_parker *parker = NULL;
	bool parked = false;
	bool wanted;

	tpi_lock_enter(&pool->lock);
	wanted = tpi_park_wants_wake(&pool->park);
	if (wanted) {
		w = pick_locked(pool, create, &parked);
	}
	tpi_lock_leave(&pool->lock);
	if (w == NULL) {
		return !wanted;
	}
	if (parked) {
		parker = w->parker;
		/* ORDER S2 release -> await_wake(): what led to it. */
		atomic_store_explicit(&w->parked, 0, memory_order_release);
		/* RELEASE POINT: w may run, end and be freed with its pool. */
		tpi_parker_wake(parker);
		return true;
	}
	return tpi_worker_start(w, false) == 0 || start_failed(w);
}

bool
tpi_park_wake_one(struct tpar_pool *pool)
{
	return wake(pool, true);
}

bool
tpi_park_wake_elastic(struct tpar_pool *pool)
{
	struct tpi_worker *w;
	struct tpi_parker *parker;
	bool parked;

	tpi_lock_enter(&pool->lock);
	w = take_locked(pool, true, &parked);
	tpi_lock_leave(&pool->lock);
	if (w == NULL) {
		return false;
	}
	if (parked) {
		parker = w->parker;
		/* ORDER S2 release -> await_wake(): what led to it. */
		atomic_store_explicit(&w->parked, TPI_ELASTIC,
				      memory_order_release);
		/* RELEASE POINT: w, as in wake(). */
		tpi_parker_wake(parker);
		return true;
	}
	if (tpi_worker_start(w, true) == 0) {
		return true;
	}
	tpi_lock_enter(&pool->lock);
	tpi_parked_push_spare_locked(w);
	tpi_parked_drop_locked(w);
	tpi_lock_leave(&pool->lock);
	return false;
}

bool
tpi_park_any_parked(struct tpar_pool *pool)
{
	bool any;

	tpi_lock_enter(&pool->lock);
	any = pool->parked != NULL;
	tpi_lock_leave(&pool->lock);
	return any;
}

/* true: ends this thread, which was parked for too long. */
static bool
give_up(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	bool ends;

	tpi_lock_enter(&pool->lock);
	ends = tpi_load_relaxed(&w->parked) != 0 && !pool->quit &&
	       pool->threads > pool->park.width;
	/* One that was popped but not told yet is not in the list. */
	if (ends) {
		struct tpi_worker *at = pool->parked;

		while (at != NULL && at != w) {
			at = at->next;
		}
		ends = at == w;
	}
	if (ends) {
		tpi_parked_remove_locked(w);
		tpi_parked_drop_locked(w);
	}
	tpi_lock_leave(&pool->lock);
	return ends;
}

/* The thread ends, which may have been the sentinel: another one is to be. */
static void
end_guard(struct tpi_guard *guard, struct tpar_pool *pool)
{
	tpi_guard_end(guard, pool);
	if (tpi_guard_missing(pool)) {
		tpi_park_notify(&pool->park, pool);
	}
}

enum woken { ENDS, SEARCHES, SERVES };

static enum woken
await_wake(struct tpi_worker *w, bool extra)
{
	int64_t deadline = extra ? tpar_in(KEEP_ALIVE_NS) : 0;
	struct tpi_guard guard = { .is_sentinel = false };
	uint32_t parked;
	int64_t until;

	/* ENDS: tpi_park_wake_one() pops this worker, or the pool quits. */
	/* ORDER S2 acquire <- tpi_park_wake_one() */
	while ((parked = atomic_load_explicit(
			&w->parked, memory_order_acquire)) == TPI_PARKED) {
		if (tpi_errand_check(w)) {
			continue;
		}
		until = tpi_guard_until(&guard, w, deadline);
		if (tpi_parker_park(w->parker, until)) {
			continue;
		}
		tpi_guard_look(&guard, w->pool);
		if (deadline != 0 && until == deadline) {
			if (give_up(w)) {
				end_guard(&guard, w->pool);
				return ENDS;
			}
			deadline = 0;
		}
	}
	end_guard(&guard, w->pool);
	return parked == TPI_ELASTIC ? SERVES : SEARCHES;
}

/* Parks one that is not counted as active. */
static enum woken
rest(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	bool extra;

	tpi_lock_enter(&pool->lock);
	extra = pool->threads > pool->park.width;
	if (pool->quit) {
		tpi_parked_drop_locked(w);
		tpi_lock_leave(&pool->lock);
		return ENDS;
	}
	vacate(w);
	tpi_parked_push_locked(w);
	if (tpi_pool_quiet_locked(pool)) {
		tpi_pool_wake_waiting_locked(pool);
	}
	tpi_lock_leave(&pool->lock);
	tpi_elastic_offer(pool);
	/* Whoever wanted a thread may have found none while it served. */
	if (tpi_park_wants_wake(&pool->park) && tpi_pool_any_work(pool)) {
		(void)tpi_park_wake_one(pool);
	}
	return await_wake(w, extra);
}

/* false: the thread ends. */
static bool
search_when(struct tpi_worker *w, enum woken how)
{
	while (how == SERVES) {
		tpi_elastic_serve(w);
		how = rest(w);
	}
	if (how == ENDS) {
		return false;
	}
	tpi_pool_occupy(w->pool, w->index);
	w->searching = true;
	return true;
}

bool
tpi_park_serve(struct tpi_worker *w)
{
	vacate(w); /* else 500 of them would be searched for tasks */
	return search_when(w, SERVES);
}

/* Parks; the lock is held and is released. */
static bool
sleep_locked(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint64_t counts = TPI_ACTIVE + (w->searching ? TPI_SEARCHING : 0);
	bool extra = pool->threads > pool->park.width;
	uint64_t before;

	if (pool->quit) {
		(void)tpi_park_leave(&pool->park, counts);
		tpi_parked_drop_locked(w);
		tpi_lock_leave(&pool->lock);
		return false;
	}
	vacate(w);
	tpi_parked_push_locked(w);
	w->searching = false;
	before = tpi_park_leave(&pool->park, counts);
	if (tpi_pool_quiet_locked(pool)) {
		tpi_pool_wake_waiting_locked(pool);
	}
	tpi_lock_leave(&pool->lock);
	if (leaves_room(pool, before) &&
	    (tpi_park_look(pool, tpi_park_active(before) - 1) ||
	     (tpi_load_relaxed(&pool->regions) > 0 && w->poke_from == 0 &&
	      tpi_slots_watch(pool)))) {
		(void)tpi_park_wake_one(pool);
	}
	tpi_elastic_offer(pool);
	return search_when(w, await_wake(w, extra));
}

bool
tpi_park_sleep(struct tpi_worker *w)
{
	tpi_lock_enter(&w->pool->lock);
	return sleep_locked(w);
}

bool
tpi_park_retire(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;

	tpi_lock_enter(&pool->lock);
	if (!tpi_park_surplus(&pool->park)) {
		tpi_lock_leave(&pool->lock);
		return true;
	}
	return sleep_locked(w);
}

bool
tpi_park_any_free(struct tpar_pool *pool)
{
	bool any;

	tpi_lock_enter(&pool->lock);
	any = tpi_park_active(tpi_load_relaxed(&pool->park.word)) > 0;
	tpi_lock_leave(&pool->lock);
	return any;
}

bool
tpi_park_can_run(struct tpar_pool *pool)
{
	return tpi_park_any_free(pool) || tpi_park_wake_one(pool);
}

void
tpi_park_wake_blocked(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	struct tpi_watch *watch;
	uint32_t i;

	for (i = 0; i < n; i++) {
		tpi_parker_wake(tpi_pool_worker(pool, i)->parker);
	}
	tpi_lock_enter(&pool->lock);
	for (watch = pool->foreign; watch != NULL; watch = watch->next) {
		if (watch->parker != NULL) {
			tpi_parker_wake(watch->parker);
		}
	}
	tpi_lock_leave(&pool->lock);
}

bool
tpi_park_gone(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	bool gone;

	tpi_lock_enter(&pool->lock);
	/*
	 * Somebody may have found that no thread could be added.  It is this one
	 * that goes on then: whoever starts another one waits until the last
	 * one of that structure has ended, and must not end himself.
	 */
	gone = pool->quit || !tpi_pool_any_work(pool) ||
	       !(tpi_park_wants_wake(&pool->park) ||
		 (tpi_elastic_lacks_threads(pool) &&
		  tpi_inject_nonempty(&pool->blocking)));
	if (gone) {
		tpi_parked_push_spare_locked(w);
	} else {
		pool->threads++;
		tpi_pool_occupy(pool, w->index);
		w->searching = true;
		tpi_park_enter(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
	}
	tpi_lock_leave(&pool->lock);
	return gone;
}

bool
tpi_park_lost(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	bool lost;

	tpi_lock_enter(&pool->lock);
	/* Under one lock: who comes later finds the structure. */
	lost = !tpi_pool_any_work(pool) &&
	       (pool->threads > 1 ||
		(tpi_load_relaxed(&pool->intake.closed) != TPI_OPEN &&
		 pool->foreign == NULL));
	if (lost) {
		tpi_parked_push_spare_locked(w);
		tpi_parked_drop_locked(w);
	}
	/* RELEASE POINT: w, once this thread has ended. */
	tpi_lock_leave(&pool->lock);
	return lost;
}

bool
tpi_park_block(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint64_t before;

	if (w->blocked++ > 0) {
		if (w->elastic && w->blocked == 2) {
			tpi_elastic_pause(w);
		}
		return true; /* its place was handed over */
	}
	vacate(w);
	before = tpi_park_leave(&pool->park, TPI_ACTIVE);
	TPI_ASSERT(tpi_park_active(before) > 0);
	if (!leaves_room(pool, before)) {
		return true;
	}
	if (!tpi_park_look(pool, tpi_park_active(before) - 1)) {
		if (tpi_guard_missing(pool)) {
			(void)tpi_park_wake_one(pool);
		}
		return true;
	}
	if (tpi_park_wake_one(pool) || tpi_park_active(before) > 1) {
		return true;
	}
	tpi_alarm_raise();
	return false;
}

void
tpi_park_unblock(struct tpi_worker *w)
{
	if (w->blocked > 1) {
		if (w->elastic && w->blocked == 2) {
			tpi_elastic_resume(w);
		}
		w->blocked--;
		return;
	}
	tpi_pool_occupy(w->pool, w->index);
	tpi_park_enter(&w->pool->park, TPI_ACTIVE);
	w->blocked = 0;
}
