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
#include "fence.h"
#include "future.h"
#include "park.h"

#include <pthread.h>

struct tpar_future;
struct tpar_pool;
struct tpi_heap;
struct tpi_parker;
struct tpi_slots;

struct tpi_worker {
	struct tpi_deque deque;
	_Alignas(TPI_CACHELINE) struct tpar_pool *pool; /* [c] */
	struct tpi_heap *heap;				/* [o] */
	struct tpi_parker *parker;			/* [c] */
	char *stack_low;  /* [o] below this a wait claims nothing */
	unsigned index;	  /* [c] */
	uint32_t rng;	  /* [o] */
	uint32_t ticks;	  /* [o] tasks to take until the next look aside */
	uint32_t looks;	  /* [o] such looks */
	unsigned lull;	  /* [o] pauses before the next search */
	uint32_t errand;  /* [o] number of the last one that it knows */
	bool searching;	  /* [o] counted in the sleep word */
	unsigned blocked; /* [o] nested waits that sleep, and what blocks: not
			     active, pushes nothing */
	bool elastic;	  /* [o] it takes blocking tasks */
	bool spilled;	  /* [o] its tasks may lie in the injector */
	bool has_aside;	  /* [o] or among those of a priority */
	bool pokes; /* [o] in this look it asks those with forks for some */
	bool others_first; /* [o] than HIGH ones, in its next search */
	bool announce;	   /* [c] as its pool's park says */
	bool fenced;	   /* [c] whoever looks at `taken` uses a heavy fence */
	struct tpi_slots *asked; /* [o] in this search, and got nothing yet */
	struct tpi_slots *slots; /* [o] of its forks; NULL until the first */
	int64_t poke_from;	 /* [o] until then it does not ask */
	int64_t cool_ns;	 /* [o] as what it got was not worth it */
	int64_t saved_ns;	 /* [o] what it got was worth more, so much */
	_Atomic(struct tpi_slots *) live;    /* [a:L5] while it has forks */
	_Atomic(struct tpar_future *) taken; /* [a:W2] at the bottom of all */
	_Atomic uint32_t watched; /* [a:W2] threads that look at it */
	_Alignas(TPI_CACHELINE) _Atomic uint32_t parked; /* [a:S2] TPI_PARKED */
	struct tpi_worker *next;  /* [m:pool] parked, or without a thread */
	pthread_t thread;	  /* [m:pool] */
	bool serves;		  /* [m:pool] errands are for it, too */
	bool joinable;		  /* [m:pool] thread is to be joined */
	bool begins_elastic;	  /* [m:pool] it is started for them */
	_Atomic uint32_t started; /* [a:W3] the starter is through with both */
	pthread_t exited;	  /* [o] the one before, if it has exited */
	bool has_exited;	  /* [o] and this thread has to join it */
};

#define TPI_COOL_STEP_NS 500
#define TPI_COOL_MAX_NS 50000

/* What it asked for was not worth it: it waits before it asks again, longer. */
static inline void
tpi_worker_cool(struct tpi_worker *worker, int64_t now, int64_t more)
{
	worker->cool_ns += more + TPI_COOL_STEP_NS;
	if (worker->cool_ns > TPI_COOL_MAX_NS) {
		worker->cool_ns = TPI_COOL_MAX_NS;
	}
	worker->poke_from = now + worker->cool_ns;
}

/* parked: woken to search, not woken, woken to take blocking tasks */
enum { TPI_AWAKE, TPI_PARKED, TPI_ELASTIC };

/* A new worker without a thread; under the pool's lock.  NULL: no memory. */
struct tpi_worker *tpi_worker_create(struct tpar_pool *pool, unsigned index);
void tpi_worker_destroy(struct tpi_worker *worker);

/* Waits for the end of its thread, if it has or had one. */
void tpi_worker_join(struct tpi_worker *worker);

/*
 * Starts a thread that searches, or one that takes blocking tasks.  0 or an errno
 * value.
 */
int tpi_worker_start(struct tpi_worker *worker, bool elastic);

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

/*
 * Shows what the main loop is about to claim; its queue's reference is held
 * until it is hidden.
 */
static inline void
tpi_worker_show(struct tpi_worker *w, struct tpar_future *f)
{
	if (TPI_LIKELY(w->fenced)) {
		/* ORDER W2 release -> tpi_worker_taken(): what f is. */
		atomic_store_explicit(&w->taken, f, memory_order_release);
		tpi_fence_light();
		return;
	}
	/* ORDER W2 seq_cst -- tpi_worker_taken(): show, then publish frames. */
	atomic_store_explicit(&w->taken, f, memory_order_seq_cst);
}

void tpi_worker_await_unwatched(struct tpi_worker *worker);

/* The reference may be given up afterwards: whoever has seen f holds it. */
static inline void
tpi_worker_hide(struct tpi_worker *w)
{
	uint32_t watched;

	if (TPI_LIKELY(w->fenced)) {
		/* S3: hide, then see who watches. */
		tpi_store_relaxed(&w->taken, NULL);
		tpi_fence_light();
		/* ORDER W2 acquire <- tpi_worker_taken(): it holds f. */
		watched =
			atomic_load_explicit(&w->watched, memory_order_acquire);
	} else {
		/* ORDER W2 seq_cst -- tpi_worker_taken() */
		atomic_store_explicit(&w->taken, NULL, memory_order_seq_cst);
		/* ORDER W2 seq_cst <- tpi_worker_taken() */
		watched =
			atomic_load_explicit(&w->watched, memory_order_seq_cst);
	}
	if (TPI_UNLIKELY(watched != 0)) {
		tpi_worker_await_unwatched(w);
	}
}

/*
 * The task at the bottom of what the worker's thread runs, held, or NULL.  It
 * may have ended by now, or be one that somebody else has claimed.  Any thread,
 * while the pool is there; costs a heavy fence.
 */
static inline struct tpar_future *
tpi_worker_taken(struct tpi_worker *w)
{
	struct tpar_future *f;

	/* ORDER W2 seq_cst -- tpi_worker_hide(): watch, then see what it has. */
	atomic_fetch_add_explicit(&w->watched, 1, memory_order_seq_cst);
	if (w->fenced) {
		tpi_fence_heavy();
	}
	/* ORDER W2 seq_cst -- tpi_worker_show(), tpi_worker_hide() */
	f = atomic_load_explicit(&w->taken, memory_order_seq_cst);
	if (f != NULL) {
		tpi_future_retain(f);
	}
	/* ORDER W2 release -> tpi_worker_hide(): f is held. */
	atomic_fetch_sub_explicit(&w->watched, 1, memory_order_release);
	return f;
}

#endif
