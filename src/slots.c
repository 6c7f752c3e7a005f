/* SPDX-License-Identifier: MIT */
/*
 * slots.c - the slot stacks of workers: promotion on demand, and taking a slot
 * from an owner who does not hear.  doc/FORKJOIN.md.
 */
#include "config.h"

#include "fence.h"
#include "forkjoin.h"
#include "future.h"
#include "park.h"
#include "pool.h"
#include "slots.h"
#include "thread.h"
#include "worker.h"

#include <stdarg.h>

/*
 * Of many forks a share is promoted at once, but no more than so many: most may
 * be tiny and a few large, as in searches of trees, and who asks cannot ask for
 * each (tests/bench/forkjoin, uts_t3).
 */
#define SHARE 8
#define AT_ONCE 16

/* After priv has changed: nobody's poke counts as heard.  Under the lock. */
static void
set_join_limit(struct tpi_slots *s)
{
	uintptr_t limit = (uintptr_t)tpi_load_relaxed(&s->priv);

	s->settled++;
	if (TPI_UNLIKELY(s->spilled_count > 0)) {
		limit = UINTPTR_MAX;
	}
	/* ORDER L5 seq_cst -- tpi_slots_fail_with(): set, then see failed. */
	__atomic_store_n(&s->limits.join, limit, __ATOMIC_SEQ_CST);
	if (TPI_UNLIKELY(s->span != NULL &&
			 tpi_region_failed(s->span->region))) {
		__atomic_store_n(&s->limits.join, UINTPTR_MAX,
				 __ATOMIC_RELAXED);
	}
}

/* All that was asked for has been heard. */
static void
clear_pokes(struct tpi_slots *s)
{
	/* ORDER L7 release -> tpi_slots_has_answered(): the lock is taken. */
	__atomic_store_n(&s->limits.fork, (uintptr_t)s->end, __ATOMIC_RELEASE);
	set_join_limit(s);
}

struct tpi_slots *
tpi_slots_live(struct tpi_worker *w)
{
	/* ORDER L5 seq_cst <- tpi_slots_enter(): they have been made. */
	return atomic_load_explicit(&w->live, memory_order_seq_cst);
}

static bool
try_enter(struct tpi_slots *s)
{
	/* ORDER L3 acquire <- leave() */
	return tpi_load_relaxed(&s->lock) == 0 &&
	       atomic_exchange_explicit(&s->lock, 1, memory_order_acquire) == 0;
}

/* ENDS: who has it does a bounded number of steps. */
static void
enter(struct tpi_slots *s)
{
	unsigned i = 0;

	while (!try_enter(s)) {
		if (++i % 64 == 0) {
			tpi_yield();
		}
		tpi_cpu_pause();
	}
}

static void
leave(struct tpi_slots *s)
{
	/* ORDER L3 release -> try_enter() */
	atomic_store_explicit(&s->lock, 0, memory_order_release);
}

/*
 * From priv on, slots in use have an fn, and those from the head on have none:
 * steps that double, then a binary search.
 */
