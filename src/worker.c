/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the main loop of a worker: take, search, run, sleep.
 * In which order is take.h's.
 */
#include "config.h"

#include "block.h"
#include "clock.h"
#include "cpus.h"
#include "die.h"
#include "errand.h"
#include "future.h"
#include "guard.h"
#include "heap.h"
#include "parker.h"
#include "pool.h"
#include "run.h"
#include "slots.h"
#include "spawn.h"
#include "take.h"
#include "thread.h"
#include "worker.h"

#include <taskpar/base.h>

#include <stdio.h>
#include <string.h>

#define HALF_RING (TPI_DEQUE_SIZE / 2)

/* From so many pauses on, one to three microseconds, they grow no more. */
#define PAUSES_MAX 64

/* Below this much free stack a wait runs no other task on top. */
#define STACK_RESERVE ((size_t)64 * 1024)

static struct tpar_future *search(struct tpi_worker *w);

/* Ends being a searcher; the last one to do so makes sure of the rest. */
static void
stop_searching(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint64_t before;

	w->searching = false;
	before = tpi_park_leave(&pool->park, TPI_SEARCHING);
	/*
	 * If all are active nobody is to be woken; whoever parks looks.  Forks
	 * are not to be seen: somebody has to ask for them.
	 */
	if (tpi_park_searching(before) == 1 &&
	    tpi_park_active(before) < pool->park.width &&
	    (tpi_guard_needed(pool) ||
	     tpi_park_look(pool, tpi_park_active(before) - 1))) {
		tpi_park_notify(&pool->park, pool);
	}
}

static inline struct tpar_future *
take_local(struct tpi_worker *w)
{
	struct tpar_future *f = tpi_take_own(w);

	if (f != NULL && TPI_UNLIKELY(w->searching)) {
		stop_searching(w);
	}
	return f;
}

/* The task has called pthread_exit(), and has been ended. */
static void
drop_taken(void *arg)
{
	struct tpi_worker *w = arg;
	struct tpar_future *f = tpi_load_relaxed(&w->taken);

	if (f != NULL) {
		tpi_worker_hide(w);
		tpi_future_release(f);
	}
}

static inline void
run(struct tpi_worker *w, struct tpar_future *f)
{
	bool blocks = tpi_future_is_blocking(f);

	if (blocks) {
		(void)tpi_park_block(w); /* no other thread could be had */
	}
	tpi_run_taken(w, f);
	if (blocks) {
		tpi_park_unblock(w);
	}
}

static void
main_loop(struct tpi_worker *w)
{
	struct tpar_future *f;

	pthread_cleanup_push(drop_taken, w);
	/* ENDS: the pool quits; or this thread is one too many. */
	while ((f = take_local(w)) != NULL || (f = search(w)) != NULL) {
		(void)tpi_errand_check(w);
		tpi_worker_show(w, f);
		if (tpi_intake_begins(&w->pool->intake) &&
		    tpi_future_claim(f)) {
			run(w, f);
		}
		tpi_worker_hide(w);
		tpi_future_release(f);
		if (TPI_UNLIKELY(tpi_park_surplus(&w->pool->park)) &&
		    !tpi_park_retire(w)) {
			break;
		}
	}
	pthread_cleanup_pop(0);
}

static void
pause_for(unsigned pauses)
{
	for (; pauses > 0; pauses--) {
		tpi_cpu_pause();
	}
}

/*
 * Looks for spin_ns, as a searcher, or once.  Each look takes the queues' lines
 * away from those who fill them, so the pauses between two looks grow.  No yield:
 * of two threads on one processor the other one would get all of its slice, for
 * milliseconds, while this one counts as searching and nobody else is woken.
 */
static struct tpar_future *
look_around(struct tpi_worker *w)
{
	unsigned pauses = w->lull;
	int64_t until = 0;
	struct tpar_future *f;
	unsigned looks = 0;

	if (!w->searching) {
		w->searching = tpi_park_try_search(&w->pool->park);
	}
	pause_for(pauses);
	w->pokes = w->poke_from == 0;
	w->asked = NULL;
	while ((f = tpi_take_scan(w)) == NULL && w->searching) {
		int64_t now = tpi_clock_now();

		/* Ever more seldom: who is asked has to answer. */
		looks++;
		w->pokes = (looks & (looks - 1)) == 0 && now >= w->poke_from;
		if (until == 0) {
			until = now + (int64_t)w->pool->spin_ns;
		}
		if (now >= until) {
			return NULL;
		}
		if (pauses < PAUSES_MAX) {
			pauses = 2 * pauses + 1;
		}
		pause_for(pauses);
	}
	return f;
}

