/* SPDX-License-Identifier: MIT */
/*
 * forkjoin.c - what the macros of forkjoin.h call when a limit says so, and
 * running a computation from its root to its end.  doc/FORKJOIN.md.
 */
#include "config.h"

#include "block.h"
#include "clock.h"
#include "err.h"
#include "failure.h"
#include "forkend.h"
#include "forkjoin.h"
#include "frame.h"
#include "future.h"
#include "guard.h"
#include "leap.h"
#include "park.h"
#include "pool.h"
#include "region.h"
#include "run.h"
#include "slots.h"
#include "spill.h"
#include "take.h"
#include "thread.h"
#include "wait.h"
#include "worker.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>
#include <taskpar/gather.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a steal costs both sides.  Who gets less by it asks less often, but draws
 * on what earlier ones brought: where nine in ten forks are tiny and one is
 * large, as in searches of trees, it pays to ask on (tests/bench/forkjoin, uts_t3).
 */
#define COST_NS 1500
#define SAVED_MAX_NS 400000

/*
 * How long a join looks for something to do before it sleeps: longer if nobody
 * could do anything in its place.  After the shorter time it takes by force what
 * it may (tpi_leap()).  A thief that was woken late ends late; if the
 * join slept then, it would fork the next one so late that the thief had fallen
 * asleep again, and so on.
 */
#define JOIN_SPIN_NS 20000
#define JOIN_SPIN_ALONE_NS 100000

/* ---- Forks and failures ----------------------------------------------------- */

void
tpar_run_fail(int code, const char *fmt, ...)
{
	struct tpi_run *run = tpi_thread_self.run;
	enum tpar_err err =
		code == TPAR_ESTOPPED ? TPAR_ESTOPPED : TPAR_EFAILED;
	va_list args;

	if (run != NULL && run->region != NULL) {
		va_start(args, fmt);
		tpi_slots_fail_with(run->region, err,
				    code != 0 ? code : TPAR_EFAILED, fmt, args);
		va_end(args);
	}
}

struct tpar_slot *
tpar_fork_slow_1(struct tpar_slot *slot)
{
	struct tpi_slots *s = tpi_slots_of(slot);
	unsigned n;

	if (TPI_UNLIKELY(tpi_region_failed(s->span->region))) {
		if (slot >= s->end) {
			tpi_spill_call(s);
			return slot;
		}
		return slot + 1;
	}
	if (tpi_slots_asked(s)) {
		n = tpi_slots_hungry(s->worker);
		(void)tpi_slots_promote(s, slot < s->end ? slot + 1 : slot,
					n > 0 ? n : 1);
	}
	if (TPI_UNLIKELY(slot >= s->end)) {
		tpi_spill_call(s);
		return slot;
	}
	return slot + 1;
}

/* ---- Joins that are no call ------------------------------------------------ */

/* true: it has ended. */
static bool
spin(struct tpi_worker *w, struct tpi_forked *forked)
{
	enum tpi_leap how;
	int64_t began = 0;
	int64_t spun = 0;
	bool forced = false;
	unsigned i;

	for (i = 1; !tpi_forked_has_ended(forked); i++) {
		how = (i & (i - 1)) == 0 ? TPI_LEAP_POKE : TPI_LEAP_LOOK;
		if (spun >= JOIN_SPIN_NS && (!forced || how == TPI_LEAP_POKE)) {
			how = TPI_LEAP_FORCE;
			forced = true;
		}
		if (tpi_leap(w, forked, how)) {
			i = 0;
			began = 0;
			spun = 0;
			forced = false;
			continue;
		}
		tpi_cpu_pause();
		if (i % 32 == 0) {
			int64_t now = tpi_clock_now();

			began = began == 0 ? now : began;
			spun = now - began;
			if (forced && (spun >= JOIN_SPIN_ALONE_NS ||
				       tpi_pool_any_work(w->pool))) {
				return false;
			}
		}
	}
	return true;
}

/*
 * Until a fork that runs elsewhere has ended.  Meanwhile this thread's slots are
 * in use up to and with the one that is joined.
 */
static void
await(struct tpi_slots *s, struct tpar_slot *slot, struct tpi_forked *forked)
{
	struct tpar_future *f = &forked->future;
	struct tpi_frame frame;

	tpi_slots_hold(s, slot + 1);
	s->head = slot + 1;
	if (!spin(s->worker, forked)) {
		tpi_frame_init(&frame, TPI_WAIT_SETTLED, &f, 1);
		frame.tied = true;
		if (tpi_wait_frame(&frame, TPAR_FOREVER, NULL, 0) ==
		    TPAR_EDEADLK) {
			tpi_slots_fail(s->span->region, TPAR_EDEADLK, "%s",
				       tpar_error_detail());
		}
	}
	s->head = NULL;
	tpi_slots_hold(s, slot);
}

