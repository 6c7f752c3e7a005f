/* SPDX-License-Identifier: MIT */
/*
 * closing.c - a task is submitted from outside while its pool is shut down, by
 * src/submit.c and src/shutdown.c.  What was accepted has ended when the shutdown
 * returns, what was refused never began, and no task begins afterwards.  The pool
 * has one thread, which is parked, and comes when it is woken, or later.
 *
 * CANCEL: what is queued is ended at once.  INSIDE: a submit of many, which comes
 * in before it queues (intake.h).  GIVES_UP: the shutdown has a deadline that has
 * passed, so what is queued must be run by those who are there.
 * LOOKS: the thread parks just now, and looks around once more.
 *
 * GENMC: --disable-loop-jump-threading --disable-ipr --unroll=6
 * BLOCKED: where the shutdown would still wait
 * CFLAGS: -DINSIDE
 * CFLAGS: -DGIVES_UP
 * CFLAGS: -DCANCEL
 * CFLAGS: -DLOOKS
 * CFLAGS: -DDRAIN
 * MUTANT: intake.h /ORDER C1 seq_cst -- tpi_intake_close(): push/,/;/s/_seq_cst/_relaxed/
 * MUTANT: intake.h /ORDER C1 seq_cst -- tpi_intake_closed(): close/,/;/s/_seq_cst/_relaxed/
 * MUTANT: submit.c s/if (TPI_UNLIKELY(tpi_intake_closed(&pool->intake) != TPI_OPEN) &&/if (0 \&\&/
 * MUTANT: submit.c s/!tpi_submit_is_open(pool) && withdraw(f)/!tpi_submit_is_open(pool)/
 * MUTANT: -UDRAIN -DLOOKS shutdown.c s/tpi_intake_close(&pool->intake, TPI_SHUT);//
 * MUTANT: -UDRAIN -DINSIDE intake.h /ORDER C1 seq_cst -- tpi_intake_close(): come/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UDRAIN -DINSIDE shutdown.c s/while (!tpi_intake_empty(&pool->intake)) {/if (0) {/
 * MUTANT: -UDRAIN -DCANCEL shutdown.c s/if (tpi_future_claim(f)) {/if (1) {/
 */
#define TPI_DEQUE_SIZE 2
#include "self.h"
#include "src/atomics.h"

/* A loop that waits is not unrolled: an execution in which it has to ends. */
#define tpi_yield() __VERIFIER_assume(0)

#include "src/pool.c"

#include "src/shutdown.c"

#include "src/submit.c"
#include "locks.h"

#include <assert.h>

static struct tpar_pool pool;
static struct tpi_inject shard;
static struct tpar_future task;
static int woken; /* [m:pool] how often the thread was */
static int comes; /* [m:pool] and how often it has begun to search */
static _Atomic int ran;
static _Atomic int ended;
static _Atomic int gone; /* the shutdown has returned: nothing begins */
static _Atomic int refused;

void
tpi_err_say(const char *fmt, ...)
{
	(void)fmt;
}

struct tpi_parker *
tpi_thread_parker_slow(void)
{
	return NULL;
}

void
tpi_future_end_cancelled(struct tpar_future *f)
{
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
	(void)tpi_state_finish(&f->state, TPI_CANCELLED);
}

void
tpi_future_dispose(struct tpar_future *f)
{
	f->code = -1;
}

void
tpi_park_wake_blocked(struct tpar_pool *of)
{
	(void)of;
}

void
tpi_handler_stop_pool(struct tpi_intake *intake)
{
	(void)intake;
}

bool
tpi_run_enter_pool(struct tpar_pool *of, struct tpi_watch *watch)
{
	watch->parker = NULL;
	tpi_lock_enter(&of->lock);
	tpi_watch_add_locked(&of->foreign, watch);
	tpi_lock_leave(&of->lock);
	return true;
}

void
tpi_run_leave_pool(struct tpar_pool *of, struct tpi_watch *watch)
{
	tpi_lock_enter(&of->lock);
	tpi_watch_remove_locked(watch);
	tpi_lock_leave(&of->lock);
}

enum tpar_err
tpi_wait_pool(struct tpar_pool *of, bool (*pred)(void *pool),
	      struct tpi_parker *parker, int64_t deadline_ns, bool stoppable)
{
	(void)parker;
	(void)deadline_ns;
	(void)stoppable;
#ifdef GIVES_UP
	(void)of;
	(void)pred;
	return TPAR_ESTOPPED;
#else
	__VERIFIER_assume(pred(of));
	return TPAR_OK;
#endif
}

