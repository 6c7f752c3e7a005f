/* SPDX-License-Identifier: MIT */
/*
 * submit.c - from a description of a task to a future in a queue: the calling
 * worker's deque, or an injector.  Then somebody is told (park.h).
 */
#include "config.h"

#include "audit.h"
#include "elastic.h"
#include "err.h"
#include "future.h"
#include "heap.h"
#include "park.h"
#include "pool.h"
#include "submit.h"
#include "thread.h"
#include "worker.h"

#include <string.h>

static inline bool
is_priority(enum tpar_priority priority)
{
	return (unsigned)priority <= TPAR_PRIORITY_LOW;
}

static TPI_NOINLINE enum tpar_err
refuse_task(const struct tpar_task *task)
{
	if (task->size != sizeof *task) {
		return tpi_err(TPAR_EINVAL,
			       "task.size is %zu, not %zu: begin with "
			       "TPAR_TASK_INIT",
			       task->size, sizeof *task);
	}
	if (task->fn == NULL) {
		return tpi_err(TPAR_EINVAL, "task.fn is NULL");
	}
	if ((task->flags & ~TPI_TASK_FLAGS) != 0) {
		return tpi_err(TPAR_EINVAL, "task.flags is %#x", task->flags);
	}
	if (!is_priority(task->priority)) {
		return tpi_err(TPAR_EINVAL, "task.priority is %d",
			       (int)task->priority);
	}
	return tpi_err(TPAR_EINVAL,
		       "task.value_size %zu or value_align %zu is out of range",
		       task->value_size, task->value_align);
}

static enum tpar_err
check_task(const struct tpar_task *task, struct tpi_shape *shape)
{
	if (TPI_UNLIKELY(task == NULL)) {
		return tpi_err(TPAR_EINVAL, "task is NULL");
	}
	if (TPI_UNLIKELY(task->size != sizeof *task || task->fn == NULL ||
			 (task->flags & ~TPI_TASK_FLAGS) != 0 ||
			 !is_priority(task->priority) ||
			 !tpi_future_shape(task, shape))) {
		return refuse_task(task);
	}
	return TPAR_OK;
}

enum tpar_err
tpi_submit_check(const struct tpar_task *task, struct tpi_shape *shape)
{
	return check_task(task, shape);
}

enum tpar_err
tpi_submit_refuse_closed(void)
{
	return tpi_err(TPAR_ECLOSED, "the pool has been shut down");
}

enum tpar_err
tpi_submit_refuse_full(const struct tpar_pool *pool)
{
	return tpi_err(TPAR_EAGAIN, "queue_limit of %zu is reached",
		       pool->intake.limit);
}

struct tpi_inject *
tpi_submit_injector(struct tpar_pool *pool, enum tpar_priority priority,
		    bool blocking)
{
	struct tpi_worker *w = tpi_submit_worker(pool);

	if (TPI_UNLIKELY(blocking)) {
		return &pool->blocking;
	}
	if (TPI_UNLIKELY(priority != TPAR_PRIORITY_NORMAL)) {
		if (w != NULL) {
			w->has_aside = true;
		}
		return &pool->aside[priority == TPAR_PRIORITY_HIGH
					    ? TPI_ASIDE_HIGH
					    : TPI_ASIDE_LOW];
	}
	return &pool->shard[pool->shards > 1 ? tpi_submit_hint() % pool->shards
					     : 0];
}

void
tpi_submit_tell(struct tpar_pool *pool, size_t n, bool blocking)
{
	if (TPI_LIKELY(!blocking)) {
		tpi_park_notify(&pool->park, pool);
		return;
	}
	/* ENDS: there are n threads more, or none is needed any more. */
	while (n > 0 && tpi_elastic_notify(pool)) {
		n--;
	}
}

/* Takes a task back that nobody has begun; the caller keeps its argument. */
static bool
withdraw(struct tpar_future *f)
{
	if (!tpi_future_claim(f)) {
		return false;
	}
	f->flags &= (uint8_t)~TPI_F_DROP_ARG;
	tpi_audit_keep_arg(f);
	tpi_future_end_cancelled(f);
	return true;
}

/* Queues one task from outside.  A pool that closes meanwhile refuses it. */
static enum tpar_err
inject(struct tpar_pool *pool, struct tpar_future *f,
       enum tpar_priority priority)
{
	bool blocking = tpi_future_is_blocking(f);
	enum tpar_err err = TPAR_OK;

	tpi_inject_push(tpi_submit_injector(pool, priority, blocking), &f->link,
			&f->link);
	/*
	 * Whoever closes the pool after this look sees the task (C1); whoever
	 * did so before may not have.
	 */
	if (TPI_UNLIKELY(tpi_intake_closed(&pool->intake) != TPI_OPEN) &&
	    !tpi_submit_is_open(pool) && withdraw(f)) {
		err = tpi_submit_refuse_closed();
	}
	tpi_submit_tell(pool, 1, blocking);
	return err;
}

static struct tpar_future *
create_outside(struct tpar_pool *pool, const struct tpi_shape *shape,
	       const struct tpar_task *task)
{
	struct tpi_heap *heap =
		tpi_heap_enter_shared(pool->arena, tpi_submit_hint());
	struct tpar_future *f =
		tpi_future_create(heap, shape, task, &pool->intake, true);

	tpi_heap_leave_shared(heap);
	return f;
}

