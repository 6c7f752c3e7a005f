/* SPDX-License-Identifier: MIT */
/*
 * alarm.c - waits that a lack of threads may concern, and waking them.
 */
#include "config.h"

#include "alarm.h"
#include "lock.h"
#include "parker.h"
#include "pool.h"

/* Waits that a lack of threads, in whichever pool, may concern. */
static struct tpi_lock uneasy_lock = TPI_LOCK_INIT(TPI_RANK_UNEASY);
static struct tpi_watch *uneasy; /* [m:uneasy_lock] */

void
tpi_alarm_watch(struct tpi_watch *watch)
{
	tpi_lock_enter(&uneasy_lock);
	tpi_watch_add_locked(&uneasy, watch);
	tpi_lock_leave(&uneasy_lock);
}

void
tpi_alarm_unwatch(struct tpi_watch *watch)
{
	tpi_lock_enter(&uneasy_lock);
	tpi_watch_remove_locked(watch);
	tpi_lock_leave(&uneasy_lock);
}

void
tpi_alarm_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		uneasy = NULL;
	}
	tpi_fork_lock(&uneasy_lock, when);
}

void
tpi_alarm_raise(void)
{
	struct tpi_watch *watch;

	tpi_lock_enter(&uneasy_lock);
	for (watch = uneasy; watch != NULL; watch = watch->next) {
		tpi_parker_wake(watch->parker);
	}
	tpi_lock_leave(&uneasy_lock);
}