static struct tpar_future *
search(struct tpi_worker *w)
{
	struct tpar_future *f;

	/* ENDS: a task is found, or tpi_park_sleep() says so. */
	while ((f = look_around(w)) == NULL) {
		f = tpi_slots_force(w);
		if (f != NULL) {
			break;
		}
		/* ENDS: a consumer leaves after one batch. */
		if (tpi_take_busy(w->pool)) {
			tpi_yield();
		} else if (!tpi_park_sleep(w)) {
			return NULL;
		}
	}
	if (w->searching) {
		stop_searching(w);
	} else if (tpi_deque_nonempty(&w->deque)) {
		/* A batch was out of sight while it moved here. */
		tpi_park_notify(&w->pool->park, w->pool);
	}
	return f;
}

/*
 * Moves the older half of a full deque to the injector, but for what somebody
 * has claimed meanwhile.
 */
static TPI_NOINLINE void
spill(struct tpi_worker *w)
{
	struct tpar_future *out[HALF_RING];
	int64_t n = tpi_deque_spill_owner(&w->deque, out);
	struct tpi_link *first = NULL;
	struct tpi_link *last = NULL;
	int64_t i;

	for (i = 0; i < n; i++) {
		if (tpi_state_peek(&out[i]->state) != TPI_PENDING) {
			tpi_future_release(out[i]);
			continue;
		}
		if (first == NULL) {
			first = &out[i]->link;
		} else {
			tpi_store_relaxed(&last->next, &out[i]->link);
		}
		last = &out[i]->link;
	}
	if (first != NULL) {
		tpi_inject_push(tpi_take_shard(w, 0), first, last);
		w->spilled = true;
	}
}

void
tpi_worker_push_full(struct tpi_worker *w, struct tpar_future *f)
{
	/* ENDS: a spill makes room, or a thief has made some. */
	do {
		spill(w);
	} while (!tpi_deque_push_owner(&w->deque, f, w->announce));
}

/* ENDS: who watches stops after a bounded number of steps. */
TPI_NOINLINE void
tpi_worker_await_unwatched(struct tpi_worker *w)
{
	unsigned i = 0;

	/* ORDER W2 acquire <- tpi_worker_taken(): it holds what it has seen. */
	while (atomic_load_explicit(&w->watched, memory_order_acquire) != 0) {
		if (++i % 64 == 0) {
			tpi_yield();
		}
		tpi_cpu_pause();
	}
}

/* The thread is not one of the pool's any more. */
static void
leave(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;

	tpi_errand_end(w);
	tpi_thread_self.worker = NULL;
	tpi_thread_self.heap = NULL;
	if (pool->config.on_worker_stop != NULL) {
		pool->config.on_worker_stop(w->index, pool->config.hook_arg);
	}
	tpi_thread_self.parker = NULL;
}

static void *worker_main(void *arg);

/* Another thread for the structure of the calling one.  false: none starts. */
static bool
start_successor(struct tpi_worker *w)
{
	w->exited = w->thread;
	w->has_exited = true;
	if (tpi_spawn(&w->thread, w->pool->config.stack_size, worker_main, w) ==
	    0) {
		return true;
	}
	w->thread = w->exited;
	w->has_exited = false;
	return false;
}

/* Waits for the end of the thread before, if that has exited. */
static void
succeed(struct tpi_worker *w)
{
	if (w->has_exited) {
		/* ENDS: it is on its way out. */
		TPI_CHECK(pthread_join(w->exited, NULL) == 0);
		w->has_exited = false;
		w->blocked = 1;
		tpi_park_unblock(w);
	}
	w->blocked = 0; /* as the thread before left it */
	w->elastic = false;
}

/*
 * A task has called pthread_exit(): this thread ends, and another one goes on
 * with its structure as soon as it has.  Until then it counts as one that is
 * blocked.  It runs nothing any more: that could exit, too, and glibc cannot do
 * that twice in a thread.
 */
