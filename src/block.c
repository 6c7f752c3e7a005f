/* SPDX-License-Identifier: MIT */
/*
 * block.c - the end of a wait: sleeping, and what is looked at before and
 * between: a cycle, a cancel, the deadline, whether threads are used up.
 */
#include "config.h"

#include "alarm.h"
#include "block.h"
#include "cancel.h"
#include "clock.h"
#include "cycle.h"
#include "errand.h"
#include "loose.h"
#include "parker.h"
#include "pool.h"
#include "run.h"
#include "starved.h"
#include "worker.h"

#include <string.h>
#include <time.h>

/* How often who insists looks whether a cycle is still there. */
#define INSIST_NS 1000000

void
tpi_block_decide(struct tpi_frame *frame, struct tpar_future *f,
		 unsigned outcome)
{
	if (frame->kind == TPI_WAIT_ANY) {
		(void)tpi_frame_elect(frame, (uintptr_t)f);
	} else if (tpi_frame_blame(frame, f, outcome)) {
		tpi_cancel_members(frame);
	}
}

/* Has the calling task been asked to stop?  Then so is its set, once. */
void
tpi_block_check_stop(struct tpi_frame *frame)
{
	if (frame->task != NULL && tpi_cancel_requested_here() &&
	    tpi_frame_elect(frame, TPI_STOPPED) && tpi_frame_is_set(frame)) {
		tpi_cancel_members(frame);
	}
}

/*
 * Before the first sleep, and when the deadline of a gather has come: does a
 * member wait for the calling task?
 */
void
tpi_block_check_cycles(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;

	if (frame->task == NULL || tpi_load_relaxed(&frame->timed) != 0 ||
	    tpi_block_ends_early(frame) ||
	    !tpi_cycle_find(frame, wait->cursor)) {
		return;
	}
	if (!tpi_frame_is_set(frame)) {
		tpi_cycle_leave(frame);
		return;
	}
	if (wait->cycle == NULL) {
		/* Drop functions of what is cancelled may err, too. */
		wait->cycle = strdup(tpar_error_detail());
	}
	if (tpi_frame_elect(frame, TPI_DEADLOCKED)) {
		tpi_cancel_members(frame);
	}
	if (frame->tied) {
		wait->insists = true;
	} else {
		(void)tpi_cycle_give_up(frame);
	}
}

void
tpi_block_uncover_found(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;

	tpi_frame_uncover_found(frame);
	if (frame->task != NULL) {
		tpi_block_await_unpinned(frame->task);
	}
	if (wait->found != NULL) {
		tpi_future_release(wait->found);
		wait->found = NULL;
	}
}

/*
 * No thread is left for a member, which is about to be cancelled: as any other
 * that is, it stops a gather, and a race goes on with those that are left.
 */
static void
use_up(struct tpi_frame *frame)
{
	if (frame->kind != TPI_WAIT_RACE &&
	    tpi_frame_elect(frame, TPI_USED_UP) &&
	    frame->kind == TPI_WAIT_GATHER) {
		tpi_cancel_members(frame);
	}
}

/* Runs a claimed task here or, where that is forbidden, cancels it. */
static void
run_starved(struct tpi_wait *wait, struct tpar_future *f,
	    struct tpi_watch *watch, bool bound)
{
	struct tpi_frame *frame = wait->frame;
	struct tpi_worker *w = wait->worker;
	bool may_run = !wait->exiting && tpi_help_stack_left(w) &&
		       tpi_help_may_run(w, f);
	bool blocks = tpi_future_is_blocking(f);

	if (!blocks) {
		tpi_park_unblock(w);
	}
	if (may_run) {
		tpi_frame_cover(frame, f);
		tpi_run_call(f, watch, bound && tpi_frame_is_set(frame));
	} else {
		use_up(frame);
		tpi_run_skip(f, watch);
	}
	tpi_block_uncover_found(wait);
	if (!blocks) {
		(void)tpi_park_block(w);
	}
}

