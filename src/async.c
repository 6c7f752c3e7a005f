/* SPDX-License-Identifier: MIT */
/*
 * async.c - a gather without a thread: a frame on the heap that belongs to a
 * loose future, and a callback where others have a parker.
 *
 * The future runs from the beginning and shows the frame as what it waits in,
 * so that a cancel goes down, helpers come in and cycles are found as with any
 * task that gathers.  Who takes the last member off completes it.
 */
#include "config.h"

#include "after.h"
#include "block.h"
#include "cancel.h"
#include "err.h"
#include "failure.h"
#include "frame.h"
#include "future.h"
#include "gather.h"
#include "loose.h"

#include <stdlib.h>
#include <string.h>

struct async {
	struct tpi_frame frame;
	struct tpi_callback last; /* when the last member was taken off */
	struct tpi_survey found;
	struct tpar_future *all; /* held */
	tpar_future **f;	 /* handles */
	struct tpi_drops *drops; /* if values move, or NULL */
	size_t n;
	struct tpi_waiter node[];
};

static void
destroy(struct async *async)
{
	if (async->f != NULL) {
		tpar_future_unref_all(async->f, async->n);
		free(async->f);
	}
	free(async->drops);
	free(async);
}

/* What was moved into the value of `all` is to be dropped with it. */
static void
move_drops(struct async *async)
{
	struct tpi_drops *drops = async->drops;
	size_t i;

	if (drops == NULL) {
		return;
	}
	for (i = 0; i < async->n; i++) {
		struct tpar_future *f = async->f[i];

		if ((f->flags & TPI_F_DROP_VALUE) == 0) {
			continue;
		}
		drops->item[i].fn = f->drop_value;
		if (f->drop_value == NULL) {
			drops->item[i].nested = f->arg;
			f->arg = NULL;
		}
	}
	async->all->arg = drops;
	async->drops = NULL;
}

/* How the set has ended: what a task would return that gathers it. */
static int
outcome(struct async *async, char **message)
{
	uintptr_t cause = tpi_frame_cause(&async->frame);
	struct tpar_future *bad = (struct tpar_future *)cause;
	char text[TPAR_MESSAGE_MAX];
	int rc;

	if (tpi_gather_is_complete(async->f, async->n)) {
		if (tpi_gather_move(async->f, async->n,
				    tpi_future_payload(async->all),
				    &async->found)) {
			move_drops(async);
			return 0;
		}
		*message = tpi_future_copy_text(async->all,
						"a value was taken before");
		return TPAR_EALREADY;
	}
	if (cause <= TPI_USED_UP) {
		return TPAR_ESTOPPED;
	}
	tpi_failure_text(bad, tpi_gather_index(async->f, bad), text,
			 sizeof text);
	*message = tpi_future_copy_text(async->all, text);
	rc = tpar_future_code(bad);
	return tpar_future_state(bad) == TPAR_CANCELLED ? TPAR_ECANCELED : rc;
}

static void
complete(struct tpi_callback *callback, struct tpar_future *none)
{
	struct async *async = TPI_CONTAINER(callback, struct async, last);
	struct tpar_future *all = async->all;
	char *message = NULL;
	int rc = outcome(async, &message);

	(void)none;
	tpi_frame_unpublish(&async->frame, all);
	tpi_block_await_unpinned(all);
	tpi_future_end(all, rc, message);
	destroy(async);
	tpi_future_release(all);
}

/* Room for the drop functions and a future for the values. */
static enum tpar_err
make_all(struct async *async)
{
	struct tpar_task task = { .name = "tpar_gather_async" };
	size_t size = async->found.value_size;
	struct tpi_shape shape;

	task.value_size = async->n * size;
	if (!tpi_future_shape(&task, &shape)) {
		return tpi_err(TPAR_EINVAL,
			       "%zu values of %zu bytes are more "
			       "than one future has room for",
			       async->n, size);
	}
	if (async->found.drops) {
		async->drops =
			calloc(1, sizeof *async->drops +
					  async->n * sizeof(struct tpi_drop));
		if (async->drops == NULL) {
			return tpi_err_plain(TPAR_ENOMEM);
		}
		async->drops->n = async->n;
		async->drops->size = size;
		shape.flags |= TPI_F_DROP_VALUE;
	}
	async->all = tpi_loose_create(&task, &shape, true);
	return async->all != NULL ? TPAR_OK : tpi_err_plain(TPAR_ENOMEM);
}

static enum tpar_err
make(struct async *async, tpar_future *const *f, size_t n)
{
	size_t i;

	async->f = malloc((n > 0 ? n : 1) * sizeof(tpar_future *));
	if (async->f == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	async->n = n;
	for (i = 0; i < n; i++) {
		async->f[i] = tpar_future_ref(f[i]);
	}
	return make_all(async);
}

static void
start(struct async *async)
{
	struct tpi_frame *frame = &async->frame;
	struct tpar_future *bad = async->found.first_bad;
	size_t own = 0;
	size_t i;

	if (bad != NULL) {
		(void)tpi_frame_elect(frame, (uintptr_t)bad);
	}
	tpi_frame_publish(frame, async->all);
	for (i = 0; i < async->n; i++) {
		struct tpi_waiter *node = &async->node[i];
		struct tpar_future *one = async->f[i];
		uintptr_t word;

		node->frame = frame;
		word = tpi_state_push_waiter(&one->state, node, &node->next);
		if (tpi_state_phase(word) == TPI_ENDED) {
			own++;
			tpi_block_see_ended(frame, one);
		}
	}
	if (bad != NULL) {
		tpi_cancel_members(frame);
	}
	if (tpi_frame_take_off(frame, (int64_t)own + 1)) {
		complete(&async->last, NULL); /* nobody knows of it yet */
	}
}

enum tpar_err
tpar_gather_async(tpar_future *const *f, size_t n, tpar_future **all)
{
	struct tpi_survey found = { 0 };
	enum tpar_err err = TPAR_OK;
	struct async *async;

	if (all == NULL) {
		return tpi_err(TPAR_EINVAL, "all is NULL");
	}
	if (n > 0) {
		err = tpi_gather_survey(f, n, false, true, &found);
	}
	if (err != TPAR_OK) {
		return err;
	}
	async = aligned_alloc(_Alignof(struct async),
			      sizeof *async + n * sizeof async->node[0]);
	if (async == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	memset(async, 0, sizeof *async);
	async->found = found;
	err = make(async, f, n);
	if (err != TPAR_OK) {
		destroy(async);
		return err;
	}
	tpi_frame_init(&async->frame, TPI_WAIT_GATHER, async->f, n);
	async->frame.parker = NULL;
	async->frame.then = &async->last;
	async->frame.task = async->all;
	async->frame.shielded = false;
	tpi_store_relaxed(&async->frame.owner, 0);
	async->last.fn = complete;
	*all = async->all;
	start(async);
	return TPAR_OK;
}
