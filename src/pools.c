/* SPDX-License-Identifier: MIT */
/*
 * pools.c - the default pool, the list of pools, and dead ones: those that
 * were there when a fork made the process that this is.  doc/STATES.md#fork.
 */
#include "config.h"

#include "lock.h"
#include "pool.h"
#include "pools.h"
#include "worker.h"

static struct tpi_lock default_lock = TPI_LOCK_INIT(TPI_RANK_DEFAULT_POOL);
static struct tpar_pool *default_pool; /* [m:default_lock] */

static struct tpi_lock pools_lock = TPI_LOCK_INIT(TPI_RANK_POOLS);
static struct tpar_pool *pools; /* [m:pools_lock] */

enum tpar_err
tpi_pools_start_default(struct tpar_pool **pool)
{
	enum tpar_err err = TPAR_OK;

	tpi_lock_enter(&default_lock);
	if (default_pool == NULL) {
		err = tpar_pool_create(&default_pool, NULL);
	}
	*pool = default_pool;
	tpi_lock_leave(&default_lock);
	return err;
}

struct tpar_pool *
tpi_pools_default(void)
{
	struct tpar_pool *pool;

	tpi_lock_enter(&default_lock);
	pool = default_pool;
	tpi_lock_leave(&default_lock);
	return pool;
}

struct tpar_pool *
tpi_pools_take_default(void)
{
	struct tpar_pool *pool;

	tpi_lock_enter(&default_lock);
	pool = default_pool;
	if (pool != NULL && !tpi_pool_is_callers(pool)) {
		default_pool = NULL;
	}
	tpi_lock_leave(&default_lock);
	return pool;
}

void
tpi_pools_restore_default(struct tpar_pool *pool)
{
	tpi_lock_enter(&default_lock);
	if (default_pool == NULL) {
		default_pool = pool;
	}
	tpi_lock_leave(&default_lock);
}

void
tpi_pools_add(struct tpar_pool *pool)
{
	tpi_lock_enter(&pools_lock);
	pool->next = pools;
	pool->link = &pools;
	if (pool->next != NULL) {
		pool->next->link = &pool->next;
	}
	pools = pool;
	tpi_lock_leave(&pools_lock);
}

void
tpi_pools_remove(struct tpar_pool *pool)
{
	tpi_lock_enter(&pools_lock);
	if (pool->link != NULL) {
		*pool->link = pool->next;
		if (pool->next != NULL) {
			pool->next->link = pool->link;
		}
	}
	tpi_lock_leave(&pools_lock);
}

void
tpi_pools_bury(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t i;

	for (i = 0; i < n; i++) {
		tpi_worker_destroy(tpi_pool_worker(pool, i));
	}
	tpi_store_relaxed(&pool->worker_count, 0);
	tpi_pool_free_tables(pool);
}

/* Its lock may be held by a thread that is not here. */
static void
die(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t i;

	tpi_store_relaxed(&pool->intake.closed, TPI_DEAD);
	tpi_lock_renew(&pool->lock);
	pool->parked = NULL;
	pool->spare = NULL;
	pool->threads = 0;
	pool->parked_count = 0;
	tpi_store_relaxed(&pool->elastic, 0);
	tpi_store_relaxed(&pool->lacking, 0);
	pool->quit = true;
	pool->foreign = NULL;
	pool->waiting = NULL;
	pool->errand = NULL;
	for (i = 0; i < n; i++) {
		/* One that is not here may just look at what runs. */
		tpi_store_relaxed(&tpi_pool_worker(pool, i)->watched, 0);
	}
}

void
tpi_pools_fork_default(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		default_pool = NULL;
	}
	tpi_fork_lock(&default_lock, when);
}

void
tpi_pools_fork(enum tpi_fork when)
{
	struct tpar_pool *pool;

	if (when == TPI_FORK_CHILD) {
		for (pool = pools; pool != NULL; pool = pool->next) {
			die(pool);
		}
	}
	tpi_fork_lock(&pools_lock, when);
}
