/* SPDX-License-Identifier: MIT */
/*
 * pool.h - what makes up a pool.
 */
#ifndef TPI_POOL_H
#define TPI_POOL_H

#include "atomics.h"
#include "base.h"
#include "inject.h"
#include "intake.h"
#include "lock.h"
#include "future.h"
#include "park.h"
#include "pools.h"
#include "thread.h"

#include <taskpar/pool.h>

struct tpar_future;
struct tpi_arena;
struct tpi_errand;
struct tpi_parker;
struct tpi_worker;

/* One injector shard per so many workers. */
#define TPI_WORKERS_PER_SHARD 8

/* The most threads a pool may have: workers, twice blocking_limit (settings.c). */
#define TPI_CAPACITY_MAX (4096 + 2 * 16384)

/* The queues of tasks with a priority of their own. */
enum { TPI_ASIDE_HIGH, TPI_ASIDE_LOW, TPI_ASIDES };

/* A thread that wants to know when the pool, or a foreign run, has ended. */
struct tpi_watch {
	struct tpi_watch *next;
	struct tpi_watch **link;
	struct tpi_parker *parker;
	struct tpar_future *task; /* [c] of a foreign run, or NULL */
};

struct tpar_pool {
	struct tpi_intake intake;	/* first: tpi_pool_of() */
	struct tpi_arena *arena;	/* [c] */
	struct tpar_pool_config config; /* [c] checked, defaults filled in */
	struct tpar_pool *next;		/* [m:pools] in the list of all */
	struct tpar_pool **link;	/* [m:pools] to it there, or NULL */
	uint64_t spin_ns;		/* [c] how long a searcher looks */
	bool fence;			/* [c] the system has the heavy one */
	/* [c] most threads: width, and blocking_limit each that wait and block */
	unsigned capacity;
	unsigned shards;	  /* [c] */
	struct tpi_inject *shard; /* [c] */
	/* [a:W1] workers 0 .. worker_count - 1 are there for good */
	_Atomic(struct tpi_worker *) *worker;
	_Atomic uint32_t worker_count;
	_Atomic uint32_t errands; /* [h] the newest one's number; under lock */

	/*
	 * [a:S4] Bit i: worker i may have something in its deque.  Not set for
	 * those that sleep, or have no thread, and have left nothing behind.
	 */
	_Atomic uint64_t occupied[TPI_CAPACITY_MAX / 64];

	_Atomic uint32_t regions;  /* [a:L6] fork-join computations begun */
	_Atomic uint32_t sentinel; /* [a:L6] a sleeper looks at their forks */
	_Atomic uint32_t
		lacking; /* [a:B1] no thread could be had that blocks */

	struct tpi_park park;
	struct tpi_inject aside[TPI_ASIDES];
	struct tpi_inject blocking; /* TPAR_BLOCKING tasks */
	_Atomic uint32_t elastic;   /* [a:B1] threads that take those */

	_Alignas(TPI_CACHELINE) struct tpi_lock lock;
	struct tpi_worker *parked; /* [m:lock] a stack: last in, first out */
	struct tpi_worker *spare;  /* [m:lock] without a thread */
	unsigned threads;      /* [m:lock] that exist or are being started */
	unsigned parked_count; /* [m:lock] */
	struct tpi_errand *errand; /* [m:lock] under way, oldest first */
	bool quit; /* [m:lock] threads return instead of parking */
	struct tpi_watch
		*foreign; /* [m:lock] its tasks on other pools' threads */
	struct tpi_watch *waiting; /* [m:lock] in shutdown */
};

static inline struct tpar_pool *
tpi_pool_of(struct tpi_intake *intake)
{
	return TPI_CONTAINER(intake, struct tpar_pool, intake);
}

/*
 * All queues that are not a worker's: the shards, those of priorities and, last,
 * that of blocking tasks.
 */
