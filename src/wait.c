/* SPDX-License-Identifier: MIT */
/*
 * wait.c - waiting for a set, in the order of doc/TOUR.md#wait:
 *
 *   publish   the frame, so that a cancel and helpers find it; then look
 *             whether the task was asked to stop (G3)
 *   register  with each member that has not ended
 *   claim     members that have not begun, and run them here, in order
 *   help      claim what a running member waits for itself, and run it here
 *   block     hand the place in the pool over, and sleep
 *
 * Nothing else ever runs on top of a waiting task: only what it waits for, or
 * what that waits for.  Hence no deadlock that the program does not have
 * itself; doc/STATES.md#wait.
 */
#include "config.h"

#include "alarm.h"
#include "audit.h"
#include "block.h"
#include "cancel.h"
#include "clock.h"
#include "cycle.h"
#include "err.h"
#include "fork.h"
#include "forkend.h"
#include "future.h"
#include "help.h"
#include "loose.h"
#include "parker.h"
#include "run.h"
#include "thread.h"
#include "trim.h"
#include "wait.h"
#include "worker.h"

#include <taskpar/future.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Rounds of looking before sleeping: some 5 us, about what a wake costs. */
#define SPIN_ROUNDS 100

/*
 * Registers with all members that have not ended; the first one that this
 * thread may run is claimed instead and returned; n: none.
 */
static size_t
join(struct tpi_wait *wait, bool claim)
{
	struct tpi_frame *frame = wait->frame;
	size_t first = frame->n;
	size_t i;

	for (i = wait->begin; i < frame->n; i++) {
		struct tpar_future *f = frame->f[i];

		if (i + TPI_AHEAD < frame->n) {
			TPI_PREFETCH(&frame->f[i + TPI_AHEAD]->state);
		}
		if (claim && first == frame->n &&
		    tpi_state_peek(&f->state) == TPI_PENDING &&
		    tpi_help_may_run(wait->worker, f) &&
		    tpi_run_claim(wait->worker, f, &wait->watch)) {
			first = i;
			continue;
		}
		switch (tpi_frame_register(frame, f)) {
		case TPI_REGISTERED:
			break;
		case TPI_HAD_ENDED:
			tpi_block_take_ended(frame, f);
			break;
		case TPI_NO_MEMORY:
			wait->unregistered = i;
			return first;
		}
	}
	return first;
}

/* Runs a claimed member, on top of the waiting task. */
static void
run_member(struct tpi_wait *wait, size_t i)
{
	struct tpi_frame *frame = wait->frame;

	if (!tpi_frame_is_set(frame)) {
		tpi_frame_cover(frame, frame->f[i]);
		tpi_run_call(frame->f[i], &wait->watch, false);
		tpi_frame_uncover(frame);
	} else {
		tpi_run_call(frame->f[i], &wait->watch, true);
	}
}

/*
 * Runs the members that have not begun, in order, while nothing has failed;
 * `first` is claimed and not registered, n: there is none.
 */
static void
run_members(struct tpi_wait *wait, size_t first)
{
	struct tpi_frame *frame = wait->frame;
	size_t i;

	wait->claimed = first;
	if (first < frame->n) {
		if (tpi_frame_cause(frame) != 0 && tpi_frame_is_set(frame) &&
		    !tpi_future_is_shielded(frame->f[first])) {
			tpi_run_skip(frame->f[first], &wait->watch);
		} else {
			run_member(wait, first);
		}
		wait->claimed = frame->n;
		tpi_block_take_ended(frame, frame->f[first]);
	}
	for (i = wait->begin; i < frame->n; i++) {
		struct tpar_future *f = frame->f[i];

		if (tpi_state_peek(&f->state) != TPI_PENDING) {
			wait->left_pending |= tpi_loose_is(f);
			continue;
		}
		if (tpi_load_relaxed(&frame->cause) != 0 ||
		    !tpi_help_may_run(wait->worker, f)) {
			wait->left_pending = true;
			continue;
		}
		if (tpi_run_claim(wait->worker, f, &wait->watch)) {
			run_member(wait, i);
			if (i >= wait->unregistered) {
				/* tpi_block_poll() counts it. */
				tpi_block_see_ended(frame, f);
			}
		}
	}
}

/*
 * Looks a little longer, helping if it may; true: all members have ended.  From
 * outside not if the last one has yet to begin: the thread that has just been
 * woken for it may be waiting for this very CPU.
 */
