/* SPDX-License-Identifier: MIT */
/*
 * leap.c - leapfrogging: a join runs a fork of the worker that runs what it waits
 * for.  doc/FORKJOIN.md#leapfrogging.
 */
#include "config.h"

#include "block.h"
#include "forkend.h"
#include "forkjoin.h"
#include "frame.h"
#include "future.h"
#include "inject.h"
#include "leap.h"
#include "park.h"
#include "run.h"
#include "slots.h"
#include "take.h"
#include "thread.h"
#include "worker.h"

#include <pthread.h>

/* What others wait for, or nobody: not to be run on top of a join. */
static void
pass_on(struct tpi_worker *w, struct tpar_future *f)
{
	tpi_inject_push(tpi_take_shard(w, 0), &f->link, &f->link);
	tpi_park_notify(&w->pool->park, w->pool);
}

/* A fork that runs on top of a join; shown, so that cycles through it are seen. */
struct leap {
	struct tpi_frame frame;
	struct tpar_future *joined;
	struct tpar_future *f;
};

static void
begin_leap(struct leap *leap, struct tpar_future *joined, struct tpar_future *f)
{
	leap->joined = joined;
	leap->f = f;
	tpi_frame_init(&leap->frame, TPI_WAIT_SETTLED, &leap->joined, 1);
	leap->frame.tied = true;
	tpi_block_publish(&leap->frame);
}

static void
end_leap(struct leap *leap)
{
	tpi_block_unpublish(&leap->frame);
	tpi_future_release(leap->f);
}

/* A future that it waits for has called pthread_exit(). */
static void
abandon_leap(void *leap)
{
	end_leap(leap);
	tpi_forkend_exit();
}

bool
tpi_leap(struct tpi_worker *w, struct tpi_forked *forked, enum tpi_leap how)
{
	/* ORDER L4 acquire <- tpi_forkjoin_run() */
	struct tpi_worker *runner =
		atomic_load_explicit(&forked->runner, memory_order_acquire);
	struct tpar_future *f = NULL;
	struct tpi_slots *theirs;
	struct leap leap;
	bool got;

	if (runner == NULL || runner == w || tpi_thread_self.exiting) {
		return false;
	}
	got = tpi_deque_steal(&runner->deque, &f) == TPI_STEAL_GOT;
	theirs = tpi_slots_live(runner);
	if (theirs != NULL && (got ? !tpi_deque_nonempty(&runner->deque)
				   : how != TPI_LEAP_LOOK)) {
		tpi_slots_poke(theirs);
	}
	if (theirs != NULL && !got && how == TPI_LEAP_FORCE) {
		f = tpi_slots_force_from(w, theirs, forked);
		got = f != NULL;
	}
	if (!got) {
		return false;
	}
	/* Once it has ended, its worker may have forks of anybody. */
	if (!tpi_forkjoin_is(f) || tpi_forked_has_ended(forked)) {
		pass_on(w, f);
		return false;
	}
	if (!tpi_future_claim(f)) {
		tpi_future_release(f);
		return true;
	}
	begin_leap(&leap, &forked->future, f);
	pthread_cleanup_push(abandon_leap, &leap);
	tpi_run_call(f, NULL, false);
	pthread_cleanup_pop(0);
	end_leap(&leap);
	return true;
}
