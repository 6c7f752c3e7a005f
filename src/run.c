/* SPDX-License-Identifier: MIT */
/*
 * run.c - running claimed futures, on top of whatever the calling thread runs.
 *
 * A pool is quiet only when none of its tasks runs anywhere.  Its own threads
 * are counted; a thread of another pool, which waits for one of its tasks and
 * so runs it in place, is entered in `foreign` before it claims.
 */
#include "config.h"

#include "blocking.h"
#include "cancel.h"
#include "elastic.h"
#include "future.h"
#include "heap.h"
#include "interrupt.h"
#include "oncancel.h"
#include "pool.h"
#include "run.h"
#include "scope.h"
#include "thread.h"
#include "worker.h"

#include <taskpar/cancel.h>

#include <pthread.h>

/* What it has left to be ended with it. */
static void
end_more(struct tpi_run *run)
{
	if (run->interrupt != NULL) {
		tpi_interrupt_end_run(run);
	}
	if (run->blocking > 0) {
		tpi_blocking_end(run);
	}
	tpi_oncancel_end(run);
}

/*
 * A task may call pthread_exit().  What stands between pthread_cleanup_push()
 * and _pop(), here and below on the stack (wait.c, worker.c), is then made good
 * by its handler, innermost first.
 *
 * With glibc and -fexceptions that is a matter of tables: nothing is done as
 * long as nobody exits.  The stack is unwound then, so a task's own functions
 * must have such tables, too; compilers make them for C by default where the
 * ABI asks for them (x86-64, aarch64).  Where an unwinder finds none it stops
 * there, no handler runs, and neither the task nor the pool ever ends.  Other C
 * libraries (musl) keep a list of handlers and call them from pthread_exit(),
 * whatever the tables; so do we with a compiler without -fexceptions, at the
 * cost of a setjmp() in glibc.
 */
static void
end_exited(void *arg)
{
	struct tpi_run *run = arg;
	int rc;

	tpi_thread_self.exiting = true;
	tpi_thread_self.run = run;
	rc = tpar_fail(TPAR_EFAILED, "the task has called pthread_exit()");
	tpi_thread_self.run = run->outer;
	if (TPI_UNLIKELY(run->handled)) {
		end_more(run);
	}
	tpi_future_end(run->task, rc, run->message);
}

/* Calls the function of `f` in a run of its own and ends it. */
static inline void
call(struct tpar_future *f, struct tpi_run *run)
{
	struct tpi_thread *self = &tpi_thread_self;
	int rc;

	self->run = run;
	pthread_cleanup_push(end_exited, run);
	rc = f->fn(f->arg, tpi_future_payload(f));
	pthread_cleanup_pop(0);
	self->run = run->outer;
	if (TPI_UNLIKELY(run->handled)) {
		end_more(run);
	}
	if (TPI_LIKELY(rc == 0 && run->message == NULL)) {
		tpi_future_end_done(f);
		return;
	}
	if (rc == 0) {
		tpi_future_free_text(f, run->message);
		run->message = NULL;
	}
	tpi_future_end(f, rc, run->message);
}

/* `task`: that this thread is about to claim, or NULL. */
static bool
enter_pool(struct tpar_pool *pool, struct tpi_watch *watch,
	   struct tpar_future *task)
{
	bool gone;

	watch->task = task;
	watch->parker = tpi_thread_parker();
	tpi_lock_enter(&pool->lock);
	gone = pool->quit;
	if (!gone) {
		tpi_watch_add_locked(&pool->foreign, watch);
	}
	tpi_lock_leave(&pool->lock);
	return !gone;
}

bool
tpi_run_enter_pool(struct tpar_pool *pool, struct tpi_watch *watch)
{
	return enter_pool(pool, watch, NULL);
}

void
tpi_run_leave_pool(struct tpar_pool *pool, struct tpi_watch *watch)
{
	tpi_lock_enter(&pool->lock);
	tpi_watch_remove_locked(watch);
	if (tpi_pool_quiet_locked(pool)) {
		tpi_pool_wake_waiting_locked(pool);
	}
	tpi_lock_leave(&pool->lock);
}

