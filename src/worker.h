/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one thread of a pool with its deque, its heap and its parker.
 *
 * Structures are made once and reused by later threads; they are freed with the
 * pool.  That is why thieves may look at the deque of a worker whose thread
 * sleeps, is blocked in a wait, or is gone.
 */
#ifndef TPI_WORKER_H
#define TPI_WORKER_H

#include "base.h"
#include "deque.h"
#include "park.h"

#include <pthread.h>

struct tpar_future;
struct tpar_pool;
struct tpi_heap;
struct tpi_parker;

struct tpi_worker {
	struct tpi_deque deque;
	_Alignas(TPI_CACHELINE) struct tpar_pool *pool; /* [c] */
	struct tpi_heap *heap;				/* [o] */
	struct tpi_parker *parker;			/* [c] */
	char *stack_low;   /* [o] below this a wait claims nothing */
	unsigned index;	   /* [c] */
	uint32_t rng;	   /* [o] */
	uint32_t ticks;	   /* [o] tasks to take until the next look aside */
	uint32_t looks;	   /* [o] such looks */
	unsigned lull;	   /* [o] pauses before the next search */
	bool searching;	   /* [o] counted in the sleep word */
	bool spilled;	   /* [o] its tasks may lie in the injector */
	bool has_aside;	   /* [o] or among those of a priority */
	bool others_first; /* [o] than HIGH ones, in its next search */
	bool announce;	   /* [c] as its pool's park says */
	_Alignas(TPI_CACHELINE) _Atomic uint32_t parked; /* [a:S2] */
	struct tpi_worker *next; /* [m:pool] parked, or without a thread */
	pthread_t thread;	 /* [m:pool] */
	bool joinable;		 /* [m:pool] thread is to be joined */
};

/* A new worker without a thread; under the pool's lock.  NULL: no memory. */
struct tpi_worker *tpi_worker_create(struct tpar_pool *pool, unsigned index);
void tpi_worker_destroy(struct tpi_worker *worker);

/* Waits for the end of its thread, if it has or had one. */
void tpi_worker_join(struct tpi_worker *worker);

/* Starts a thread that searches.  0 or an errno value. */
int tpi_worker_start(struct tpi_worker *worker);

void tpi_worker_push_full(struct tpi_worker *worker, struct tpar_future *f);

/* Queues one PENDING future of this worker's pool; owner only. */
static inline void
tpi_worker_push(struct tpi_worker *worker, struct tpar_future *f)
{
	if (TPI_UNLIKELY(!tpi_deque_push_owner(&worker->deque, f,
					       worker->announce))) {
		tpi_worker_push_full(worker, f);
	}
}

/* A set f[0..n), none of it PENDING, is through: removes its queue entries. */
void tpi_worker_trim(struct tpi_worker *worker, struct tpar_future *const *f,
		     size_t n);

#endif
