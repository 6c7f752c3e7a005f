/* SPDX-License-Identifier: MIT */
/*
 * handmade.h - a pool without threads: the test plays its workers, so that
 * every step is the test's.
 */
#ifndef HANDMADE_H
#define HANDMADE_H

#include "unit.h"

#include "src/future.h"
#include "src/heap.h"
#include "src/pool.h"
#include "src/thread.h"
#include "src/worker.h"

#include <string.h>

enum { HAND_CAPACITY = 16 };

static inline struct tpar_pool *
hand_pool(unsigned width)
{
	struct tpi_arena *arena = tpi_arena_create(NULL, HAND_CAPACITY);
	struct tpar_pool *pool =
		tpi_arena_alloc(arena, sizeof *pool, TPI_CACHELINE);
	unsigned i;

	memset(pool, 0, sizeof *pool);
	pool->arena = arena;
	pool->config.workers = width;
	pool->config.blocking_limit = HAND_CAPACITY;
	pool->config.stack_size = (size_t)256 * 1024;
	pool->config.name = "hand";
	pool->capacity = HAND_CAPACITY;
	pool->shards = 1;
	pool->park.width = width;
	pool->park.search_max = width > 1 ? width / 2 : 1;
	pool->worker = calloc(HAND_CAPACITY, sizeof pool->worker[0]);
	pool->shard =
		tpi_arena_alloc(arena, sizeof *pool->shard, TPI_CACHELINE);
	UNIT_MUST(pool->worker != NULL && pool->shard != NULL);
	UNIT_MUST(tpi_lock_init(&pool->lock, TPI_RANK_POOL) == 0);
	for (i = 0; i < tpi_pool_injectors(pool); i++) {
		tpi_inject_init(tpi_pool_injector(pool, i));
	}
	return pool;
}

/* One more worker, whose thread is the test. */
static inline struct tpi_worker *
hand_worker(struct tpar_pool *pool)
{
	struct tpi_worker *w;

	tpi_lock_enter(&pool->lock);
	w = tpi_pool_add_worker(pool);
	tpi_lock_leave(&pool->lock);
	UNIT_MUST(w != NULL);
	tpi_park_enter(&pool->park, TPI_ACTIVE);
	return w;
}

/* The calling thread is this worker from now on; NULL: none. */
static inline void
hand_become(struct tpi_worker *w)
{
	tpi_thread_self.worker = w;
	tpi_thread_self.heap = w != NULL ? w->heap : NULL;
	if (w != NULL) {
		w->stack_low = NULL; /* there is always enough stack */
	}
}

static inline void
hand_free(struct tpar_pool *pool)
{
	struct tpi_arena *arena = pool->arena;
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t i;

	hand_become(NULL);
	for (i = 0; i < n; i++) {
		tpi_worker_destroy(tpi_pool_worker(pool, i));
	}
	tpi_lock_fini(&pool->lock);
	free((void *)pool->worker);
	tpi_arena_free(arena, pool->shard, sizeof *pool->shard);
	tpi_arena_free(arena, pool, sizeof *pool);
	tpi_arena_abandon(arena);
}

static inline int
hand_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

/* A pending future in no queue, with a handle and the queue's reference. */
static inline struct tpar_future *
hand_future_of(struct tpar_pool *pool, const struct tpar_task *task)
{
	struct tpi_heap *heap = tpi_heap_enter_shared(pool->arena, 0);
	struct tpi_shape shape;
	struct tpar_future *f;

	UNIT_MUST(tpi_future_shape(task, &shape));
	f = tpi_future_create(heap, &shape, task, &pool->intake, true);
	tpi_heap_leave_shared(heap);
	UNIT_MUST(f != NULL);
	return f;
}

static inline struct tpar_future *
hand_future(struct tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = hand_nothing;
	return hand_future_of(pool, &task);
}

/* Gives up the handle and the queue's reference. */
static inline void
hand_drop(struct tpar_future *f)
{
	tpi_future_release(f);
	tpar_future_unref(f);
}

/* From here on the calling thread runs this task, until hand_end(). */
static inline void
hand_begin(struct tpi_run *run, struct tpar_future *task)
{
	struct tpi_run fresh = { .task = task, .outer = tpi_thread_self.run };

	UNIT_MUST(tpi_future_claim(task));
	*run = fresh;
	tpi_thread_self.run = run;
}

static inline void
hand_end(struct tpi_run *run, int rc)
{
	tpi_thread_self.run = run->outer;
	tpi_future_end(run->task, rc, run->message);
}

#endif
