/* SPDX-License-Identifier: MIT */
/*
 * service.c - counts the pools; the last one takes the service threads along.
 *
 * The count is read under the lock of the service concerned, and whoever has
 * taken off the last one takes that lock afterwards: so either the thread sees
 * that no pool is left, or it is seen and told to end.
 */
#include "config.h"

#include "atomics.h"
#include "lane.h"
#include "service.h"
#include "timer.h"

static _Atomic uint32_t pools;

void
tpi_service_hold(void)
{
	atomic_fetch_add_explicit(&pools, 1, memory_order_relaxed);
}

void
tpi_service_release(void)
{
	if (atomic_fetch_sub_explicit(&pools, 1, memory_order_relaxed) == 1) {
		tpi_timer_end();
		tpi_lane_end();
	}
}

bool
tpi_service_held(void)
{
	return tpi_load_relaxed(&pools) > 0;
}

void
tpi_service_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		tpi_store_relaxed(&pools, 0);
	}
}
