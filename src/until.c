/* SPDX-License-Identifier: MIT */
/*
 * until.c - sleeping until something is true that is no end of a member: room
 * in a window, an item in a stream, a pool that is quiet, nothing at all.
 *
 * Others have to be running for it, so the place in the pool is handed over
 * meanwhile, as in any wait.
 */
#include "config.h"

#include "alarm.h"
#include "block.h"
#include "cancel.h"
#include "clock.h"
#include "cycle.h"
#include "err.h"
#include "errand.h"
#include "forkend.h"
#include "park.h"
#include "parker.h"
#include "pool.h"
#include "thread.h"
#include "wait.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>

/* Why the wait ends although pred is not true; TPAR_OK: it does not. */
static enum tpar_err
ends_until(struct tpi_frame *frame, int64_t deadline_ns)
{
	tpi_block_check_stop(frame);
	if (tpi_block_ends_early(frame)) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	if (tpi_clock_passed(deadline_ns)) {
		return tpi_err_plain(TPAR_ETIMEDOUT);
	}
	return TPAR_OK;
}

static enum tpar_err
sleep_until(struct tpi_wait *wait, bool (*pred)(void *arg), void *arg)
{
	struct tpi_frame *frame = wait->frame;
	enum tpar_err err = TPAR_OK;
	/* A blocking task that waits for no other one does what it is for. */
	bool hands_over = wait->worker != NULL &&
			  (!wait->worker->elastic || frame->n > 0);

	if (hands_over) {
		(void)tpi_park_block(wait->worker);
	}
	/* ENDS: who makes pred true, or cancels the task, wakes the parker. */
	while (!pred(arg) &&
	       (err = ends_until(frame, wait->deadline_ns)) == TPAR_OK) {
		if (wait->worker != NULL &&
		    (tpi_errand_check(wait->worker) ||
		     (frame->n > 0 && tpi_block_check_starved(wait)))) {
			continue; /* it may have taken our token: look again */
		}
		if (frame->parker == NULL) {
			tpi_block_nap();
		} else {
			(void)tpi_parker_park(frame->parker, wait->deadline_ns);
		}
	}
	if (hands_over) {
		tpi_park_unblock(wait->worker);
	}
	return err;
}

/* A task that was run here has called pthread_exit(). */
static void
abandon(void *arg)
{
	struct tpi_wait *wait = arg;

	if (wait->watches) {
		tpi_alarm_unwatch(&wait->uneasy);
	}
	tpi_block_uncover_found(wait);
	tpi_block_unpublish(wait->frame);
	tpi_forkend_exit();
}

enum tpar_err
tpi_wait_among(tpar_future *const *f, size_t n, bool (*pred)(void *arg),
	       void *arg, struct tpi_parker *parker, int64_t deadline_ns)
{
	struct tpi_frame frame;
	struct tpi_wait wait = { .frame = &frame,
				 .worker = tpi_thread_self.worker,
				 .deadline_ns = deadline_ns,
				 .exiting = tpi_thread_self.exiting };
	int saved = errno; /* a member may be run here */
	enum tpar_err err;

	tpi_frame_init(&frame, TPI_WAIT_ONLY, f, n);
	frame.parker = parker; /* also if there would be one by now */
	tpi_store_relaxed(&frame.timed, 1);
	tpi_block_publish(&frame);
	wait.uneasy.parker = parker;
	wait.watches = wait.worker != NULL && n > 0 && parker != NULL;
	if (wait.watches) {
		tpi_alarm_watch(&wait.uneasy);
	}
	pthread_cleanup_push(abandon, &wait);
	err = sleep_until(&wait, pred, arg);
	pthread_cleanup_pop(0);
	if (wait.watches) {
		tpi_alarm_unwatch(&wait.uneasy);
	}
	tpi_block_unpublish(&frame);
	errno = saved;
	return err;
}

void
tpi_wait_until(bool (*pred)(void *arg), void *arg, struct tpi_parker *parker)
{
	struct tpi_frame frame;
	struct tpi_wait wait = { .frame = &frame,
				 .worker = tpi_thread_self.worker };

	tpi_frame_init(&frame, TPI_WAIT_ONLY, NULL, 0);
	frame.parker = parker;
	frame.task = NULL;
	tpi_store_relaxed(&frame.timed, 1);
	(void)sleep_until(&wait, pred, arg);
}

enum tpar_err
tpi_wait_pool(struct tpar_pool *pool, bool (*pred)(void *pool),
	      struct tpi_parker *parker, int64_t deadline_ns, bool stoppable)
{
	struct tpi_frame frame;
	struct tpi_wait wait = { .frame = &frame,
				 .worker = tpi_thread_self.worker,
				 .deadline_ns = deadline_ns };
	enum tpar_err err = TPAR_EDEADLK;

	/* A set without members goes on although it has been stopped. */
	tpi_frame_init(&frame, stoppable ? TPI_WAIT_ONLY : TPI_WAIT_SETTLED,
		       NULL, 0);
	frame.parker = parker;
	tpi_store_relaxed(&frame.timed, deadline_ns != 0);
	if (deadline_ns == 0) {
		tpi_store_relaxed(&frame.pool, pool);
	}
	tpi_block_publish(&frame);
	if (frame.task == NULL || deadline_ns != 0 ||
	    !tpi_cycle_find(&frame, 0) || !tpi_cycle_leave_pool(&frame)) {
		err = sleep_until(&wait, pred, pool);
	}
	tpi_block_unpublish(&frame);
	return err;
}