struct tpar_slot *
tpi_slots_top(struct tpi_slots *s)
{
	struct tpar_slot *low = tpi_load_relaxed(&s->priv);
	struct tpar_slot *high = low;
	ptrdiff_t step = 1;

	while (high < s->end && tpi_slots_is_forked(high)) {
		low = high + 1;
		high = s->end - low > step ? low + step : s->end;
		step *= 2;
	}
	while (low < high) {
		struct tpar_slot *middle = low + (high - low) / 2;

		if (tpi_slots_is_forked(middle)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct tpar_slot *
tpi_slots_enter(struct tpi_slots *s, struct tpi_span *span,
		struct tpi_region *region, struct tpi_forked *forked)
{
	struct tpar_slot *head = s->head;

	if (s->span == NULL) {
		head = s->base;
		s->debug_base = head;
	} else if (head == NULL) {
		head = tpi_slots_top(s);
	}
	span->region = region;
	span->forked = forked;
	span->start = head;
	span->outer = s->span;
	span->outer_priv = NULL;
	span->outer_head = s->head;
	span->spilled = s->spilled_count;
	s->head = NULL;
	tpi_thread_self.limits = &s->limits;
	enter(s);
	s->span = span;
	if (forked != NULL || span->outer == NULL) {
		span->outer_priv = tpi_load_relaxed(&s->priv);
		tpi_store_relaxed(&s->priv, head);
	}
	if (span->outer == NULL) {
		/* ORDER L5 seq_cst -> tpi_slots_live(): then see failed. */
		atomic_store_explicit(&s->worker->live, s,
				      memory_order_seq_cst);
	}
	set_join_limit(s);
	leave(s);
	return head;
}

void
tpi_slots_leave(struct tpi_slots *s, struct tpi_span *span)
{
	s->head = span->outer_head;
	enter(s);
	s->span = span->outer;
	if (span->outer_priv != NULL) {
		tpi_store_relaxed(&s->priv, span->outer_priv);
	}
	set_join_limit(s);
	leave(s);
	if (span->outer == NULL) {
		tpi_thread_self.limits = NULL;
		/* Relaxed: thieves may look for a while longer. */
		tpi_store_relaxed(&s->worker->live, NULL);
	}
}

unsigned
tpi_slots_hungry(struct tpi_worker *w)
{
	struct tpi_park *park = &w->pool->park;
	uint64_t word = tpi_load_relaxed(&park->word);
	uint32_t active = tpi_park_active(word);

	return (active < park->width ? park->width - active : 0) +
	       tpi_park_searching(word);
}

/* A slot's future, PENDING, with a reference for the join and one for a thief. */
static struct tpi_forked *
make_forked(struct tpi_worker *w, struct tpi_slots *s, struct tpar_slot *slot,
	    tpar_slot_fn fn)
{
	static const struct tpi_shape shape = {
		.value_offset = offsetof(struct tpar_future, small),
		.flags = 1 << TPI_F_CLASS_SHIFT
	};
	struct tpi_span *span = s->span;
	struct tpi_forked *forked;
	struct tpar_future *f = tpi_future_get_block(w->heap, 1);

	if (TPI_UNLIKELY(f == NULL)) {
		return NULL;
	}
	while (slot < span->start) {
		span = span->outer;
	}
	forked = (struct tpi_forked *)(void *)f;
	tpi_future_init(f, tpi_forkjoin_run, forked, &shape, &w->pool->intake,
			true);
	tpi_store_relaxed(&f->holds, 2 * TPI_MEMREF);
	f->site = NULL;
	f->name = span->region->name;
	tpi_store_relaxed(&f->pins, 0);
	tpi_audit_created(f, false);
	forked->region = span->region;
	forked->slot = slot;
	forked->fn = fn;
	tpi_store_relaxed(&forked->runner, NULL);
	forked->declined = false;
	slot->head.forked = forked;
	return forked;
}

_Static_assert(sizeof(struct tpi_forked) <= TPI_CLASS_SIZE(1), "its class");

unsigned
tpi_slots_promote(struct tpi_slots *s, struct tpar_slot *head, unsigned n)
{
	struct tpi_worker *w = s->worker;
	struct tpi_forked *forked;
	struct tpar_slot *first;
	struct tpar_slot *slot;
	size_t more;

	if (TPI_UNLIKELY(w->blocked > 0)) {
		return 0; /* who pushes must be active (S3) */
	}
	enter(s);
	first = tpi_load_relaxed(&s->priv);
	more = head > first ? (size_t)(head - first) / SHARE : 0;
	if (n < more) {
		n = more < AT_ONCE ? (unsigned)more : AT_ONCE;
	}
	/* One without an fn was joined by somebody else's mistake. */
	for (slot = first; slot < first + n && slot < head; slot++) {
		if (slot->head.fn == NULL ||
		    make_forked(w, s, slot, slot->head.fn) == NULL) {
			break;
		}
	}
	n = (unsigned)(slot - first);
	tpi_store_relaxed(&s->priv, slot);
	if (n > 0) {
		clear_pokes(s);
	} else {
		set_join_limit(s);
	}
	/* Only now, or what a thief asks for as it takes one would be cleared. */
	for (; first < slot; first++) {
		forked = first->head.forked;
		tpi_worker_push(w, &forked->future);
	}
	leave(s);
	if (n > 0 && w->pool->park.width > 1) {
		tpi_park_notify(&w->pool->park, w->pool);
	}
	return n;
}

struct tpi_forked *
tpi_slots_withdraw(struct tpi_slots *s, struct tpar_slot *slot)
{
	struct tpi_forked *forked = NULL;

	enter(s);
	if (slot < tpi_load_relaxed(&s->priv)) {
		forked = slot->head.forked;
		tpi_store_relaxed(&s->priv, slot);
	}
	set_join_limit(s);
	leave(s);
	return forked;
}

void
tpi_slots_relimit(struct tpi_slots *s)
{
	enter(s);
	set_join_limit(s);
	leave(s);
}

void
tpi_slots_hold(struct tpi_slots *s, struct tpar_slot *head)
{
	enter(s);
	tpi_store_relaxed(&s->priv, head);
	set_join_limit(s);
	leave(s);
}

/* Calls fn for the live slots of all workers, until it says true. */
static bool
each_live(struct tpar_pool *pool, bool (*fn)(struct tpi_slots *s))
{
	uint32_t n = tpi_pool_worker_count(pool);
	struct tpi_slots *s;
	bool found = false;
	uint32_t i;

	for (i = 0; i < n && !found; i++) {
		s = tpi_slots_live(tpi_pool_worker(pool, i));
		found = s != NULL && fn(s);
	}
	return found;
}

static bool
poke_surely(struct tpi_slots *s)
{
	__atomic_store_n(&s->limits.fork, 0, __ATOMIC_RELAXED);
	/* ORDER L5 seq_cst -- set_join_limit(): failed, then poke. */
	__atomic_store_n(&s->limits.join, UINTPTR_MAX, __ATOMIC_SEQ_CST);
	return false;
}

void
tpi_slots_fail_with(struct tpi_region *region, enum tpar_err err, int code,
		    const char *fmt, va_list args)
{
	struct tpar_pool *pool = tpi_thread_self.worker->pool;

	if (tpi_region_fail(region, err, code, fmt, args)) {
		(void)each_live(pool, poke_surely);
		/* What waits in one of its tasks looks whether it has failed. */
		tpi_park_wake_blocked(pool);
	}
}

void
tpi_slots_fail(struct tpi_region *region, enum tpar_err err, const char *fmt,
	       ...)
{
	va_list args;

	va_start(args, fmt);
	tpi_slots_fail_with(region, err, (int)err, fmt, args);
	va_end(args);
}

/* What a thief could take, if nobody else does: a hint. */
static bool
has_private(struct tpi_slots *s)
{
	struct tpar_slot *slot = tpi_load_relaxed(&s->priv);

	return slot < s->end && tpi_slots_is_forked(slot) &&
	       !tpi_deque_nonempty(&s->worker->deque);
}

static bool
needs_force(struct tpi_slots *s)
{
	bool needs = tpi_slots_asked(s) && has_private(s);

	tpi_slots_poke(s);
	return needs;
}

bool
tpi_slots_watch(struct tpar_pool *pool)
{
	return each_live(pool, needs_force) && pool->fence;
}

/*
 * Is there a computation, and if `forked` is given, does the thread run that? Then
 * what lies at priv began after it.  Under the lock.
 */
static bool
is_within(struct tpi_slots *s, struct tpi_forked *forked)
{
	struct tpi_span *span = s->span;

	while (span != NULL && forked != NULL && span->forked != forked) {
		span = span->outer;
	}
	return span != NULL;
}

/*
 * The pokes that were there before the heavy fence still are, so the owner has
 * seen them at any join that begins after it; and of a join that began before,
 * the cleared fn is seen here.
 */
static struct tpi_forked *
force(struct tpi_worker *w, struct tpi_slots *s, struct tpi_forked *within)
{
	struct tpi_forked *forked = NULL;
	struct tpar_slot *slot;
	uint32_t settled;
	tpar_slot_fn fn;

	if (!try_enter(s)) {
		return NULL;
	}
	settled = s->settled;
	(void)poke_surely(s);
	leave(s);
	/* ORDER L2 seq_cst -- tpar_join_slot(): poke, then see fn. */
	tpi_fence_heavy();
	if (!try_enter(s)) {
		return NULL;
	}
	slot = tpi_load_relaxed(&s->priv);
	/* ORDER L1 acquire <- tpar_fork_slot(): the arguments. */
	fn = __atomic_load_n(&slot->head.fn, __ATOMIC_ACQUIRE);
	/* What is at the end is about to be called by the owner. */
	if (s->settled == settled && slot < s->end && fn != NULL &&
	    is_within(s, within) && !tpi_deque_nonempty(&s->worker->deque)) {
		forked = make_forked(w, s, slot, fn);
		if (forked != NULL) {
			tpi_store_relaxed(&s->priv, slot + 1);
		}
	}
	leave(s);
	return forked;
}

struct tpar_future *
tpi_slots_force_from(struct tpi_worker *w, struct tpi_slots *s,
		     struct tpi_forked *within)
{
	struct tpi_forked *forked = NULL;

	if (w->pool->fence && tpi_slots_asked(s) && has_private(s)) {
		forked = force(w, s, within);
	}
	return forked != NULL ? &forked->future : NULL;
}

struct tpar_future *
tpi_slots_force(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint32_t n = tpi_pool_worker_count(pool);
	struct tpar_future *f = NULL;
	uint32_t i;

	if (!pool->fence || tpi_load_relaxed(&pool->regions) == 0) {
		return NULL;
	}
	for (i = 0; i < n && f == NULL; i++) {
		struct tpi_worker *victim = tpi_pool_worker(pool, i);
		struct tpi_slots *s = tpi_slots_live(victim);

		if (victim != w && s != NULL) {
			f = tpi_slots_force_from(w, s, NULL);
		}
	}
	return f;
}