/*
 * Threads are used up: members that nobody can begin are run here or, where
 * that is forbidden, cancelled.  Meanwhile the calling thread, which has given
 * its place up, is active again: whoever publishes work must be (S3).
 */
bool
tpi_block_check_starved(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;
	struct tpi_worker *w = wait->worker;
	struct tpi_watch watch;
	struct tpar_future *f;
	bool loose = false;
	bool bound;
	bool any = false;
	size_t i;

	for (i = 0; i < frame->n && !tpi_block_ends_early(frame); i++) {
		f = frame->f[i];
		loose |= tpi_loose_is(f);
		if (!tpi_loose_is(f) &&
		    tpi_state_peek(&f->state) == TPI_PENDING &&
		    !tpi_run_has_thread(w, f) && tpi_run_claim(w, f, &watch)) {
			run_starved(wait, f, &watch, true);
			any = true;
		}
	}
	while (TPI_UNLIKELY(loose) && !tpi_block_ends_early(frame) &&
	       (f = tpi_starved_find(w, frame, &watch, &bound)) != NULL) {
		wait->found = f;
		run_starved(wait, f, &watch, bound);
		any = true;
	}
	return any;
}

/*
 * A wait that leaves its members alone and has a cause to end early: used up
 * threads are one if a single member counts, which has been ended for that.
 */
bool
tpi_block_ends_early(struct tpi_frame *frame)
{
	uintptr_t cause = tpi_frame_cause(frame);

	return !tpi_frame_is_set(frame) && cause != 0 &&
	       (cause != TPI_USED_UP || frame->kind == TPI_WAIT_ANY);
}

void
tpi_block_check_deadline(struct tpi_wait *wait)
{
	if (wait->deadline_ns == 0 || !tpi_clock_passed(wait->deadline_ns)) {
		return;
	}
	wait->deadline_ns = 0;
	if (tpi_frame_elect(wait->frame, TPI_TIMED_OUT) &&
	    tpi_frame_is_set(wait->frame)) {
		tpi_cancel_members(wait->frame);
	}
	if (tpi_frame_is_set(wait->frame)) {
		/* It has to wait for the whole set all the same. */
		tpi_frame_end_deadline(wait->frame);
		tpi_block_check_cycles(wait);
	}
}

/*
 * A race that has a winner, or was stopped, goes on only for those that it has
 * cancelled, like any other set: now it can be part of a cycle.
 */
static void
check_decided(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;

	if (TPI_UNLIKELY(frame->kind == TPI_WAIT_RACE) &&
	    tpi_load_relaxed(&frame->timed) != 0 &&
	    tpi_frame_cause(frame) != 0) {
		tpi_frame_end_deadline(frame);
		tpi_block_check_cycles(wait);
	}
}

/* ENDS: those who have pinned it unpin it; others do not find it. */
void
tpi_block_await_unpinned(struct tpar_future *task)
{
	unsigned i;

	for (i = 1; TPI_UNLIKELY(!tpi_frame_unpinned(task)); i++) {
		if (i % 4096 == 0) {
			tpi_block_nap(); /* we may keep him from the CPU */
		} else if (i % 64 == 0) {
			tpi_yield();
		}
		tpi_cpu_pause();
	}
}

/* Without a parker: there was no memory for one. */
void
tpi_block_nap(void)
{
	struct timespec ms = { 0, 1000000 };
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
	(void)pthread_setcancelstate(before, NULL);
}

static void
nap_blocked(struct tpi_wait *wait)
{
	bool served = wait->worker == NULL || tpi_park_block(wait->worker);

	tpi_block_nap();
	if (wait->worker != NULL) {
		(void)tpi_errand_check(wait->worker);
	}
	if (!served) {
		(void)tpi_block_check_starved(wait);
	}
	if (wait->worker != NULL) {
		tpi_park_unblock(wait->worker);
	}
}