static void
replace(void *arg)
{
	struct tpi_worker *w = arg;

	(void)tpi_park_block(w);
	leave(w);
	/* ENDS: a thread can be started, or others are there and do the work. */
	while (!start_successor(w) && !tpi_park_lost(w)) {
		tpi_block_nap();
	}
}

/* From its first hook to its last. */
static void
serve(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	bool elastic = w->begins_elastic;

	w->begins_elastic =
		false; /* it may go on as a searcher: worker_main() */
	tpi_thread_self.worker = w;
	tpi_thread_self.heap = w->heap;
	tpi_thread_self.parker = w->parker;
	/* What the hook sees is not missed: a call of all is before or after. */
	tpi_errand_begin(w);
	if (pool->config.on_worker_start != NULL) {
		/* It may take its time: others are woken for work meanwhile. */
		if (w->searching) {
			stop_searching(w);
		}
		pool->config.on_worker_start(w->index, pool->config.hook_arg);
	}
	pthread_cleanup_push(replace, w);
	if (!elastic || tpi_park_serve(w)) {
		main_loop(w);
	}
	pthread_cleanup_pop(0);
	leave(w);
}

/*
 * Who started this thread may still be writing down what he needs to join it.
 * The thread must not end before, as somebody else starts the next one then.
 * ENDS: that is his next step.
 */
static void
await_starter(struct tpi_worker *w)
{
	/* ORDER W3 acquire <- tpi_worker_start() */
	while (atomic_load_explicit(&w->started, memory_order_acquire) == 0) {
		tpi_yield();
	}
}

static void *
worker_main(void *arg)
{
	struct tpi_worker *w = arg;
	struct tpar_pool *pool = w->pool;
	char here = 0;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	await_starter(w);
	succeed(w);
	w->stack_low = tpi_spawn_stack_end(&here, pool->config.stack_size) +
		       STACK_RESERVE;
	tpi_spawn_name(pool->config.name, w->index);
	if (pool->config.pin) {
		tpi_cpus_pin(pthread_self(), w->index);
	}
	do {
		serve(w);
	} while (!tpi_park_gone(w));
	return NULL;
}

void
tpi_worker_join(struct tpi_worker *w)
{
	if (w->joinable) {
		/* ENDS: the pool quits, or its last act was tpi_park_gone(). */
		TPI_CHECK(pthread_join(w->thread, NULL) == 0);
		w->joinable = false;
	}
}

int
tpi_worker_start(struct tpi_worker *w, bool elastic)
{
	int rc;

	tpi_worker_join(w);
	w->searching = !elastic;
	w->begins_elastic = elastic;
	tpi_store_relaxed(&w->started, 0);
	rc = tpi_spawn(&w->thread, w->pool->config.stack_size, worker_main, w);
	w->joinable = rc == 0;
	/* ORDER W3 release -> await_starter(): thread and joinable. */
	atomic_store_explicit(&w->started, 1, memory_order_release);
	return rc;
}

struct tpi_worker *
tpi_worker_create(struct tpar_pool *pool, unsigned index)
{
	struct tpi_worker *w =
		tpi_arena_alloc(pool->arena, sizeof *w, TPI_CACHELINE);

	if (w == NULL) {
		return NULL;
	}
	memset(w, 0, sizeof *w);
	tpi_deque_init(&w->deque);
	atomic_init(&w->parked, 0);
	w->pool = pool;
	w->index = index;
	w->ticks = TPI_TICKS_PER_LOOK;
	w->announce = pool->park.announce;
	w->fenced = pool->fence;
	atomic_init(&w->taken, NULL);
	atomic_init(&w->watched, 0);
	w->rng = (uint32_t)tpi_wrap_mul(index, 2654435761u) | 1;
	w->parker = tpi_parker_get();
	if (w->parker != NULL) {
		w->heap = tpi_arena_add_heap(pool->arena);
		if (w->heap != NULL) {
			return w;
		}
		tpi_parker_put(w->parker);
	}
	tpi_arena_free(pool->arena, w, sizeof *w);
	return NULL;
}

void
tpi_worker_destroy(struct tpi_worker *w)
{
	tpi_slots_free(w->slots);
	tpi_parker_put(w->parker);
	tpi_arena_free(w->pool->arena, w, sizeof *w);
}
