/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - regions, the list of those that are kicked, and the one timer
 * for all of them.
 *
 * While there is a region there is room for that timer, and a thread for it
 * (tpi_timer_reserve()), so that a kick cannot fail for want of them.
 */
#include "config.h"

#include "cancel.h"
#include "clock.h"
#include "die.h"
#include "err.h"
#include "interrupt.h"
#include "kick.h"
#include "lock.h"
#include "timer.h"

#include <taskpar/blocking.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP_FIRST TPAR_MILLISECOND
#define GAP_LAST (64 * TPAR_MILLISECOND)

static void kick_due(struct tpi_timer *timer);

static struct tpi_lock lock = TPI_LOCK_INIT(TPI_RANK_INTERRUPT);

/* [m:lock] */
static struct tpi_interrupt *kicked; /* the list */
static size_t regions;		     /* there are, for the timer's place */
static struct tpi_timer timer = { .fn = kick_due, .keeps = true };
static enum {
	IDLE,	 /* nobody is in the list, or the timer is about to be set */
	PENDING, /* it comes at timer_when, or is just coming */
	COMING /* it was pending when the last region went, and looks itself */
} timer_is = IDLE;
static int64_t timer_when;

/* ---- Kicking ------------------------------------------------------------- */

/*
 * Under the lock, as all here.  What could not be queued comes with the next
 * one.  A broadcast needs no mutex: it may come before its thread sleeps, and
 * comes again.
 */
static void
kick(struct tpi_interrupt *region)
{
	if (region->cond != NULL) {
		(void)pthread_cond_broadcast(region->cond);
	} else {
		region->kicked |= tpi_kick_send(region->thread);
	}
}

static void
enlist(struct tpi_interrupt *region)
{
	region->next = kicked;
	region->link = &kicked;
	if (kicked != NULL) {
		kicked->link = &region->next;
	}
	kicked = region;
}

static void
delist(struct tpi_interrupt *region)
{
	if (region->link != NULL) {
		*region->link = region->next;
		if (region->next != NULL) {
			region->next->link = region->link;
		}
		region->link = NULL;
	}
}

/* The timer comes at that time, or before. */
static void
set_timer(int64_t when)
{
	if (timer_is == COMING ||
	    (timer_is == PENDING &&
	     (when >= timer_when || !tpi_timer_remove(&timer)))) {
		return;
	}
	tpi_timer_add_reserved(&timer, when);
	timer_is = PENDING;
	timer_when = when;
}

/* It is open, its task was asked: now, and until it is left. */
static void
begin_kicks(struct tpi_interrupt *region)
{
	kick(region);
	region->gap = GAP_FIRST;
	region->when = tpi_clock_now() + GAP_FIRST;
	enlist(region);
	set_timer(region->when);
}

static void
kick_due(struct tpi_timer *due)
{
	struct tpi_interrupt *region;
	int64_t next = INT64_MAX;
	int64_t now;

	(void)due;
	tpi_lock_enter(&lock);
	timer_is = IDLE;
	now = tpi_clock_now();
	for (region = kicked; region != NULL; region = region->next) {
		if (region->when <= now) {
			kick(region);
			if (region->gap < GAP_LAST) {
				region->gap *= 2;
			}
			region->when = now + region->gap;
		}
		if (region->when < next) {
			next = region->when;
		}
	}
	if (kicked != NULL) {
		set_timer(next);
	}
	tpi_lock_leave(&lock);
}

/* The task of the region is asked to stop. */
static void
tell(struct tpi_handler *told)
{
	struct tpi_interrupt *region =
		TPI_CONTAINER(told, struct tpi_interrupt, told);

	tpi_lock_enter(&lock);
	region->asked = true;
	if (region->open) {
		begin_kicks(region);
	}
	tpi_lock_leave(&lock);
}

/* ---- Opening and closing ------------------------------------------------- */

/* There is one region more.  The signal is ready, if one is needed. */
static enum tpar_err
count_region(bool signals)
{
	enum tpar_err err = TPAR_OK;

	tpi_lock_enter(&lock);
	if (signals) {
		err = tpi_kick_ready();
	}
	if (err == TPAR_OK && regions == 0 && !tpi_timer_reserve()) {
		err = tpi_err(TPAR_ENOMEM,
			      "no memory or no thread for the timer");
	}
	regions += err == TPAR_OK;
	tpi_lock_leave(&lock);
	return err;
}

static void
uncount_region(const struct tpi_interrupt *region)
{
	tpi_lock_enter(&lock);
	/* In the child of a fork neither it nor the timer's place is counted. */
	if (region->generation == tpi_fork_generation && --regions == 0) {
		if (timer_is == PENDING) {
			timer_is = tpi_timer_remove(&timer) ? IDLE : COMING;
		}
		tpi_timer_give_back();
	}
	tpi_lock_leave(&lock);
}

static void
open_region(struct tpi_interrupt *region)
{
	tpi_lock_enter(&lock);
	region->open = true;
	/* One of before a fork has no place for the timer. */
	if (region->asked && region->generation == tpi_fork_generation) {
		begin_kicks(region);
	}
	tpi_lock_leave(&lock);
	if (region->raw > 0) {
		tpi_kick_unblock();
	}
}