static TPI_NOINLINE enum tpar_err
submit_outside(struct tpar_pool *pool, struct tpi_shape *shape,
	       const struct tpar_task *task, tpar_future **out)
{
	bool limited = tpi_submit_is_limited(pool);
	struct tpar_future *f;
	enum tpar_err err;

	if (limited) {
		if (!tpi_intake_reserve(&pool->intake, 1)) {
			return tpi_submit_refuse_full(pool);
		}
		shape->flags |= TPI_F_COUNTED;
	}
	/* Also without `out`: a handle keeps it for a look after the push. */
	f = create_outside(pool, shape, task);
	if (f == NULL) {
		if (limited) {
			tpi_intake_return(&pool->intake, 1);
		}
		return tpi_err_plain(TPAR_ENOMEM);
	}
	err = inject(pool, f, task->priority);
	if (err != TPAR_OK || out == NULL) {
		tpar_future_unref(f);
	} else {
		*out = f;
	}
	return err;
}

/* After the checks: one task for a resolved pool. */
static enum tpar_err
submit(struct tpar_pool *pool, struct tpi_shape *shape,
       const struct tpar_task *task, tpar_future **out)
{
	struct tpi_worker *w = tpi_submit_worker(pool);
	struct tpar_future *f;

	if (TPI_UNLIKELY(task->group != NULL || task->deadline_ns != 0)) {
		return tpi_submit_many(pool, task, NULL, 0, 1, out, true);
	}
	if (!tpi_submit_is_open(pool)) {
		return tpi_submit_refuse_closed();
	}
	if (pool->intake.own_threads_only) {
		shape->flags |= TPI_F_OWN_THREADS;
	}
	if (w == NULL || TPI_UNLIKELY(task->priority != TPAR_PRIORITY_NORMAL ||
				      (task->flags & TPAR_BLOCKING) != 0)) {
		return submit_outside(pool, shape, task, out);
	}
	f = tpi_future_create(w->heap, shape, task, &pool->intake, out != NULL);
	if (TPI_UNLIKELY(f == NULL)) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_worker_push(w, f);
	if (pool->park.width > 1) {
		tpi_park_notify(&pool->park, pool);
	}
	if (out != NULL) {
		*out = f;
	}
	return TPAR_OK;
}

/* Has a small value and nothing else. */
static TPI_NOINLINE enum tpar_err
plain_outside(struct tpar_pool *pool, tpar_task_fn fn, void *arg,
	      size_t value_size, const char *site, tpar_future **out)
{
	struct tpar_future *f;
	struct tpi_heap *heap;
	enum tpar_err err;

	heap = tpi_heap_enter_shared(pool->arena, tpi_submit_hint());
	/* Also without `out`: a handle keeps it for a look after the push. */
	f = tpi_future_create_plain(heap, fn, arg, value_size, site,
				    &pool->intake, true);
	tpi_heap_leave_shared(heap);
	if (TPI_UNLIKELY(f == NULL)) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	err = inject(pool, f, TPAR_PRIORITY_NORMAL);
	if (TPI_UNLIKELY(err != TPAR_OK || out == NULL)) {
		tpar_future_unref(f);
	} else {
		*out = f;
	}
	return err;
}

static TPI_INLINE enum tpar_err
plain_inside(struct tpar_pool *pool, struct tpi_worker *w, tpar_task_fn fn,
	     void *arg, size_t value_size, const char *site, tpar_future **out)
{
	struct tpar_future *f = tpi_future_create_plain(
		w->heap, fn, arg, value_size, site, &pool->intake, out != NULL);

	if (TPI_UNLIKELY(f == NULL)) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_worker_push(w, f);
	if (pool->park.width > 1) {
		tpi_park_notify(&pool->park, pool);
	}
	if (out != NULL) {
		*out = f;
	}
	return TPAR_OK;
}

/* The long way. */
static TPI_NOINLINE enum tpar_err
submit_described(struct tpar_pool *pool, tpar_task_fn fn, void *arg,
		 size_t value_size, const char *site, tpar_future **out)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;
	enum tpar_err err;

	task.site = site;
	task.fn = fn;
	task.arg = arg;
	task.value_size = value_size;
	err = check_task(&task, &shape);
	return err == TPAR_OK ? submit(pool, &shape, &task, out) : err;
}

enum tpar_err
tpar_submit_at(tpar_pool *pool, tpar_task_fn fn, void *arg, size_t value_size,
	       tpar_future **future, const char *site)
{
	enum tpar_err err = tpi_pool_resolve(&pool);
	struct tpi_worker *w;

	if (TPI_UNLIKELY(err != TPAR_OK)) {
		return err;
	}
	w = tpi_submit_worker(pool);
	if (TPI_UNLIKELY(fn == NULL || value_size > TPI_INLINE_VALUE ||
			 tpi_future_context_here() != NULL ||
			 (w == NULL && pool->intake.limit != 0))) {
		return submit_described(pool, fn, arg, value_size, site,
					future);
	}
	if (!tpi_submit_is_open(pool)) {
		return tpi_submit_refuse_closed();
	}
	return w != NULL
		       ? plain_inside(pool, w, fn, arg, value_size, site,
				      future)
		       : plain_outside(pool, fn, arg, value_size, site, future);
}

enum tpar_err(tpar_submit)(tpar_pool *pool, tpar_task_fn fn, void *arg,
			   size_t value_size, tpar_future **future)
{
	return tpar_submit_at(pool, fn, arg, value_size, future, NULL);
}

enum tpar_err
tpar_submit_task(tpar_pool *pool, const struct tpar_task *task,
		 tpar_future **future)
{
	struct tpi_shape shape;
	enum tpar_err err = check_task(task, &shape);

	if (err == TPAR_OK) {
		err = tpi_pool_resolve(&pool);
	}
	return err == TPAR_OK ? submit(pool, &shape, task, future) : err;
}
