/* SPDX-License-Identifier: MIT */
/*
 * pool.c - making, finding and destroying pools.
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "cpus.h"
#include "die.h"
#include "elastic.h"
#include "err.h"
#include "future.h"
#include "heap.h"
#include "parker.h"
#include "pool.h"
#include "service.h"
#include "settings.h"
#include "shutdown.h"
#include "thread.h"
#include "worker.h"

#include <string.h>

/* Longer than most gaps between tasks, shorter than what it costs to notice. */
#define SPIN_NS 30000

static size_t
worker_table_size(const struct tpar_pool *pool)
{
	return pool->capacity * sizeof pool->worker[0];
}

static size_t
shard_table_size(const struct tpar_pool *pool)
{
	return pool->shards * sizeof pool->shard[0];
}

/* With the last future: whoever holds one may look at its pool's intake. */
static void
free_structure(void *arg)
{
	struct tpar_pool *pool = arg;

	tpi_pools_remove(pool);
	tpi_lock_fini(&pool->lock);
	tpi_arena_free(pool->arena, pool, sizeof *pool);
}

void
tpi_pool_free_tables(struct tpar_pool *pool)
{
	tpi_arena_free(pool->arena, (void *)pool->worker,
		       worker_table_size(pool));
	tpi_arena_free(pool->arena, pool->shard, shard_table_size(pool));
}

static void
free_pool(struct tpar_pool *pool)
{
	struct tpi_arena *arena = pool->arena;

	tpi_pool_free_tables(pool);
	arena->pool = pool;
	arena->last = free_structure;
	tpi_arena_abandon(arena);
}

/* A pool without threads.  NULL: no memory. */
static struct tpar_pool *
make_pool(struct tpi_arena *arena, const struct tpar_pool_config *config)
{
	struct tpar_pool *pool =
		tpi_arena_alloc(arena, sizeof *pool, TPI_CACHELINE);
	unsigned i;

	if (pool == NULL) {
		return NULL;
	}
	memset(pool, 0, sizeof *pool);
	pool->arena = arena;
	pool->config = *config;
	pool->intake.limit = config->queue_limit;
	pool->intake.own_threads_only = config->own_threads_only;
	pool->spin_ns = tpi_cpus_usable() > 1 ? SPIN_NS : 0;
	pool->capacity = config->workers + 2 * config->blocking_limit;
	pool->shards = 1 + (config->workers - 1) / TPI_WORKERS_PER_SHARD;
	pool->park.width = config->workers;
	pool->park.search_max = config->workers > 1 ? config->workers / 2 : 1;
	/* A pool of one has nobody to tell: who blocks looks for himself. */
	pool->fence = tpi_fence_available();
	pool->park.fence = config->workers > 1 && pool->fence;
	pool->park.announce = config->workers > 1 && !pool->park.fence;
	pool->worker =
		tpi_arena_alloc(arena, worker_table_size(pool), sizeof(void *));
	if (pool->worker == NULL) {
		goto fail_worker;
	}
	memset((void *)pool->worker, 0, worker_table_size(pool));
	pool->shard =
		tpi_arena_alloc(arena, shard_table_size(pool), TPI_CACHELINE);
	if (pool->shard == NULL) {
		goto fail_shard;
	}
	if (tpi_lock_init(&pool->lock, TPI_RANK_POOL) != 0) {
		goto fail_lock;
	}
	for (i = 0; i < tpi_pool_injectors(pool); i++) {
		tpi_inject_init(tpi_pool_injector(pool, i));
	}
	return pool;
fail_lock:
	tpi_arena_free(arena, pool->shard, shard_table_size(pool));
fail_shard:
	tpi_arena_free(arena, (void *)pool->worker, worker_table_size(pool));
fail_worker:
	tpi_arena_free(arena, pool, sizeof *pool);
	return NULL;
}