static bool
spin(struct tpi_wait *wait, bool helping)
{
	struct tpi_frame *frame = wait->frame;
	unsigned i;

	if (wait->worker == NULL &&
	    tpi_state_peek(&frame->f[frame->n - 1]->state) == TPI_PENDING) {
		return tpi_frame_complete(frame);
	}
	for (i = 0; i < SPIN_ROUNDS; i++) {
		if (tpi_frame_complete(frame)) {
			return true;
		}
		if (tpi_block_ends_early(frame)) {
			return false;
		}
		if (helping && tpi_help_members(wait)) {
			i = 0;
		}
		tpi_cpu_pause();
	}
	return tpi_frame_complete(frame);
}

/*
 * Gives the members up that have not ended.  Those that are just ending signal
 * the frame, which is waited for.  Returns how many were given up.
 */
static size_t
leave(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;
	size_t removed = 0;
	size_t i;

	for (i = wait->begin; i < frame->n && i < wait->unregistered; i++) {
		if (tpi_state_peek(&frame->f[i]->state) != TPI_ENDED) {
			removed += tpi_frame_unregister(frame, frame->f[i]);
		}
	}
	(void)tpi_frame_take_off(frame, (int64_t)removed);
	/* ENDS: whoever ends one of the others is about to take it off. */
	while (!tpi_frame_complete(frame)) {
		if (frame->parker != NULL) {
			(void)tpi_parker_park(frame->parker, 0);
		} else {
			tpi_block_nap();
		}
	}
	return removed;
}

/* Takes off what the owner counted; true: all members have ended. */
static bool
settle(struct tpi_frame *frame, size_t missing)
{
	tpi_store_relaxed(&frame->owner, 0);
	if (frame->own == frame->n) {
		return true; /* nobody else ever touched the countdown */
	}
	return tpi_frame_take_off(frame, (int64_t)(frame->own + missing + 1)) &&
	       missing == 0;
}

static enum tpar_err
early_error(struct tpi_frame *frame)
{
	switch (tpi_frame_cause(frame)) {
	case TPI_TIMED_OUT:
		return tpi_err_plain(TPAR_ETIMEDOUT);
	case TPI_DEADLOCKED:
		return TPAR_EDEADLK; /* the chain is recorded */
	case TPI_STOPPED:
		return tpi_err_plain(TPAR_ESTOPPED);
	default:
		return TPAR_OK; /* one of them has ended */
	}
}

/* What is left after this thread has done what it could by itself. */
static TPI_INLINE enum tpar_err
await_others(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;
	/* A plain wait may have to end early, so it takes nothing more on. */
	bool helping = wait->worker != NULL && !wait->exiting &&
		       tpi_frame_is_set(frame) &&
		       tpi_load_relaxed(&frame->timed) == 0 &&
		       tpi_help_stack_left(wait->worker);

	if (TPI_UNLIKELY(wait->unregistered < frame->n)) {
		tpi_block_poll(wait);
	}
	if (TPI_LIKELY(tpi_load_relaxed(&frame->owner) != 0) &&
	    settle(frame, wait->missing)) {
		return TPAR_OK;
	}
	/* Once, before anything is put on top: see there. */
	tpi_block_check_cycles(wait);
	/* Helpers would go round and round the cycle. */
	if ((wait->insists || !spin(wait, helping)) &&
	    !tpi_block_ends_early(frame)) {
		tpi_block_sleep(wait);
	}
	if (!tpi_frame_complete(frame)) {
		wait->missing += leave(wait);
	}
	if (wait->missing > 0) {
		return early_error(frame);
	}
	return TPAR_OK;
}

/* The frame is of no concern to anybody from now on. */
static void
end(struct tpi_wait *wait)
{
	tpi_block_unpublish(wait->frame);
	if (TPI_UNLIKELY(wait->frame->nodes != NULL)) {
		tpi_frame_fini(wait->frame);
	}
}

/*
 * What ran on top has called pthread_exit(), and has been ended; this stack is
 * about to go.  A set is cancelled and waited for, other members are left alone.
 * Nothing is run on top any more.
 */
static void
abandon(void *arg)
{
	struct tpi_wait *wait = arg;
	struct tpi_frame *frame = wait->frame;

	wait->exiting = true;
	wait->left_pending = true;
	if (wait->watches) {
		tpi_alarm_unwatch(&wait->uneasy);
		wait->watches = false;
	}
	tpi_block_uncover_found(wait);
	if (tpi_frame_elect(frame, TPI_STOPPED) && tpi_frame_is_set(frame)) {
		tpi_cancel_members(frame);
	}
	if (wait->claimed < frame->n) {
		tpi_block_take_ended(frame, frame->f[wait->claimed]);
		wait->claimed = frame->n;
	}
	(void)await_others(wait);
	end(wait);
	free(wait->cycle);
	tpi_forkend_exit();
}