static inline unsigned
tpi_pool_injectors(const struct tpar_pool *pool)
{
	return pool->shards + TPI_ASIDES + 1;
}

static inline struct tpi_inject *
tpi_pool_injector(struct tpar_pool *pool, unsigned i)
{
	if (i < pool->shards) {
		return &pool->shard[i];
	}
	i -= pool->shards;
	return i < TPI_ASIDES ? &pool->aside[i] : &pool->blocking;
}

static inline struct tpi_worker *
tpi_pool_worker(struct tpar_pool *pool, uint32_t i)
{
	/* ORDER W1 acquire <- tpi_pool_add_worker(): its fields. */
	return atomic_load_explicit(&pool->worker[i], memory_order_acquire);
}

static inline uint32_t
tpi_pool_worker_count(struct tpar_pool *pool)
{
	/* ORDER W1 seq_cst <- tpi_pool_add_worker() */
	return atomic_load_explicit(&pool->worker_count, memory_order_seq_cst);
}

/* Before its owner pushes anything. */
static inline void
tpi_pool_occupy(struct tpar_pool *pool, uint32_t i)
{
	/* ORDER S4 seq_cst -> tpi_pool_occupied(): the bit, then the push. */
	atomic_fetch_or_explicit(&pool->occupied[i / 64], (uint64_t)1 << i % 64,
				 memory_order_seq_cst);
}

/* Its owner, who pushes nothing until it occupies it again, saw it empty. */
static inline void
tpi_pool_vacate(struct tpar_pool *pool, uint32_t i)
{
	/* Relaxed: there is nothing to be seen any more. */
	atomic_fetch_and_explicit(&pool->occupied[i / 64],
				  ~((uint64_t)1 << i % 64),
				  memory_order_relaxed);
}

/* The bits of workers 64 * word and on. */
static inline uint64_t
tpi_pool_occupied(struct tpar_pool *pool, uint32_t word)
{
	/* ORDER S4 seq_cst <- tpi_pool_occupy(): the last look sees it. */
	return atomic_load_explicit(&pool->occupied[word],
				    memory_order_seq_cst);
}

/*
 * Is there anything queued for those that search?  The last look of whoever
 * leaves the sleep word.
 */
bool tpi_pool_any_work(struct tpar_pool *pool);

/* Is anything queued at all? */
bool tpi_pool_any_queued(struct tpar_pool *pool);

/* A worker without a thread; under the lock.  NULL: at capacity, no memory. */
struct tpi_worker *tpi_pool_add_worker(struct tpar_pool *pool);

/*
 * One of its tasks that other pools' threads run, held, for which `wanted` is
 * true; it must not lock.  NULL: there is none.
 */
struct tpar_future *
tpi_pool_foreign_task(struct tpar_pool *pool,
		      bool (*wanted)(void *arg, struct tpar_future *task),
		      void *arg);

/* Has every task of the pool ended?  Under the lock. */
bool tpi_pool_quiet_locked(struct tpar_pool *pool);

/* Wakes those that wait for that; under the lock. */
void tpi_pool_wake_waiting_locked(struct tpar_pool *pool);

/* Does the calling thread run a task of this pool, at any depth? */
bool tpi_pool_is_callers(struct tpar_pool *pool);

void tpi_watch_add_locked(struct tpi_watch **list, struct tpi_watch *watch);
void tpi_watch_remove_locked(struct tpi_watch *watch);

/* The tables of workers and shards. */
void tpi_pool_free_tables(struct tpar_pool *pool);

/* The pool that NULL means here; starts the default one if need be. */
static inline enum tpar_err
tpi_pool_resolve(struct tpar_pool **pool)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (*pool != NULL) {
		return TPAR_OK;
	}
	if (TPI_UNLIKELY(run == NULL)) {
		return tpi_pools_start_default(pool);
	}
	*pool = tpi_pool_of(run->task->intake);
	return TPAR_OK;
}

#endif
