/* SPDX-License-Identifier: MIT */
/*
 * alarm.h - told when threads are used up: for waits whose members only other
 * threads may run.
 */
#ifndef TPI_ALARM_H
#define TPI_ALARM_H

#include "fork.h"

struct tpi_watch;

/*
 * From watch to unwatch, each alarm wakes the watch's parker: for waits with a
 * member that has not begun and that only other threads may run.  First watch,
 * then look whether a thread is free (tpi_park_can_run): whoever is the last to
 * block changes the sleep word first and raises the alarm afterwards.
 */
void tpi_alarm_watch(struct tpi_watch *watch);
void tpi_alarm_unwatch(struct tpi_watch *watch);

/* Before and after a fork, in whose child nobody watches. */
void tpi_alarm_fork(enum tpi_fork when);

/* Some pool has work and no thread for it. */
void tpi_alarm_raise(void);

#endif