/* Lets all threads end, joins them, frees everything. */
static void
end_pool(struct tpar_pool *pool)
{
	uint32_t n = tpi_load_relaxed(&pool->worker_count);
	struct tpi_worker *w;
	struct tpi_worker *next;
	uint32_t i;

	tpi_lock_enter(&pool->lock);
	pool->quit = true; /* no foreign run begins from here on */
	w = pool->parked;
	pool->parked = NULL;
	pool->parked_count = 0;
	tpi_lock_leave(&pool->lock);
	for (; w != NULL; w = next) {
		next = w->next;
		tpi_park_enter(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
		/* ORDER S2 release -> await_wake() */
		atomic_store_explicit(&w->parked, 0, memory_order_release);
		tpi_parker_wake(w->parker);
	}
	/* All first: those that still run look into the others' deques. */
	for (i = 0; i < n; i++) {
		tpi_worker_join(tpi_pool_worker(pool, i));
	}
	/* Now, for a fork of another thread: the pool is in the list still. */
	tpi_store_relaxed(&pool->worker_count, 0);
	for (i = 0; i < n; i++) {
		tpi_worker_destroy(tpi_pool_worker(pool, i));
	}
	tpi_audit_pool_gone(&pool->intake, pool->config.name);
	free_pool(pool);
}

/* Starts one of the first threads; nobody else knows the pool yet. */
static enum tpar_err
start_worker(struct tpar_pool *pool)
{
	struct tpi_worker *w;

	tpi_lock_enter(&pool->lock);
	w = tpi_pool_add_worker(pool);
	tpi_lock_leave(&pool->lock);
	if (w == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_park_enter(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
	if (tpi_worker_start(w, false) == 0) {
		return TPAR_OK;
	}
	return tpi_err(TPAR_EAGAIN, "thread %u of %u could not be started",
		       w->index + 1, pool->park.width);
}

enum tpar_err
tpar_pool_create(tpar_pool **out, const struct tpar_pool_config *config)
{
	struct tpar_pool_config complete = TPAR_POOL_CONFIG_INIT;
	struct tpi_arena *arena;
	struct tpar_pool *pool;
	enum tpar_err err;
	unsigned i;

	if (out == NULL) {
		return tpi_err(TPAR_EINVAL, "pool is NULL");
	}
	err = tpi_settings_complete(config, &complete);
	if (err != TPAR_OK) {
		return err;
	}
	arena = tpi_arena_create(&complete.allocator,
				 complete.workers +
					 2 * complete.blocking_limit);
	if (arena == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	pool = make_pool(arena, &complete);
	if (pool == NULL) {
		tpi_arena_abandon(arena);
		return tpi_err_plain(TPAR_ENOMEM);
	}
	for (i = 0; i < complete.workers && err == TPAR_OK; i++) {
		err = start_worker(pool);
	}
	if (err != TPAR_OK) {
		end_pool(pool);
		return err;
	}
	tpi_service_hold();
	tpi_pools_add(pool);
	*out = pool;
	return TPAR_OK;
}

struct tpi_worker *
tpi_pool_add_worker(struct tpar_pool *pool)
{
	struct tpi_worker *w = pool->spare;
	uint32_t n = tpi_load_relaxed(&pool->worker_count);

	if (w != NULL) {
		pool->spare = w->next;
	} else {
		if (n == pool->capacity) {
			return NULL;
		}
		w = tpi_worker_create(pool, n);
		if (w == NULL) {
			return NULL;
		}
		/* ORDER W1 release -> tpi_pool_worker() */
		atomic_store_explicit(&pool->worker[n], w,
				      memory_order_release);
		/* ORDER W1 seq_cst -> tpi_pool_worker_count() */
		atomic_store_explicit(&pool->worker_count, n + 1,
				      memory_order_seq_cst);
	}
	tpi_pool_occupy(pool, w->index);
	pool->threads++;
	return w;
}

bool
tpi_pool_any_queued(struct tpar_pool *pool)
{
	return tpi_pool_any_work(pool) || tpi_inject_nonempty(&pool->blocking);
}

bool
tpi_pool_any_work(struct tpar_pool *pool)
{
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t injectors = tpi_pool_injectors(pool);
	uint32_t i;

	/* The last one is of blocking tasks, which have threads of their own. */
	injectors -= !tpi_elastic_lacks_threads(pool);
	for (i = 0; i < injectors; i++) {
		if (tpi_inject_nonempty(tpi_pool_injector(pool, i))) {
			return true;
		}
	}
	for (i = 0; i < n; i += 64) {
		uint64_t bits = tpi_pool_occupied(pool, i / 64);

		for (; bits != 0; bits &= bits - 1) {
			uint32_t k = i + (uint32_t)__builtin_ctzll(bits);

			if (tpi_deque_nonempty(
				    &tpi_pool_worker(pool, k)->deque)) {
				return true;
			}
		}
	}
	return false;
}

struct tpar_future *
tpi_pool_foreign_task(struct tpar_pool *pool,
		      bool (*wanted)(void *arg, struct tpar_future *task),
		      void *arg)
{
	struct tpar_future *found = NULL;
	struct tpi_watch *watch;

	tpi_lock_enter(&pool->lock);
	for (watch = pool->foreign; watch != NULL && found == NULL;
	     watch = watch->next) {
		if (watch->task != NULL && wanted(arg, watch->task)) {
			/* Who runs it leaves this list first. */
			found = watch->task;
			tpi_future_retain(found);
		}
	}
	tpi_lock_leave(&pool->lock);
	return found;
}

bool
tpi_pool_quiet_locked(struct tpar_pool *pool)
{
	return pool->parked_count == pool->threads && pool->foreign == NULL;
}

void
tpi_pool_wake_waiting_locked(struct tpar_pool *pool)
{
	struct tpi_watch *watch;

	for (watch = pool->waiting; watch != NULL; watch = watch->next) {
		if (watch->parker != NULL) {
			tpi_parker_wake(watch->parker);
		}
	}
}

void
tpi_watch_add_locked(struct tpi_watch **list, struct tpi_watch *watch)
{
	watch->next = *list;
	watch->link = list;
	if (watch->next != NULL) {
		watch->next->link = &watch->next;
	}
	*list = watch;
}

void
tpi_watch_remove_locked(struct tpi_watch *watch)
{
	*watch->link = watch->next;
	if (watch->next != NULL) {
		watch->next->link = watch->link;
	}
}

bool
tpi_pool_is_callers(struct tpar_pool *pool)
{
	struct tpi_worker *w = tpi_thread_self.worker;
	struct tpi_run *run;

	for (run = tpi_thread_run(); run != NULL; run = run->outer) {
		if (run->task->intake == &pool->intake) {
			return true;
		}
	}
	/* A callback (after.h) is part of what its thread does. */
	return tpi_after_is_callers() && w != NULL && w->pool == pool;
}

enum tpar_err
tpar_pool_shutdown(tpar_pool *pool, enum tpar_shutdown how, int64_t deadline_ns)
{
	if (how != TPAR_DRAIN && how != TPAR_CANCEL) {
		return tpi_err(TPAR_EINVAL,
			       "shutdown: neither drain nor cancel");
	}
	if (pool == NULL && tpi_thread_self.run != NULL) {
		pool = tpi_pool_of(tpi_thread_self.run->task->intake);
	}
	if (pool == NULL) {
		pool = tpi_pools_default();
	}
	if (pool == NULL || tpi_intake_is_dead(&pool->intake)) {
		return TPAR_OK;
	}
	if (tpi_pool_is_callers(pool)) {
		return tpi_err(TPAR_EDEADLK, "a task cannot wait for its own "
					     "pool to run dry");
	}
	return tpi_shutdown_pool(pool, how, deadline_ns, true);
}

enum tpar_err
tpar_pool_destroy(tpar_pool *pool)
{
	bool is_default = pool == NULL;
	enum tpar_err err;

	if (is_default) {
		pool = tpi_pools_take_default();
	}
	if (pool == NULL) {
		return TPAR_OK;
	}
	if (tpi_pool_is_callers(pool)) {
		return tpi_err(TPAR_EDEADLK,
			       "a pool cannot be destroyed by its own task");
	}
	if (tpi_intake_is_dead(&pool->intake)) {
		tpi_pools_bury(pool);
		return TPAR_OK;
	}
	/* Also a caller that was asked to stop sees it through. */
	err = tpi_shutdown_pool(pool, TPAR_DRAIN, TPAR_FOREVER, false);
	if (err != TPAR_OK) {
		if (is_default) {
			tpi_pools_restore_default(pool);
		}
		return err;
	}
	end_pool(pool);
	tpi_service_release();
	return TPAR_OK;
}

unsigned
tpar_pool_workers(tpar_pool *pool)
{
	return tpi_pool_resolve(&pool) == TPAR_OK ? pool->park.width : 0;
}