/* A fork that was promoted, and is the caller's to join: as tpar_join_slow_1(). */
static struct tpar_slot *
join_forked(struct tpi_slots *s, struct tpar_slot *slot,
	    struct tpi_forked *forked)
{
	struct tpar_future *f = &forked->future;
	struct tpar_slot *at = NULL;

	if (tpi_future_claim(f)) {
		if (tpi_deque_trim_owner(&s->worker->deque, &f, 1) == 1) {
			tpi_future_release(f);
		}
		tpi_future_end_done(f);
	} else {
		if (!tpi_forked_has_ended(forked)) {
			await(s, slot, forked);
		}
		if (tpi_state_is_bad(tpi_state_get(&f->state))) {
			/* The pool was cancelled, it has not begun. */
			tpi_slots_fail(s->span->region, TPAR_ESTOPPED, NULL);
			(void)tpi_slots_skip(forked->region, slot);
		}
		at = forked->declined ? NULL : slot;
	}
	tpi_future_release(f);
	return at == NULL && tpi_region_failed(s->span->region)
		       ? tpi_slots_skip(s->span->region, slot)
		       : at;
}

struct tpar_slot *
tpar_join_slow_1(struct tpar_slot *slot)
{
	struct tpi_slots *s = tpi_slots_of(slot);
	struct tpi_forked *forked;
	bool holds_back = s->holds_back;
	unsigned n;

	s->holds_back = false;
	if (TPI_UNLIKELY(s->spilled_count > 0 && slot + 1 == s->end)) {
		/* Not this one: it is a fork still. */
		/* ORDER L1 release -> force(): its arguments. */
		__atomic_store_n(&slot->head.fn, s->last_fn, __ATOMIC_RELEASE);
		tpi_spill_back(s);
		return s->end;
	}
	if (TPI_UNLIKELY(slot < s->span->start)) {
		tpi_slots_fail(
			s->span->region, TPAR_EINVAL,
			"a fork-join task has joined more than it forked");
		return tpi_slots_skip(s->span->region, slot + 1);
	}
	forked = tpi_slots_withdraw(s, slot);
	if (forked != NULL) {
		return join_forked(s, slot, forked);
	}
	if (TPI_UNLIKELY(tpi_region_failed(s->span->region))) {
		return tpi_slots_skip(s->span->region, slot);
	}
	if (tpi_slots_asked(s) && !holds_back &&
	    (n = tpi_slots_hungry(s->worker)) > 0) {
		(void)tpi_slots_promote(s, slot, n);
	}
	return NULL;
}

/* ---- Beginning and ending --------------------------------------------------- */

/* Was it worth the while? */
static void
judge(struct tpi_worker *w, int64_t began)
{
	int64_t now = tpi_clock_now();

	w->saved_ns += now - began - COST_NS;
	if (w->saved_ns >= 0) {
		w->cool_ns = 0;
		w->poke_from = 0;
		if (w->saved_ns > SAVED_MAX_NS) {
			w->saved_ns = SAVED_MAX_NS;
		}
		return;
	}
	w->saved_ns = 0;
	tpi_worker_cool(w, now, w->cool_ns / 4);
}

int
tpi_forkjoin_run(void *arg, void *value)
{
	struct tpi_forked *forked = arg;
	struct tpi_worker *w = tpi_thread_self.worker;
	struct tpi_slots *s = tpi_slots_get(w);
	struct tpi_span span;
	struct tpar_slot *head;
	int64_t began;

	(void)value;
	if (s == NULL) {
		forked->declined = true;
		return 0;
	}
	if (tpi_region_failed(forked->region)) {
		(void)tpi_slots_skip(forked->region, forked->slot);
		return 0;
	}
	began = tpi_clock_now();
	tpi_thread_self.run->region = forked->region;
	tpi_thread_self.run->root = tpi_thread_root(forked->region->run);
	head = tpi_slots_enter(s, &span, forked->region, forked);
	/* Else there may be forks in it that who joins this one must not run. */
	if (!tpi_deque_nonempty(&w->deque)) {
		/* ORDER L4 release -> tpi_leap() */
		atomic_store_explicit(&forked->runner, w, memory_order_release);
	}
	pthread_cleanup_push(tpi_forkend_abandon, &span);
	forked->fn(head, forked->slot);
	pthread_cleanup_pop(0);
	tpi_forkend_leave(s, &span);
	judge(w, began);
	return 0;
}