static TPI_NOINLINE bool
claim_foreign(struct tpar_future *f, struct tpi_watch *watch)
{
	struct tpar_pool *pool = tpi_pool_of(f->intake);

	if (!enter_pool(pool, watch, f)) {
		return false; /* f has ended meanwhile */
	}
	if (tpi_future_claim(f)) {
		return true;
	}
	tpi_run_leave_pool(pool, watch);
	return false;
}

static bool
has_thread(struct tpar_pool *pool, struct tpar_future *f)
{
	return tpi_future_is_blocking(f) ? tpi_elastic_has_thread(pool)
					 : tpi_park_can_run(pool);
}

bool
tpi_run_has_thread(struct tpi_worker *w, struct tpar_future *f)
{
	struct tpar_pool *pool = tpi_pool_of(f->intake);
	struct tpi_watch watch;
	bool has;

	if (pool == w->pool) {
		return has_thread(pool, f);
	}
	if (!tpi_run_enter_pool(pool, &watch)) {
		return true; /* f has ended meanwhile */
	}
	has = has_thread(pool, f);
	tpi_run_leave_pool(pool, &watch);
	return has;
}

bool
tpi_run_claim(struct tpi_worker *w, struct tpar_future *f,
	      struct tpi_watch *watch)
{
	if (TPI_LIKELY(f->intake == &w->pool->intake)) {
		return tpi_future_claim(f);
	}
	return claim_foreign(f, watch);
}

/* The pool of a foreign future, or NULL.  Before it ends. */
static struct tpar_pool *
foreign_pool(struct tpar_future *f)
{
	struct tpar_pool *pool = tpi_pool_of(f->intake);

	return TPI_LIKELY(pool == tpi_thread_self.worker->pool) ? NULL : pool;
}

/* It looks at no line of f but the one that the claim has brought. */
void
tpi_run_taken(struct tpi_worker *w, struct tpar_future *f)
{
	struct tpi_run run = { .task = f };

	if (TPI_UNLIKELY(tpi_load_relaxed(&w->pool->intake.closed) >=
			 TPI_CANCELLING) ||
	    TPI_UNLIKELY(tpi_scope_has_stopped(f))) {
		tpi_future_end_cancelled(f);
		return;
	}
	tpi_future_clear_value(f);
	call(f, &run);
}

void
tpi_run_skip(struct tpar_future *f, struct tpi_watch *watch)
{
	struct tpar_pool *foreign = foreign_pool(f);

	tpi_future_end_cancelled(f);
	if (TPI_UNLIKELY(foreign != NULL)) {
		tpi_run_leave_pool(foreign, watch);
	}
}

/* A task of `pool` that runs on another one's thread. */
struct visit {
	struct tpar_pool *pool; /* NULL: it does not */
	struct tpi_watch *watch;
};

static void
end_visit(void *arg)
{
	struct visit *visit = arg;

	if (TPI_UNLIKELY(visit->pool != NULL)) {
		tpi_run_leave_pool(visit->pool, visit->watch);
	}
}

TPI_NO_ARRAYS void
tpi_run_call(struct tpar_future *f, struct tpi_watch *watch, bool bound)
{
	struct tpi_run *outer = tpi_thread_self.run;
	struct tpi_run run = { .task = f, .outer = outer };
	struct visit visit = { .watch = watch };
	struct tpi_interrupt *paused;

	if (TPI_UNLIKELY(tpi_cancel_requested(f)) ||
	    TPI_UNLIKELY(tpi_scope_has_stopped(f))) {
		tpi_run_skip(f, watch);
		return;
	}
	tpi_future_clear_value(f);
	visit.pool = foreign_pool(f);
	if (bound && !tpi_future_is_shielded(f)) {
		run.stopper = outer->task->intake != f->intake ? outer
							       : outer->stopper;
	}
	paused = tpi_interrupt_pause();
	pthread_cleanup_push(end_visit, &visit);
	call(f, &run);
	pthread_cleanup_pop(1);
	tpi_interrupt_resume(paused);
}