/* As main_loop() and tpi_run_taken(). */
static void
run(struct tpar_future *f)
{
	if (tpi_intake_begins(&pool.intake) && tpi_future_claim(f)) {
		if (tpi_load_relaxed(&pool.intake.closed) >= TPI_CANCELLING) {
			tpi_future_end_cancelled(f);
		} else {
			assert(!tpi_load_relaxed(&gone));
			atomic_fetch_add_explicit(&ran, 1,
						  memory_order_relaxed);
			atomic_fetch_add_explicit(&ended, 1,
						  memory_order_relaxed);
			(void)tpi_state_finish(&f->state, TPI_DONE);
		}
	}
	tpi_future_release(f);
}

/* Takes what there is, and parks: src/park.c. */
static void
work(void)
{
	struct tpi_link *link;

	if (tpi_inject_nonempty(&shard) && tpi_inject_enter(&shard)) {
		link = tpi_inject_pop(&shard);
		tpi_inject_leave(&shard);
		if (link != NULL) {
			run(tpi_future_of_link(link));
		}
	}
	tpi_lock_enter(&pool.lock);
	pool.parked_count++;
	(void)tpi_park_leave(&pool.park, TPI_ACTIVE + TPI_SEARCHING);
	tpi_lock_leave(&pool.lock);
	if (tpi_pool_any_work(&pool)) {
		(void)tpi_park_wake_one(&pool);
	}
}

static bool
is_woken(void)
{
	bool is;

	tpi_lock_enter(&pool.lock);
	is = comes < woken;
	comes += is;
	tpi_lock_leave(&pool.lock);
	return is;
}

bool
tpi_park_wake_one(struct tpar_pool *of)
{
	tpi_lock_enter(&of->lock);
	if (tpi_park_wants_wake(&of->park) && of->parked_count > 0) {
		of->parked_count--;
		tpi_park_enter(&of->park, TPI_ACTIVE + TPI_SEARCHING);
		woken++;
	}
	tpi_lock_leave(&of->lock);
	return true;
}

static void *
submitter(void *arg)
{
	enum tpar_err err = TPAR_OK;

	begin_as(1);
#ifdef INSIDE
	/* As tpi_submit_many(). */
	if (tpi_intake_enter(&pool.intake, false)) {
		tpi_inject_push(&shard, &task.link, &task.link);
		tpi_intake_leave(&pool.intake);
		tpi_submit_tell(&pool, 1, false);
	} else {
		err = TPAR_ECLOSED;
	}
#else
	if (tpi_submit_is_open(&pool)) {
		err = inject(&pool, &task, TPAR_PRIORITY_NORMAL);
	} else {
		err = TPAR_ECLOSED;
	}
#endif
	atomic_store_explicit(&refused, err != TPAR_OK, memory_order_relaxed);
#ifndef LOOKS
	/* Whom it has woken comes at once, or when main has got this far. */
	if (is_woken()) {
		work();
	}
#endif
	return arg;
}

#ifdef LOOKS
static void *
worker(void *arg)
{
	if (tpi_pool_any_work(&pool)) {
		(void)tpi_park_wake_one(&pool);
		if (is_woken()) {
			work();
		}
	}
	return arg;
}
#endif

static void
make(void)
{
	unsigned i;

	pool.park.width = 1;
	pool.park.search_max = 1;
	pool.shards = 1;
	pool.shard = &shard;
	pool.threads = 1;
	pool.parked_count = 1;
	for (i = 0; i < tpi_pool_injectors(&pool); i++) {
		tpi_inject_init(tpi_pool_injector(&pool, i));
	}
	tpi_state_init(&task.state, true);
	atomic_init(&task.holds, TPI_MEMREF + TPI_HANDLE);
	task.intake = &pool.intake;
}

int
main(void)
{
	pthread_t thread[2];
	enum tpar_err err;

	make();
	pthread_create(&thread[0], NULL, submitter, NULL);
#ifdef LOOKS
	pthread_create(&thread[1], NULL, worker, NULL);
#endif
#ifdef CANCEL
	err = tpi_shutdown_pool(&pool, TPAR_CANCEL, 0, false);
#else
	err = tpi_shutdown_pool(&pool, TPAR_DRAIN, 0, false);
#endif
	if (err == TPAR_OK) {
		atomic_store_explicit(&gone, 1, memory_order_relaxed);
	}
	pthread_join(thread[0], NULL);
#ifdef LOOKS
	pthread_join(thread[1], NULL);
#endif
	while (is_woken()) {
		work();
	}
	assert(pool.parked_count == 1);
	assert(refused ? ran == 0 : ended == 1);
	assert(ended <= 1);
#ifdef GIVES_UP
	assert(!tpi_pool_any_queued(&pool));
#endif
	return 0;
}