/* From the first member to the last. */
static enum tpar_err
await_all(struct tpi_wait *wait, bool claim)
{
	struct tpi_frame *frame = wait->frame;
	enum tpar_err err;
	size_t first;

	pthread_cleanup_push(abandon, wait);
	first = join(wait, claim);
	if (claim) {
		run_members(wait, first);
		if (!wait->left_pending && frame->group == NULL) {
			tpi_trim_set(wait->worker, frame->f, frame->n);
		} else if (!wait->left_pending) {
			tpi_trim_held(wait->worker, frame->f, frame->n);
		}
	}
	err = await_others(wait);
	pthread_cleanup_pop(0);
	return err;
}

/* Somebody looks whether all have ended, and saw that not. */
static enum tpar_err
poll_only(struct tpi_frame *frame)
{
	if (frame->task != NULL && tpi_cancel_requested_here()) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	return tpi_err_plain(TPAR_ETIMEDOUT);
}

/* As it was when this one found it; a plain wait has recorded it itself. */
static void
describe_cycle(struct tpi_wait *wait)
{
	if (wait->cycle != NULL) {
		(void)tpi_err(TPAR_EDEADLK, "%s", wait->cycle);
	} else if (tpi_load_relaxed(&wait->frame->given_up) ==
		   TPI_GIVEN_UP_FOR_TIED) {
		(void)tpi_err(TPAR_EDEADLK,
			      "a fork-join computation waits for what waits "
			      "here, and that leads back to it");
	}
}

enum tpar_err
tpi_wait_frame(struct tpi_frame *frame, int64_t deadline_ns,
	       struct tpar_future *first_bad, size_t begin)
{
	struct tpi_wait wait = { .frame = frame,
				 .worker = tpi_thread_self.worker,
				 .deadline_ns = deadline_ns,
				 .exiting = tpi_thread_self.exiting,
				 .begin = begin,
				 .cursor = begin,
				 .unregistered = frame->n,
				 .claimed = frame->n };
	bool timed = deadline_ns != 0 || tpi_frame_is_choice(frame);
	bool claim = wait.worker != NULL && !timed && frame->task != NULL &&
		     !wait.exiting && tpi_help_stack_left(wait.worker);
	enum tpar_err err;
	int saved = errno;

	if (deadline_ns < 0 && !tpi_frame_is_set(frame)) {
		return poll_only(frame);
	}
	tpi_store_relaxed(&frame->timed, timed);
	frame->own = begin;
	if (TPI_UNLIKELY(first_bad != NULL)) {
		(void)tpi_frame_blame(
			frame, first_bad,
			(unsigned)(tpi_state_get(&first_bad->state) &
				   TPI_OUTCOME));
	}
	tpi_block_publish(frame);
	if (TPI_UNLIKELY(first_bad != NULL)) {
		tpi_cancel_members(frame);
	}
	claim = claim && !tpi_block_ends_early(frame);
	wait.left_pending = !claim;
	err = await_all(&wait, claim);
	end(&wait);
	if (TPI_UNLIKELY(tpi_load_relaxed(&frame->given_up) != 0) &&
	    tpi_frame_is_set(frame)) {
		err = TPAR_EDEADLK;
	}
	if (err == TPAR_OK && tpi_frame_cause(frame) == TPI_USED_UP) {
		err = tpi_err(TPAR_EAGAIN, "stack and threads are used up");
	}
	if (err == TPAR_OK && tpi_frame_is_set(frame) &&
	    tpi_frame_cause(frame) == TPI_DEADLOCKED) {
		err = TPAR_EDEADLK; /* the cancel has broken the cycle */
	}
	if (TPI_UNLIKELY(err == TPAR_EDEADLK)) {
		describe_cycle(&wait);
	}
	free(wait.cycle);
	errno = saved;
	return err;
}

/* How a single future ended. */
static enum tpar_err
ended_as(struct tpar_future *f)
{
	switch (tpi_state_get(&f->state) & TPI_OUTCOME) {
	case TPI_DONE:
		return TPAR_OK;
	case TPI_FAILED:
		return tpi_err_plain(TPAR_EFAILED);
	default:
		return tpi_err_plain(TPAR_ECANCELED);
	}
}

enum tpar_err
tpar_future_wait(tpar_future *f, int64_t deadline_ns)
{
	struct tpi_frame frame;
	enum tpar_err err;

	tpi_audit_use(f, "tpar_future_wait()");
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	tpi_fork_look(f);
	if (tpi_state_phase(tpi_state_get(&f->state)) == TPI_ENDED) {
		return ended_as(f);
	}
	tpi_frame_init(&frame, TPI_WAIT_ONLY, &f, 1);
	if (tpi_thread_task() == f) {
		tpi_cycle_describe_self(f);
		return TPAR_EDEADLK;
	}
	err = tpi_wait_frame(&frame, deadline_ns, NULL, 0);
	return err == TPAR_OK ? ended_as(f) : err;
}
