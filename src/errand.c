/* SPDX-License-Identifier: MIT */
/*
 * errand.c - having each thread of a pool call a function once.
 *
 * The errand lies on the stack of who waits for it.  All of it is under the
 * pool's lock, which a worker takes only if the number of the newest errand is
 * not that of the last one it knows: before each task, and whenever it is woken
 * while it is parked or waits.  So who adds one wakes all, after the number has
 * changed; a worker looks at the number before it sleeps again.
 */
#include "config.h"

#include "err.h"
#include "errand.h"
#include "interrupt.h"
#include "lock.h"
#include "park.h"
#include "parker.h"
#include "thread.h"
#include "wait.h"

/* Is the calling thread in one? */
static _Thread_local bool on_errand;

static bool
is_younger(const struct tpi_errand *e, uint32_t number)
{
	return tpi_wrap_past(e->number, number) > 0;
}

/* As a thread that is no worker: it may be parked, or in a wait. */
static void
call(struct tpi_errand *e, unsigned index)
{
	struct tpi_thread *self = &tpi_thread_self;
	struct tpi_worker *worker = self->worker;
	struct tpi_heap *heap = self->heap;
	struct tpi_run *run = self->run;
	struct tpi_interrupt *paused = tpi_interrupt_pause();

	self->worker = NULL;
	self->heap = NULL;
	self->run = NULL;
	on_errand = true;
	e->fn(index, e->arg);
	on_errand = false;
	self->run = run;
	self->heap = heap;
	self->worker = worker;
	tpi_interrupt_resume(paused);
}

static void
run_locked(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	struct tpi_errand *e = pool->errand;

	/* ENDS: each errand is called once. */
	while (e != NULL) {
		if (!is_younger(e, w->errand)) {
			e = e->next;
			continue;
		}
		w->errand = e->number;
		e->running++;
		tpi_lock_leave(&pool->lock);
		call(e, w->index);
		tpi_lock_enter(&pool->lock);
		e->running--;
		e->left--;
		if (e->running == 0 && e->parker != NULL) {
			tpi_parker_wake(e->parker);
		}
		/* RELEASE POINT: e, once the lock is released. */
		e = pool->errand;
	}
	w->errand = tpi_load_relaxed(&pool->errands);
}

TPI_NOINLINE void
tpi_errand_run(struct tpi_worker *w)
{
	tpi_lock_enter(&w->pool->lock);
	run_locked(w);
	tpi_lock_leave(&w->pool->lock);
}

void
tpi_errand_begin(struct tpi_worker *w)
{
	tpi_lock_enter(&w->pool->lock);
	w->errand = tpi_load_relaxed(&w->pool->errands);
	w->serves = true;
	tpi_lock_leave(&w->pool->lock);
}

void
tpi_errand_end(struct tpi_worker *w)
{
	tpi_lock_enter(&w->pool->lock);
	run_locked(w);
	w->serves = false;
	tpi_lock_leave(&w->pool->lock);
}

static void
add(struct tpar_pool *pool, struct tpi_errand *e)
{
	struct tpi_errand **at = &pool->errand;
	uint32_t n;
	uint32_t i;

	tpi_lock_enter(&pool->lock);
	/* Under the lock: one that was added and serves by now calls it, too. */
	n = tpi_pool_worker_count(pool);
	e->number = tpi_load_relaxed(&pool->errands) + 1;
	for (i = 0; i < n; i++) {
		e->left += tpi_pool_worker(pool, i)->serves;
	}
	while (*at != NULL) {
		at = &(*at)->next;
	}
	*at = e;
	tpi_store_relaxed(&pool->errands, e->number);
	tpi_lock_leave(&pool->lock);
}

/* Nobody begins it from now on. */
static void
withdraw(struct tpar_pool *pool, struct tpi_errand *e)
{
	struct tpi_errand **at = &pool->errand;

	tpi_lock_enter(&pool->lock);
	while (*at != e) {
		at = &(*at)->next;
	}
	*at = e->next;
	tpi_lock_leave(&pool->lock);
}

/* What somebody waits for. */
struct call {
	struct tpar_pool *pool;
	struct tpi_errand errand;
};

static bool
all_have_called(void *arg)
{
	struct call *call = arg;
	bool all;

	tpi_lock_enter(&call->pool->lock);
	all = call->errand.left == 0;
	tpi_lock_leave(&call->pool->lock);
	return all;
}

static bool
nobody_calls(void *arg)
{
	struct call *call = arg;
	bool none;

	tpi_lock_enter(&call->pool->lock);
	none = call->errand.running == 0;
	tpi_lock_leave(&call->pool->lock);
	return none;
}

static enum tpar_err
run_errand(struct call *call, int64_t deadline_ns)
{
	struct tpi_parker *parker = call->errand.parker;
	struct tpi_worker *w = tpi_thread_self.worker;
	struct tpar_pool *pool = call->pool;
	enum tpar_err err;

	add(pool, &call->errand);
	tpi_park_wake_blocked(pool);
	if (w != NULL) {
		(void)tpi_errand_check(w);
	}
	err = tpi_wait_among(NULL, 0, all_have_called, call, parker,
			     deadline_ns);
	withdraw(pool, &call->errand);
	if (err != TPAR_OK) {
		tpi_wait_until(nobody_calls, call, parker);
	}
	return all_have_called(call) ? TPAR_OK : err;
}

enum tpar_err
tpar_pool_each_worker(tpar_pool *pool, tpar_worker_fn fn, void *arg,
		      int64_t deadline_ns)
{
	struct call call = { .errand = { .fn = fn, .arg = arg } };
	enum tpar_err err;

	if (fn == NULL) {
		return tpi_err(TPAR_EINVAL, "fn is NULL");
	}
	if (on_errand) {
		return tpi_err(TPAR_EDEADLK,
			       "what each worker calls cannot wait for all");
	}
	err = tpi_pool_resolve(&pool);
	if (err != TPAR_OK) {
		return err;
	}
	if (tpi_intake_is_dead(&pool->intake)) {
		return tpi_err_plain(TPAR_ECLOSED);
	}
	call.pool = pool;
	call.errand.parker = tpi_thread_parker();
	return run_errand(&call, deadline_ns);
}