/* Is one of those without a node the cause, that is not up yet? */
static void
look_ahead(struct tpi_frame *frame, size_t from)
{
	size_t i;

	for (i = from; i < frame->n && tpi_frame_cause(frame) == 0; i++) {
		if (tpi_state_peek(&frame->f[i]->state) == TPI_ENDED) {
			tpi_block_see_ended(frame, frame->f[i]);
		}
	}
}

/* false: the wait ends early, or the member leads back to us. */
static bool
poll_member(struct tpi_wait *wait, size_t i)
{
	struct tpi_frame *frame = wait->frame;

	/* ENDS: the member ends, or the wait ends early. */
	while (tpi_state_peek(&frame->f[i]->state) != TPI_ENDED) {
		look_ahead(frame, i);
		tpi_block_check_stop(frame);
		tpi_block_check_deadline(wait);
		check_decided(wait);
		if (tpi_block_ends_early(frame)) {
			return false;
		}
		/* A join on a cycle may have told it to stop. */
		if (tpi_frame_cause(frame) != 0 &&
		    tpi_cycle_give_up_one(frame, i)) {
			return false;
		}
		nap_blocked(wait);
	}
	tpi_block_take_ended(frame, frame->f[i]);
	return true;
}

void
tpi_block_poll(struct tpi_wait *wait)
{
	struct tpi_frame *frame = wait->frame;

	tpi_block_check_cycles(wait);
	if (wait->polled < wait->unregistered) {
		wait->polled = wait->unregistered;
	}
	for (; wait->polled < frame->n; wait->polled++) {
		wait->missing += !poll_member(wait, wait->polled);
	}
}

/* Until when to sleep: one that insists looks again after a millisecond. */
static int64_t
sleep_until(struct tpi_wait *wait)
{
	if (TPI_LIKELY(!wait->insists)) {
		return wait->deadline_ns;
	}
	wait->insists = tpi_cycle_break(wait->frame);
	return tpi_clock_now() + INSIST_NS;
}

/*
 * Sleeps until all members have been taken off, or the wait ends early.
 * ENDS: tpi_frame_member_off() takes the last one off and wakes the parker; a
 * cancel, or the winner of a race, is elected and wakes it; or the deadline comes.
 */
static void
sleep_blocked(struct tpi_wait *wait, bool starved)
{
	struct tpi_frame *frame = wait->frame;
	int64_t until;

	while (!tpi_frame_complete(frame)) {
		tpi_block_check_stop(frame);
		tpi_block_check_deadline(wait);
		check_decided(wait);
		if (tpi_block_ends_early(frame)) {
			break;
		}
		if (wait->worker != NULL && (tpi_errand_check(wait->worker) ||
					     ((starved || wait->left_pending) &&
					      tpi_block_check_starved(wait)))) {
			continue; /* it may have taken our token: look again */
		}
		until = sleep_until(wait);
		if (tpi_frame_complete(frame)) {
			break;
		}
		if (frame->parker == NULL) {
			tpi_block_nap();
		} else {
			(void)tpi_parker_park(frame->parker, until);
		}
		starved = false;
	}
}

void
tpi_block_sleep(struct tpi_wait *wait)
{
	struct tpi_worker *w = wait->worker;

	wait->uneasy.parker = wait->frame->parker;
	/* Not on this stack: a task that runs on top may call pthread_exit(). */
	wait->watches =
		w != NULL && wait->left_pending && wait->uneasy.parker != NULL;
	if (wait->watches) {
		tpi_alarm_watch(&wait->uneasy);
	}
	sleep_blocked(wait, w != NULL && !tpi_park_block(w));
	if (w != NULL) {
		tpi_park_unblock(w);
	}
	if (wait->watches) {
		tpi_alarm_unwatch(&wait->uneasy);
		wait->watches = false;
	}
}
