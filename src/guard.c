/* SPDX-License-Identifier: MIT */
/*
 * guard.c - who of those that sleep is the sentinel, and when it looks.
 */
#include "config.h"

#include "clock.h"
#include "guard.h"
#include "park.h"
#include "pool.h"
#include "slots.h"
#include "worker.h"

/*
 * How long the sentinel naps: first as long as a wake would be worth, then so
 * that 1,000 short looks in a second do not count.
 */
#define NAP_MIN_NS 100000
#define NAP_MAX_NS 1000000

/* false: somebody else is. */
static bool
become_sentinel(struct tpar_pool *pool)
{
	uint32_t none = 0;

	/* ORDER L6 seq_cst -- resign(): see forks, then see a sentinel. */
	return atomic_compare_exchange_strong_explicit(&pool->sentinel, &none,
						       1, memory_order_seq_cst,
						       memory_order_seq_cst);
}

static void
resign(struct tpi_guard *guard, struct tpar_pool *pool)
{
	guard->is_sentinel = false;
	/* ORDER L6 seq_cst -- become_sentinel(): resign, then see forks. */
	atomic_store_explicit(&pool->sentinel, 0, memory_order_seq_cst);
}

int64_t
tpi_guard_until(struct tpi_guard *guard, struct tpi_worker *w, int64_t deadline)
{
	struct tpar_pool *pool = w->pool;
	int64_t until;

	/* Who sleeps until woken is none: others would rely on it.  ENDS: so. */
	while (!tpi_guard_needed(pool)) {
		if (!guard->is_sentinel) {
			return deadline;
		}
		resign(guard, pool);
	}
	if (!guard->is_sentinel) {
		guard->is_sentinel = become_sentinel(pool);
		/* Longer if what it got last was hardly worth a look. */
		guard->nap = NAP_MIN_NS + 8 * w->cool_ns;
	}
	if (!guard->is_sentinel) {
		return deadline;
	}
	until = tpi_clock_now() + guard->nap;
	return deadline != 0 && deadline < until ? deadline : until;
}

void
tpi_guard_look(struct tpi_guard *guard, struct tpar_pool *pool)
{
	if (!guard->is_sentinel) {
		return;
	}
	guard->nap = 2 * guard->nap < NAP_MAX_NS ? 2 * guard->nap : NAP_MAX_NS;
	if (tpi_slots_watch(pool) || tpi_pool_any_work(pool)) {
		tpi_park_notify(&pool->park, pool);
	}
}

void
tpi_guard_end(struct tpi_guard *guard, struct tpar_pool *pool)
{
	if (guard->is_sentinel) {
		resign(guard, pool);
	}
}
