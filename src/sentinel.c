/* SPDX-License-Identifier: MIT */
/*
 * sentinel.c - looking at other workers' forks while asleep.  doc/FORKJOIN.md.
 */
#include "config.h"

#include "clock.h"
#include "park.h"
#include "pool.h"
#include "sentinel.h"
#include "slots.h"
#include "worker.h"

/*
 * How long the sentinel naps: first as long as a wake would be worth, then so
 * that 1,000 short looks in a second do not count.
 */
#define SENTINEL_MIN_NS 100000
#define SENTINEL_MAX_NS 1000000

int64_t
tpi_sentinel_until(struct tpi_guard *guard, struct tpi_worker *w,
		   int64_t deadline)
{
	struct tpar_pool *pool = w->pool;
	int64_t until;
	uint32_t none = 0;

	/* ORDER J6 seq_cst <- run_here(): asleep, then see forks to come. */
	if (atomic_load_explicit(&pool->regions, memory_order_seq_cst) == 0) {
		return deadline;
	}
	if (!guard->is_sentinel) {
		guard->is_sentinel = atomic_compare_exchange_strong_explicit(
			&pool->sentinel, &none, 1, memory_order_relaxed,
			memory_order_relaxed);
		/* Longer if what it got last was hardly worth a look. */
		guard->nap = SENTINEL_MIN_NS + 8 * w->cool_ns;
	}
	if (!guard->is_sentinel) {
		return deadline;
	}
	until = tpi_clock_now() + guard->nap;
	return deadline != 0 && deadline < until ? deadline : until;
}

void
tpi_sentinel_look(struct tpi_guard *guard, struct tpar_pool *pool)
{
	if (!guard->is_sentinel) {
		return;
	}
	guard->nap = 2 * guard->nap < SENTINEL_MAX_NS ? 2 * guard->nap
						      : SENTINEL_MAX_NS;
	if (tpi_slots_watch(pool) || tpi_pool_any_work(pool)) {
		tpi_park_notify(&pool->park, pool);
	}
}

void
tpi_sentinel_end(struct tpi_guard *guard, struct tpar_pool *pool)
{
	if (guard->is_sentinel) {
		tpi_store_relaxed(&pool->sentinel, 0);
	}
}
