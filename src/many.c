/* SPDX-License-Identifier: MIT */
/*
 * many.c - submitting many tasks, all or none; and single ones that belong to a
 * group or have a deadline, which is the same with n = 1.
 *
 * What may fail or refuse comes first: room for the deadline, the futures, the
 * pool, the group.  Then nothing does any more.
 */
#include "config.h"

#include "cancel.h"
#include "clock.h"
#include "deadline.h"
#include "err.h"
#include "future.h"
#include "heap.h"
#include "park.h"
#include "pool.h"
#include "scope.h"
#include "submit.h"
#include "worker.h"

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
	struct tpi_deadline *deadline; /* or NULL */
	bool late;		       /* the deadline has passed */
};

/* Before anything else: what a deadline needs. */
static enum tpar_err
prepare_deadline(struct batch *batch)
{
	int64_t when = batch->tmpl->deadline_ns;

	if (TPI_LIKELY(when == TPAR_FOREVER)) {
		return TPAR_OK;
	}
	batch->late = tpi_clock_passed(when);
	if (!batch->late) {
		batch->deadline = tpi_deadline_create(batch->n);
	}
	return batch->late || batch->deadline != NULL
		       ? TPAR_OK
		       : tpi_err_plain(TPAR_ENOMEM);
}

/* The last that may refuse them: the group.  Then the deadline runs. */
static enum tpar_err
adopt(struct batch *batch)
{
	struct tpar_group *group = batch->tmpl->group;
	struct tpi_link *link = &batch->first->link;
	size_t i;

	if (TPI_UNLIKELY(group != NULL) &&
	    !tpi_scope_enter(group, batch->first, batch->n)) {
		return tpi_err(
			TPAR_ECLOSED,
			"the group has failed, was cancelled, or closed");
	}
	if (TPI_LIKELY(batch->deadline == NULL)) {
		return TPAR_OK;
	}
	for (i = 0; i < batch->n; i++) {
		tpi_deadline_add(batch->deadline, tpi_future_of_link(link));
		link = tpi_load_relaxed(&link->next);
	}
	tpi_deadline_start(batch->deadline, batch->tmpl->deadline_ns);
	batch->deadline = NULL;
	return TPAR_OK;
}

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

/* Their time has passed: they end here and see no queue. */
static enum tpar_err
end_late(struct batch *batch, tpar_future **futures)
{
	struct tpi_link *link = &batch->first->link;
	enum tpar_err err = adopt(batch);
	size_t i;

	if (err != TPAR_OK) {
		return err;
	}
	hand_out(batch, futures);
	for (i = 0; i < batch->n; i++) {
		struct tpar_future *f = tpi_future_of_link(link);

		link = tpi_load_relaxed(&link->next);
		(void)tpi_cancel(f, TPI_REASON_DEADLINE);
		tpi_future_release(f);
	}
	return TPAR_OK;
}

static enum tpar_err
many_outside(struct tpar_pool *pool, struct batch *batch, tpar_future **futures)
{
	struct tpi_heap *heap =
		tpi_heap_enter_shared(pool->arena, tpi_submit_hint());
	bool blocking = (batch->tmpl->flags & TPAR_BLOCKING) != 0;
	enum tpar_err err = create_all(batch, heap, pool);

	tpi_heap_leave_shared(heap);
	if (err != TPAR_OK || batch->late) {
		return err == TPAR_OK ? end_late(batch, futures) : err;
	}
	if (!tpi_intake_enter(&pool->intake, tpi_pool_is_callers(pool))) {
		return tpi_submit_refuse_closed();
	}
	err = adopt(batch);
	if (err == TPAR_OK) {
		hand_out(batch, futures);
		tpi_inject_push(tpi_submit_injector(pool, batch->tmpl->priority,
						    blocking),
				&batch->first->link, &batch->last->link);
	}
	tpi_intake_leave(&pool->intake);
	if (err == TPAR_OK) {
		tpi_submit_tell(pool, batch->n, blocking);
	}
	return err;
}

static enum tpar_err
many_inside(struct tpi_worker *w, struct batch *batch, tpar_future **futures)
{
	enum tpar_err err = create_all(batch, w->heap, w->pool);

	if (err != TPAR_OK || batch->late) {
		return err == TPAR_OK ? end_late(batch, futures) : err;
	}
	err = adopt(batch);
	if (err == TPAR_OK) {
		hand_out(batch, futures);
		push_all(w, batch);
	}
	return err;
}

/* All or none. */
static enum tpar_err
submit_batch(struct tpar_pool *pool, struct batch *batch, tpar_future **futures)
{
	struct tpi_worker *w = tpi_submit_worker(pool);
	enum tpar_err err = prepare_deadline(batch);
	bool inside = w != NULL &&
		      batch->tmpl->priority == TPAR_PRIORITY_NORMAL &&
		      (batch->tmpl->flags & TPAR_BLOCKING) == 0;

	if (err == TPAR_OK) {
		err = inside ? many_inside(w, batch, futures)
			     : many_outside(pool, batch, futures);
	}
	if (err != TPAR_OK) {
		discard_all(batch->first);
		if (batch->deadline != NULL) {
			tpi_deadline_discard(batch->deadline);
		}
	}
	return err;
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
	enum tpar_err err = tpi_submit_check(tmpl, &batch.shape);

	if (err != TPAR_OK) {
		return err;
	}
	if (arg_stride != 0 && n > SIZE_MAX / arg_stride) {
		return tpi_err(TPAR_EINVAL, "n * arg_stride overflows");
	}
	if (!tpi_submit_is_open(pool)) {
		return tpi_submit_refuse_closed();
	}
	if (n == 0) {
		return TPAR_OK;
	}
	if (pool->intake.own_threads_only) {
		batch.shape.flags |= TPI_F_OWN_THREADS;
	}
	limited = limited && tpi_submit_is_limited(pool);
	if (limited && !tpi_intake_reserve(&pool->intake, n)) {
		return tpi_submit_refuse_full(pool);
	}
	if (limited) {
		batch.shape.flags |= TPI_F_COUNTED;
	}
	err = submit_batch(pool, &batch, futures);
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
