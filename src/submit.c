/* SPDX-License-Identifier: MIT */
/*
 * submit.c - from a description of a task to a future in a queue: the calling
 * worker's deque, or an injector.  Then somebody is told (park.h).
 */
#include "config.h"

#include "err.h"
#include "future.h"
#include "heap.h"
#include "park.h"
#include "pool.h"
#include "submit.h"
#include "thread.h"
#include "worker.h"

#include <string.h>

/* Spreads outside threads over shared heaps and injector shards. */
static unsigned
thread_hint(void)
{
	return (unsigned)((uintptr_t)&tpi_thread_self >> 12) * 2654435761u >>
	       16;
}

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
	if ((task->flags & ~(TPAR_NO_INLINE | TPAR_SHIELDED)) != 0) {
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

/* Inlined, so that nothing is left of it for what tpar_submit() knows. */
static TPI_INLINE enum tpar_err
check_task(const struct tpar_task *task, struct tpi_shape *shape)
{
	if (TPI_UNLIKELY(task == NULL)) {
		return tpi_err(TPAR_EINVAL, "task is NULL");
	}
	if (TPI_UNLIKELY(task->size != sizeof *task || task->fn == NULL ||
			 (task->flags & ~(TPAR_NO_INLINE | TPAR_SHIELDED)) !=
				 0 ||
			 !is_priority(task->priority) ||
			 !tpi_future_shape(task, shape))) {
		return refuse_task(task);
	}
	return TPAR_OK;
}

/* The calling thread's worker if it is one of this pool's. */
static struct tpi_worker *
own_worker(struct tpar_pool *pool)
{
	struct tpi_worker *w = tpi_thread_self.worker;

	return w != NULL && w->pool == pool ? w : NULL;
}

/* May the calling thread submit now? */
static bool
is_open(struct tpar_pool *pool)
{
	uint32_t closed = tpi_load_relaxed(&pool->intake.closed);

	return TPI_LIKELY(closed == TPI_OPEN) ||
	       (closed == TPI_DRAINING && tpi_pool_is_callers(pool));
}

static enum tpar_err
refuse_closed(void)
{
	return tpi_err(TPAR_ECLOSED, "the pool has been shut down");
}

static enum tpar_err
refuse_full(struct tpar_pool *pool)
{
	return tpi_err(TPAR_EAGAIN, "queue_limit of %zu is reached",
		       pool->intake.limit);
}

/*
 * The injector for what this thread submits from outside, or has a priority of
 * its own.
 */
static struct tpi_inject *
injector(struct tpar_pool *pool, enum tpar_priority priority)
{
	struct tpi_worker *w = own_worker(pool);

	if (TPI_UNLIKELY(priority != TPAR_PRIORITY_NORMAL)) {
		if (w != NULL) {
			w->has_aside = true;
		}
		return &pool->aside[priority == TPAR_PRIORITY_HIGH
					    ? TPI_ASIDE_HIGH
					    : TPI_ASIDE_LOW];
	}
	return &pool->shard[pool->shards > 1 ? thread_hint() % pool->shards
					     : 0];
}

/* Takes a task back that nobody has begun; the caller keeps its argument. */
static bool
withdraw(struct tpar_future *f)
{
	if (!tpi_future_claim(f)) {
		return false;
	}
	f->flags &= (uint8_t)~TPI_F_DROP_ARG;
	tpi_future_end_cancelled(f);
	return true;
}

/* Queues one task from outside.  A pool that closes meanwhile refuses it. */
static enum tpar_err
inject(struct tpar_pool *pool, struct tpar_future *f,
       enum tpar_priority priority)
{
	enum tpar_err err = TPAR_OK;

	tpi_inject_push(injector(pool, priority), &f->link, &f->link);
	/*
	 * Whoever closes the pool after this look sees the task (C1); whoever
	 * did so before may not have.
	 */
	if (TPI_UNLIKELY(tpi_intake_closed(&pool->intake) != TPI_OPEN) &&
	    !is_open(pool) && withdraw(f)) {
		err = refuse_closed();
	}
	tpi_park_notify(&pool->park, pool);
	return err;
}

/* Do the calling thread's tasks count against queue_limit? */
static bool
is_limited(struct tpar_pool *pool)
{
	return pool->intake.limit != 0 && own_worker(pool) == NULL &&
	       !tpi_pool_is_callers(pool);
}

static struct tpar_future *
create_outside(struct tpar_pool *pool, const struct tpi_shape *shape,
	       const struct tpar_task *task)
{
	struct tpi_heap *heap =
		tpi_heap_enter_shared(pool->arena, thread_hint());
	struct tpar_future *f =
		tpi_future_create(heap, shape, task, &pool->intake, true);

	tpi_heap_leave_shared(heap);
	return f;
}

static TPI_NOINLINE enum tpar_err
submit_outside(struct tpar_pool *pool, struct tpi_shape *shape,
	       const struct tpar_task *task, tpar_future **out)
{
	bool limited = is_limited(pool);
	struct tpar_future *f;
	enum tpar_err err;

	if (limited) {
		if (!tpi_intake_reserve(&pool->intake, 1)) {
			return refuse_full(pool);
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
static TPI_INLINE enum tpar_err
submit(struct tpar_pool *pool, struct tpi_shape *shape,
       const struct tpar_task *task, tpar_future **out)
{
	struct tpi_worker *w = own_worker(pool);
	struct tpar_future *f;

	if (!is_open(pool)) {
		return refuse_closed();
	}
	if (pool->intake.own_threads_only) {
		shape->flags |= TPI_F_OWN_THREADS;
	}
	if (w == NULL || TPI_UNLIKELY(task->priority != TPAR_PRIORITY_NORMAL)) {
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

enum tpar_err
tpar_submit_at(tpar_pool *pool, tpar_task_fn fn, void *arg, size_t value_size,
	       tpar_future **future, const char *site)
{
	struct tpar_task task = { .size = sizeof task,
				  .site = site,
				  .fn = fn,
				  .arg = arg,
				  .value_size = value_size };
	struct tpi_shape shape;
	enum tpar_err err = tpi_pool_resolve(&pool);

	if (TPI_UNLIKELY(err != TPAR_OK)) {
		return err;
	}
	err = check_task(&task, &shape);
	return TPI_LIKELY(err == TPAR_OK) ? submit(pool, &shape, &task, future)
					  : err;
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

static void
discard_all(struct tpar_future *first)
{
	struct tpi_link *link = first != NULL ? &first->link : NULL;

	while (link != NULL) {
		struct tpi_link *next = tpi_load_relaxed(&link->next);

		tpi_future_discard(NULL, tpi_future_of_link(link));
		link = next;
	}
}

/* What a submit of many is about. */
struct batch {
	const struct tpar_task *tmpl;
	struct tpi_shape shape;
	char *args;
	size_t stride;
	size_t n;
	bool handles;
	struct tpar_future *first; /* linked through link, in order */
	struct tpar_future *last;
};

static enum tpar_err
create_all(struct batch *batch, struct tpi_heap *heap, struct tpar_pool *pool)
{
	struct tpar_task task = *batch->tmpl;
	struct tpar_future *f;
	size_t i;

	for (i = 0; i < batch->n; i++) {
		if (batch->args != NULL) {
			task.arg = batch->args + i * batch->stride;
		}
		f = tpi_future_create(heap, &batch->shape, &task, &pool->intake,
				      batch->handles);
		if (f == NULL) {
			return tpi_err_plain(TPAR_ENOMEM);
		}
		tpi_store_relaxed(&f->link.next, NULL);
		if (batch->first == NULL) {
			batch->first = f;
		} else {
			tpi_store_relaxed(&batch->last->link.next, &f->link);
		}
		batch->last = f;
	}
	return TPAR_OK;
}

static void
hand_out(const struct batch *batch, tpar_future **futures)
{
	struct tpi_link *link = &batch->first->link;
	size_t i;

	for (i = 0; futures != NULL && i < batch->n; i++) {
		futures[i] = tpi_future_of_link(link);
		link = tpi_load_relaxed(&link->next);
	}
}

/* From a worker. */
static void
push_all(struct tpi_worker *w, const struct batch *batch)
{
	struct tpi_link *link = &batch->first->link;
	struct tpar_pool *pool = w->pool;
	size_t i;

	for (i = 0; i < batch->n; i++) {
		struct tpar_future *f = tpi_future_of_link(link);

		link = tpi_load_relaxed(&link->next);
		tpi_worker_push(w, f);
		if (i == 0) {
			tpi_park_notify(&pool->park, pool);
		}
	}
	tpi_park_notify(&pool->park, pool);
}

static enum tpar_err
many_outside(struct tpar_pool *pool, struct batch *batch, tpar_future **futures)
{
	struct tpi_heap *heap;
	enum tpar_err err;

	heap = tpi_heap_enter_shared(pool->arena, thread_hint());
	err = create_all(batch, heap, pool);
	tpi_heap_leave_shared(heap);
	if (err == TPAR_OK &&
	    !tpi_intake_enter(&pool->intake, tpi_pool_is_callers(pool))) {
		err = refuse_closed();
	}
	if (err != TPAR_OK) {
		discard_all(batch->first);
		return err;
	}
	hand_out(batch, futures);
	tpi_inject_push(injector(pool, batch->tmpl->priority),
			&batch->first->link, &batch->last->link);
	tpi_intake_leave(&pool->intake);
	tpi_park_notify(&pool->park, pool);
	return TPAR_OK;
}

static enum tpar_err
many_inside(struct tpi_worker *w, struct batch *batch, tpar_future **futures)
{
	enum tpar_err err = create_all(batch, w->heap, w->pool);

	if (err != TPAR_OK) {
		discard_all(batch->first);
		return err;
	}
	hand_out(batch, futures);
	push_all(w, batch);
	return TPAR_OK;
}

enum tpar_err
tpi_submit_many(struct tpar_pool *pool, const struct tpar_task *tmpl,
		void *args, size_t arg_stride, size_t n, tpar_future **futures,
		bool limited)
{
	struct batch batch = { .tmpl = tmpl,
			       .args = args,
			       .stride = arg_stride,
			       .n = n,
			       .handles = futures != NULL };
	struct tpi_worker *w = own_worker(pool);
	enum tpar_err err = check_task(tmpl, &batch.shape);

	if (err != TPAR_OK) {
		return err;
	}
	if (arg_stride != 0 && n > SIZE_MAX / arg_stride) {
		return tpi_err(TPAR_EINVAL, "n * arg_stride overflows");
	}
	if (!is_open(pool)) {
		return refuse_closed();
	}
	if (n == 0) {
		return TPAR_OK;
	}
	if (pool->intake.own_threads_only) {
		batch.shape.flags |= TPI_F_OWN_THREADS;
	}
	if (w != NULL && tmpl->priority == TPAR_PRIORITY_NORMAL) {
		return many_inside(w, &batch, futures);
	}
	limited = limited && is_limited(pool);
	if (limited && !tpi_intake_reserve(&pool->intake, n)) {
		return refuse_full(pool);
	}
	if (limited) {
		batch.shape.flags |= TPI_F_COUNTED;
	}
	err = many_outside(pool, &batch, futures);
	if (err != TPAR_OK && limited) {
		tpi_intake_return(&pool->intake, n);
	}
	return err;
}

enum tpar_err
tpar_submit_many(tpar_pool *pool, const struct tpar_task *tmpl, void *args,
		 size_t arg_stride, size_t n, tpar_future **futures)
{
	enum tpar_err err = tpi_pool_resolve(&pool);

	if (err != TPAR_OK) {
		return err;
	}
	return tpi_submit_many(pool, tmpl, args, arg_stride, n, futures, true);
}