/* Nothing that was sent is left when it returns, and nothing more is sent. */
static void
close_region(struct tpi_interrupt *region)
{
	bool any;

	if (region->raw > 0) {
		(void)tpi_kick_block(NULL);
	}
	tpi_lock_enter(&lock);
	region->open = false;
	delist(region);
	any = region->kicked;
	region->kicked = false;
	tpi_lock_leave(&lock);
	if (any) {
		tpi_kick_drain();
	}
}

/* A stolen fork is told with the task that it is a part of. */
static bool
hear(struct tpi_interrupt *region)
{
	region->listens = tpi_handler_add_for(
		&region->told, tpi_thread_root(tpi_thread_self.run), tell);
	return region->listens;
}

enum tpar_err
tpi_interrupt_begin(struct tpi_interrupt *region, pthread_cond_t *cond)
{
	struct tpi_run *run = tpi_thread_self.run;
	int saved = errno;
	enum tpar_err err = count_region(cond == NULL);

	if (err != TPAR_OK) {
		errno = saved;
		return err;
	}
	memset(region, 0, sizeof *region);
	region->thread = pthread_self();
	region->cond = cond;
	region->generation = tpi_fork_generation;
	region->signals = cond == NULL;
	if (region->signals) {
		region->was_unblocked = tpi_kick_block(NULL);
	}
	run->handled = true;
	run->interrupt = region;
	if (!tpi_cancel_shielded_here()) {
		if (!hear(region)) {
			tpi_interrupt_end(run);
			return tpi_err_plain(TPAR_ESTOPPED);
		}
		open_region(region);
	}
	errno = saved;
	return TPAR_OK;
}

void
tpi_interrupt_end(struct tpi_run *run)
{
	struct tpi_interrupt *region = run->interrupt;
	int saved = errno;

	close_region(region);
	/* It may be called still, and finds it closed. */
	tpi_handler_remove(&region->told);
	run->interrupt = NULL;
	uncount_region(region);
	if (region->signals && region->was_unblocked) {
		tpi_kick_unblock();
	}
	errno = saved;
}

void
tpi_interrupt_aim(struct tpi_interrupt *region, pthread_cond_t *cond)
{
	tpi_lock_enter(&lock);
	region->cond = cond;
	tpi_lock_leave(&lock);
}

/* Open is what is neither shielded nor paused. */
static void
open_or_close(struct tpi_interrupt *region)
{
	bool opens = region->pauses == 0 && !tpi_cancel_shielded_here();
	int saved = errno;

	/* Only the calling thread writes it. */
	if (opens && !region->open) {
		if (!region->listens && !hear(region)) {
			region->asked = true;
		}
		open_region(region);
	} else if (!opens && region->open) {
		close_region(region);
	}
	errno = saved;
}

void
tpi_interrupt_pause_slow(struct tpi_interrupt *region)
{
	region->pauses++;
	open_or_close(region);
}

void
tpi_interrupt_resume_slow(struct tpi_interrupt *region)
{
	region->pauses--;
	open_or_close(region);
}

void
tpi_interrupt_shield_slow(struct tpi_interrupt *region)
{
	open_or_close(region);
}

/* ---- The program's regions ----------------------------------------------- */

enum tpar_err
tpar_interruptible_enter(void)
{
	struct tpi_run *run = tpi_thread_self.run;
	struct tpi_interrupt *region;
	int saved = errno;
	enum tpar_err err;

	if (run == NULL || run->ending) {
		return TPAR_OK;
	}
	if (tpi_cancel_requested_here()) {
		return tpi_err_plain(TPAR_ESTOPPED);
	}
	if (run->interrupt != NULL) {
		run->interrupt->raw++;
		return TPAR_OK;
	}
	region = malloc(sizeof *region);
	if (region == NULL) {
		errno = saved;
		return tpi_err_plain(TPAR_ENOMEM);
	}
	err = tpi_interrupt_begin(region, NULL);
	if (err != TPAR_OK) {
		free(region);
		return err;
	}
	region->raw = 1;
	if (region->open) {
		tpi_kick_unblock();
	}
	return TPAR_OK;
}

void
tpi_interrupt_end_run(struct tpi_run *run)
{
	struct tpi_interrupt *region = run->interrupt;

	tpi_interrupt_end(run);
	free(region);
}

void
tpar_interruptible_leave(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run == NULL || run->interrupt == NULL || run->interrupt->raw == 0) {
		return;
	}
	if (run->interrupt->raw > 1) {
		run->interrupt->raw--;
		return;
	}
	tpi_interrupt_end_run(run);
}

enum tpar_err
tpar_interruptible_use(int number)
{
	enum tpar_err err;

	tpi_lock_enter(&lock);
	err = tpi_kick_choose(number);
	tpi_lock_leave(&lock);
	return err;
}

int
tpar_interruptible_signal(void)
{
	int number;

	tpi_lock_enter(&lock);
	number = tpi_kick_number();
	tpi_lock_leave(&lock);
	return number;
}

/* ---- Around fork() ------------------------------------------------------- */

static void
forget(void)
{
	while (kicked != NULL) {
		delist(kicked);
	}
	regions = 0;
	timer_is = IDLE;
}

void
tpi_interrupt_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		forget();
	}
	tpi_fork_lock(&lock, when);
}