static void
end_region(void *arg)
{
	struct tpi_region *region = arg;

	tpi_guard_leave(tpi_thread_self.worker->pool);
	tpi_region_end(region);
}

/* On a worker, as part of the calling task. */
static enum tpar_err
run_here(tpar_slot_fn fn, struct tpar_slot *self, struct tpar_failure *why,
	 const char *name, bool hurry)
{
	struct tpi_worker *w = tpi_thread_self.worker;
	struct tpi_slots *s = tpi_slots_get(w);
	struct tpi_region region;
	struct tpi_span span;
	struct tpar_slot *head;

	if (s == NULL) {
		enum tpar_err err =
			tpi_err(TPAR_ENOMEM, "no address space for forks");

		tpi_failure_of_call(why, err);
		return err;
	}
	tpi_region_begin(&region, name);
	tpi_guard_enter(w->pool);
	pthread_cleanup_push(end_region, &region);
	head = tpi_slots_enter(s, &span, &region, NULL);
	if (hurry && w->pool->park.width > 1) {
		tpi_park_notify(&w->pool->park, w->pool);
	}
	pthread_cleanup_push(tpi_forkend_abandon, &span);
	fn(head, self);
	pthread_cleanup_pop(0);
	tpi_forkend_leave(s, &span);
	pthread_cleanup_pop(1);
	return tpi_region_outcome(&region, why);
}

void
tpi_forkjoin_announce(struct tpar_slot *head)
{
	struct tpar_pool *pool = tpi_slots_of(head)->worker->pool;

	if (pool->park.width > 1) {
		tpi_park_notify(&pool->park, pool);
	}
}

/* A computation that another thread waits for. */
struct root {
	tpar_slot_fn fn;
	struct tpar_slot *self;
	const char *name;
	bool hurry;
	bool ended;
	enum tpar_err err;
	struct tpar_failure why;
};

static int
run_root(void *arg, void *value)
{
	struct root *root = arg;

	(void)value;
	root->err = run_here(root->fn, root->self, &root->why, root->name,
			     root->hurry);
	root->ended = true;
	return 0;
}

static void
release_root(void *f)
{
	tpar_future_unref(f);
}

/* It was cancelled before it began, or has called pthread_exit(). */
static enum tpar_err
why_not(struct tpar_future *f, enum tpar_err err, uintptr_t cause,
	struct tpar_failure *why)
{
	if (err == TPAR_OK && cause != TPI_STOPPED) {
		return tpi_failure_of_member(why, f, 0);
	}
	if (err == TPAR_OK) {
		err = tpi_err_plain(TPAR_ESTOPPED);
	}
	tpi_failure_of_call(why, err);
	return err;
}

static enum tpar_err
run_there(struct tpar_pool *pool, struct root *root, struct tpar_failure *why)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_frame frame;
	struct tpar_future *f;
	enum tpar_err err;

	task.fn = run_root;
	task.arg = root;
	task.name = root->name;
	err = tpar_submit_task(pool, &task, &f);
	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
		return err;
	}
	/* It may run here after all, and a future that it waits for may exit. */
	pthread_cleanup_push(release_root, f);
	tpi_frame_init(&frame, TPI_WAIT_GATHER, &f, 1);
	frame.tied = true;
	err = tpi_wait_frame(&frame, TPAR_FOREVER, NULL, 0);
	if (!root->ended) {
		err = why_not(f, err, tpi_frame_cause(&frame), why);
	}
	pthread_cleanup_pop(1);
	if (!root->ended || root->err == TPAR_OK) {
		return root->ended ? TPAR_OK : err;
	}
	if (why != NULL) {
		*why = root->why;
	}
	return tpi_err(root->err, "%s", root->why.message);
}

enum tpar_err
tpi_forkjoin_root(struct tpar_pool *pool, tpar_slot_fn fn,
		  struct tpar_slot *self, struct tpar_failure *why,
		  const char *name, bool hurry)
{
	struct tpi_worker *w = tpi_thread_self.worker;
	struct root root = {
		.fn = fn, .self = self, .name = name, .hurry = hurry
	};

	if (w != NULL && tpi_thread_self.run != NULL && !w->blocked &&
	    (pool == NULL || pool == w->pool)) {
		return run_here(fn, self, why, name, hurry);
	}
	return run_there(pool, &root, why);
}

enum tpar_err
tpar_run_1(tpar_pool *pool, tpar_slot_fn fn, struct tpar_slot *self,
	   struct tpar_failure *why, const char *name)
{
	return tpi_forkjoin_root(pool, fn, self, why, name, true);
}
